"""What a run has reached: the strength table and the picture of the run."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from rich.console import Console

from zerofleet.arena.published import measure_published
from zerofleet.arena.stats import IterationStats, MatchStats
from zerofleet.games import load_game
from zerofleet.monitor.tables import strength_table
from zerofleet.roles.config import parse_config_json, resolve
from zerofleet.run.layout import CONFIG
from zerofleet.run.stats import read_stats
from zerofleet.run.store import Store

PICTURE = "learning_curve.png"


def show_result(console: Console, store: Store, run_dir: Path, *, measure: bool) -> None:
    """Prints the strength of the newest rated version and writes the learning curve.

    Args:
      measure: play the matches of `arena.final_games` first; else the last rating is shown.
    """
    entries = cast(list[IterationStats], read_stats(store))
    rated = [e for e in entries if e.get("game_stats", {}).get("matches")]
    if not rated:
        console.print("No version was rated yet.")
        return
    config = resolve({}, parse_config_json(store.read(CONFIG)), {})
    game = load_game(config.game.spec)
    version = rated[-1]["model_version"]
    matches: Sequence[MatchStats] = rated[-1]["game_stats"]["matches"]
    if measure and config.arena.final_games:
        with console.status(f"Measuring version {version}: {config.arena.final_games} games each"):
            matches = measure_published(store, game, version, config.arena)
    console.print(
        strength_table(
            matches,
            title=f"Strength of version {version}, searching {config.arena.depth} plies",
            width=console.size.width,
        )
    )
    try:
        from zerofleet.monitor.plot import plot_learning_curve

        path = plot_learning_curve(entries, run_dir / PICTURE, title=f"{run_dir.name}")
    except ImportError as error:
        console.print(f"No picture: {error}")
        return
    console.print(f"Learning curve: {path}", soft_wrap=True, highlight=False)
