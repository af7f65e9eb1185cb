"""What a run has reached: the strength table and the picture of the run."""

import shlex
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import cast

from rich.console import Console

from zerofleet.arena.lines import opponent_meaning
from zerofleet.arena.match import MatchResult
from zerofleet.arena.published import measure_published
from zerofleet.arena.scores import VersionScores
from zerofleet.arena.stats import (
    IterationStats,
    MatchStats,
    ScoreStats,
    is_rated,
    playing_version,
)
from zerofleet.cli.plain import plain_lines
from zerofleet.games import load_game
from zerofleet.monitor.tables import score_table, strength_table
from zerofleet.roles.config import RunConfig, TreeSearchRunConfig, parse_config_json, resolve
from zerofleet.roles.final_rating import keep_final_rating
from zerofleet.run.errors import RunError
from zerofleet.run.layout import CONFIG, STOP
from zerofleet.run.place import Place
from zerofleet.run.stats import read_stats
from zerofleet.run.store import Store, read_or_none
from zerofleet.run.words import counted, version_name

PICTURE = "learning_curve.png"


def show_result(console: Console, store: Store, run_dir: Place, *, measure: bool) -> None:
    """Prints the strength of the newest version and writes the learning curve.

    Args:
      measure: play the matches of `arena.final_games` with the newest version, rated or not, and
        keep them as its rating; else, and in runs without ratings, the last rating is shown.
    """
    entries = cast(list[IterationStats], read_stats(store))
    played = [e for e in entries if "mean_score" in e.get("game_stats", {})]
    rated = [e for e in entries if is_rated(e)]
    if played:
        stats = played[-1]["game_stats"]
        console.print(
            f"Self-play of version {playing_version(played[-1])}: mean score "
            f"{stats['mean_score']:,.0f}, median {stats['median_score']:,.0f}, best "
            f"{stats['best_score']:,.0f} in {counted(played[-1]['games'], 'game')}",
            soft_wrap=True,
            highlight=False,
        )
    config = resolve({}, parse_config_json(store.read(CONFIG)), {}) if entries else None
    if config and measure and config.arena.eval_games and config.arena.final_games:
        if entries[-1]["iteration"] == 0:
            console.print(
                "No loop was finished yet: this is the first net. The same command goes on."
            )
        _measure(console, store, config, entries)
        entries = cast(list[IterationStats], read_stats(store))
    elif config and rated:
        stats = rated[-1]["game_stats"]
        found = stats.get("matches", []), stats.get("scores", [])
        _show_strength(console, config, entries, rated[-1]["model_version"], *found)
    elif not played:
        console.print("No version is rated yet: the run has to go on for a while.")
        return
    try:
        from zerofleet.monitor.plot import plot_learning_curve

        run_dir.files.mkdir(parents=True, exist_ok=True)
        path = plot_learning_curve(entries, run_dir.files / PICTURE, title=run_dir.name)
    except ImportError as error:
        console.print(f"No picture: {error}")
        return
    if not run_dir.is_directory:
        store.put(PICTURE, path.read_bytes())
    console.print(f"Learning curve: {path}", soft_wrap=True, highlight=False)


def end_lines(store: Store, run_dir: Place, command: str) -> list[str]:
    """Why a run has ended, and what can be done with it now.

    Args:
      command: that goes on with it.
    """
    stop, data = read_or_none(store, STOP), read_or_none(store, CONFIG)
    if stop is None or data is None:
        return []
    config = resolve({}, parse_config_json(data), {})
    done = max((e.get("iteration", 0) for e in read_stats(store)), default=0)
    why = stop.decode(errors="replace").strip() or "somebody wrote STOP"
    where = shlex.quote(str(run_dir))
    more = f"Go on with: {command}"
    if done >= config.pacing.max_loops:
        flag = "--iterations" if _unit(config) == "iteration" else "--max-loops"
        more = f"Go on with: the same command and a higher {flag}"
    look = (
        f"Next: zerofleet play {where}; to look at it: zerofleet web {where}, "
        f"zerofleet results {where}"
    )
    # Before the first loop there is nothing to look at, and the net knows nothing.
    return [f"Ended after {counted(done, _unit(config))}: {why}", *([look] if done else []), more]


def _unit(config: RunConfig) -> str:
    return "iteration" if config.pacing.games_per_iteration else "loop"


def _measure(
    console: Console, store: Store, config: RunConfig, entries: Sequence[IterationStats]
) -> None:
    """Plays, shows and keeps the matches of the run's end."""
    version = entries[-1]["model_version"]
    game = load_game(config.game.spec)
    with _measuring(console, version, config.arena.final_games):
        rating = measure_published(store, game, version, config.arena)
    played = [r.stats() for r in rating.results if isinstance(r, MatchResult)]
    name = version_name(version)
    matches = [m for m in played if m["player"] == name]
    scores = rating.scores if isinstance(rating, VersionScores) else ()
    _show_strength(console, config, entries, version, matches, scores)
    try:
        keep_final_rating(store, game, rating)
    except RunError as error:
        console.print(f"These games are not kept: {error}", highlight=False, soft_wrap=True)


def _show_strength(
    console: Console,
    config: RunConfig,
    entries: Sequence[IterationStats],
    version: int,
    matches: Sequence[MatchStats],
    scores: Sequence[ScoreStats],
) -> None:
    depth = config.arena.depth
    how = f"searching {counted(depth, 'ply', 'plies')}"
    if isinstance(config, TreeSearchRunConfig):
        how = f"{counted(config.arena.num_simulations, 'simulation')} a move"
    # A gate may have kept it for several loops: the first one is its own.
    loop = next((e.get("iteration", 0) for e in entries if e.get("model_version") == version), 0)
    after = f"after {_unit(config)} {loop}" if loop else "the first net"
    title = f"Strength of version {version} ({after}), {how}"
    width = console.size.width
    if scores:
        console.print(score_table(scores, title=title, width=width))
    else:
        console.print(strength_table(matches, title=title, width=width))
    for name in [*(s["player"] for s in scores), *(m["opponent"] for m in matches)]:
        if meaning := opponent_meaning(name):
            plain_lines(console)(f"  {name}: {meaning}")


def _measuring(console: Console, version: int, num_games: int) -> AbstractContextManager[object]:
    """Says that the games are being played, which may take minutes."""
    text = f"Measuring version {version}: {num_games} games against each opponent (Ctrl-C: skip)"
    if console.is_terminal:
        return console.status(text)
    console.print(text, highlight=False)
    return nullcontext()
