"""`zerofleet ladder`: the strength of all versions of a run."""

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from zerofleet.cli.options import (
    AsJson,
    DirectoryArgument,
    EvenGames,
    Flag,
    OpeningPlies,
    PlayerDepth,
    PlayerSimulations,
    Seed,
    check_knobs,
)
from zerofleet.run.words import counted

if TYPE_CHECKING:
    from zerofleet.arena.ladder import Ladder


def ladder(
    run_dir: DirectoryArgument,
    *,
    games: EvenGames = 100,
    versions: str = "all",
    opponents: str | None = None,
    seed: Seed = 1,
    simulations: PlayerSimulations = None,
    depth: PlayerDepth = None,
    opening_plies: OpeningPlies = 4,
    device: str = "cpu",
    save: Path | None = None,
    as_json: AsJson = False,
    quiet: Flag = False,
) -> int:
    """Let the versions of a run and fixed opponents play each other, and rate all of them at once.

    Writes RUN/ladder/ladder.json and ladder.png. Stop it with Ctrl-C and start it again: results
    that are there are not played anew. Games of one player: the scores of all versions.

    Examples:

        zerofleet ladder runs/connect_four
        zerofleet ladder runs/go7 --versions 10 --games 40 --opponents random,greedy,uct:100
        zerofleet ladder runs/chess --versions 1,50,100,200

    Parameters
    ----------
    games
        Of each pairing, even; of one player: of each version.
    versions
        all; a number N for so many of them, evenly spread; or a list 1,10,20.
    opponents
        Fixed opponents, the first is 0 on the scale (default: random and what fits the game).
    seed
        Of openings and of choices between equal moves.
    simulations
        Of each move of a version that is searched by trees; 0: no search (default: the run's,
        arena.num_simulations).
    depth
        Plies that an NNUE version searches (default: the run's, arena.depth).
    opening_plies
        Random plies before the players take over.
    device
        Where nets of policy and value are evaluated: cpu, cuda or cuda:N.
    save
        Directory for ladder.json and ladder.png (default: RUN/ladder).
    as_json
        Print ladder.json instead of the table.
    quiet
        Print no progress.
    """
    from zerofleet.arena.ladder import Ladder, LadderSettings, climb
    from zerofleet.arena.match import MatchStopped
    from zerofleet.arena.match_files import write_json
    from zerofleet.arena.opponents import with_opponents
    from zerofleet.fleet.supervisor import stop_signals
    from zerofleet.games import load_game
    from zerofleet.players.player import Player
    from zerofleet.players.registry import load_player, load_version
    from zerofleet.roles.config import AlphaBetaRunConfig, parse_config_json, resolve
    from zerofleet.run.layout import CONFIG
    from zerofleet.run.models import read_manifest
    from zerofleet.run.place import check_run_directory
    from zerofleet.run.store import DirectoryStore
    from zerofleet.run.words import parse_version_name, version_name

    check_run_directory(run_dir)
    store = DirectoryStore(run_dir)
    config = resolve({}, parse_config_json(store.read(CONFIG)), {})
    kind = "nnue" if isinstance(config, AlphaBetaRunConfig) else "safetensors"
    check_knobs(kind, f"the net of {run_dir}", depth=depth, simulations=simulations)
    game = load_game(config.game.spec)
    known = sorted(int(v) for v in read_manifest(store)["versions"])
    chosen = _chosen(versions, known, run_dir)
    arena = with_opponents(config.arena, game)
    names = tuple(opponents.split(",")) if opponents else arena.opponents
    settings = LadderSettings(
        games=games,
        seed=seed,
        depth=arena.depth if depth is None else depth,
        num_simulations=arena.num_simulations if simulations is None else simulations,
        opening_plies=opening_plies,
    )
    folder = save or run_dir / "ladder"
    path = folder / "ladder.json"
    found = Ladder.read(_read(path), settings, anchor=names[0])

    def load(name: str) -> Player:
        version = parse_version_name(name)
        if version is None:
            return load_player(name, game, device=device)
        return load_version(
            store,
            game,
            version,
            name=version_name(version),
            depth=settings.depth,
            num_simulations=settings.num_simulations,
            device=device,
        )

    def keep(done: int, total: int) -> None:
        write_json(path, found.to_json())
        if not quiet and not as_json:
            print(f"{done:,} of {counted(total, 'pairing')}", file=sys.stderr, flush=True)

    with stop_signals() as stop:
        with contextlib.suppress(MatchStopped):
            climb(found, game, chosen, names, load, on_result=keep, should_stop=stop.is_set)
        stopped = stop.is_set()
    if as_json:
        print(json.dumps(found.to_json(), indent=2))
    elif found.matches or found.scores:
        _show(found, folder, run_dir.name)
    return 130 if stopped else 0


def _chosen(text: str, known: list[int], run_dir: Path) -> list[int]:
    from zerofleet.arena.ladder import coarse_to_fine
    from zerofleet.run.errors import RunError

    if not known:
        raise RunError(f"{run_dir}: the run has published no version yet")
    if text == "all":
        return known
    if "," not in text and text.isdecimal():
        return sorted(coarse_to_fine(known)[: max(1, int(text))])
    try:
        wanted = sorted({int(word) for word in text.split(",") if word})
    except ValueError:
        raise RunError(f"--versions {text}: expected all, a number, or a list 1,10,20") from None
    missing = [v for v in wanted if v not in known]
    if missing or not wanted:
        raise RunError(
            f"--versions {text}: the run has no version {', '.join(map(str, missing))}; it has "
            f"{known[0]} to {known[-1]}"
        )
    return wanted


def _read(path: Path) -> dict[str, object]:
    """An earlier ladder; one that cannot be read is made anew."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _show(found: "Ladder", folder: Path, name: str) -> None:
    from zerofleet.monitor.plot import plot_ladder
    from zerofleet.monitor.tables import ladder_table, score_table

    console = Console()
    if found.scores:
        ordered = sorted(found.scores, key=lambda s: s["player"])
        console.print(score_table(ordered, title=f"Scores of {name}", width=console.size.width))
    elif ratings := found.ratings():
        console.print(
            ladder_table(
                ratings, found.matches, title=f"Ladder of {name}", width=console.size.width
            )
        )
    console.print(f"Results: {folder / 'ladder.json'}", soft_wrap=True, highlight=False)
    try:
        picture = plot_ladder(
            found.entries(), folder / "ladder.png", title=name, anchor=found.anchor
        )
    except ImportError as error:
        console.print(f"No picture: {error}")
        return
    console.print(f"Picture: {picture}", soft_wrap=True, highlight=False)
