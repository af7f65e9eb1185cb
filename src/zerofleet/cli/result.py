"""What a run has reached: the strength table and the picture of the run."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from rich.console import Console

from zerofleet.arena.published import measure_published
from zerofleet.arena.stats import IterationStats, MatchStats
from zerofleet.games import load_game
from zerofleet.monitor.tables import strength_table
from zerofleet.roles.config import TreeSearchRunConfig, parse_config_json, resolve
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
    played = [e for e in entries if "mean_score" in e.get("game_stats", {})]
    rated = [e for e in entries if e.get("game_stats", {}).get("matches")]
    if played:
        stats = played[-1]["game_stats"]
        console.print(
            f"Self-play of version {played[-1]['model_version'] - 1}: mean score "
            f"{stats['mean_score']:,.0f}, median {stats['median_score']:,.0f}, best "
            f"{stats['best_score']:,.0f} in {played[-1]['games']:,} games",
            soft_wrap=True,
            highlight=False,
        )
    elif rated:
        _show_strength(console, store, rated[-1], measure=measure)
    else:
        console.print("No version was rated yet.")
        return
    try:
        from zerofleet.monitor.plot import plot_learning_curve

        path = plot_learning_curve(entries, run_dir / PICTURE, title=f"{run_dir.name}")
    except ImportError as error:
        console.print(f"No picture: {error}")
        return
    console.print(f"Learning curve: {path}", soft_wrap=True, highlight=False)


def _show_strength(console: Console, store: Store, entry: IterationStats, *, measure: bool) -> None:
    config = resolve({}, parse_config_json(store.read(CONFIG)), {})
    version = entry["model_version"]
    matches: Sequence[MatchStats] = entry["game_stats"]["matches"]
    if measure and config.arena.final_games:
        with console.status(f"Measuring version {version}: {config.arena.final_games} games each"):
            game = load_game(config.game.spec)
            matches = measure_published(store, game, version, config.arena)
    how = f"searching {config.arena.depth} plies"
    if isinstance(config, TreeSearchRunConfig):
        how = f"{config.arena.num_simulations} simulations a move"
    title = f"Strength of version {version}, {how}"
    console.print(strength_table(matches, title=title, width=console.size.width))
