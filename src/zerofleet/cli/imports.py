"""`zerofleet import`: games of people and programs as shards, or a .nnue net as a .pt file."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from zerofleet.cli.options import Count, OptionalRunDir
from zerofleet.roles.config import ConfigError
from zerofleet.run.words import counted

if TYPE_CHECKING:
    from zerofleet.replay.imports import ImportReport, Progress, SourceReport

_PROGRESS_SECONDS = 10.0
"""Between two lines where the output is no terminal."""
_OPTIONS = ("--run-dir", "--game", "--min-elo", "--min-plies", "--max-games")
_TRIAL = "--epochs 1 --blocks 2 --filters 32 --batch-size 128 --max-positions 20000"
_MAX_KINDS = 8
_MAX_SOURCES = 20
"""Files that are told one by one."""


def import_(
    *sources: Annotated[str, Parameter(allow_leading_hyphen=True)],
    run_dir: OptionalRunDir = None,
    game: str | None = None,
    min_elo: Annotated[int, Parameter(validator=Number(gte=0, lt=10_000))] = 0,
    min_plies: Annotated[int, Parameter(validator=Number(gte=0, lt=100_000))] = 0,
    max_games: Count | None = None,
) -> int:
    """Take in games of chess (PGN) or Go (SGF) as shards for `zerofleet train RECIPE --data`.

    Files of any size are streamed: several games a file, packed with gzip, bzip2, xz or zstd or
    not packed, in folders, or from standard input. A position learns the move that was played and
    the result of its game. Games that are broken or not finished are left out, and
    RUN_DIR/imports/skipped.txt says of each which file, game, line and move, and why.

    A text is imported once, whatever its name: the same command again, after it was stopped too,
    goes on where it ended, and a file that has grown gives its new games.

    Examples:

        zerofleet import games.pgn --run-dir runs/games
        zerofleet import lichess.pgn.zst --run-dir runs/games --min-elo 2200 --max-games 100000
        zerofleet import downloads/ "more/*.pgn.gz" --run-dir runs/games --min-plies 20
        xzcat games.pgn.xz | zerofleet import - --run-dir runs/games
        zerofleet import go/ --run-dir runs/go --game "go(size=19,komi=6.5)"

    And a net: .nnue to .pt, to train on from it.

        zerofleet import net.nnue net.pt

    Parameters
    ----------
    sources
        Files, folders (all games in them, at any depth), patterns, or - for standard input.
    run_dir
        Where the shards of games go, in its folder imports/; made if absent. Games need it.
    game
        The only game that is taken, such as "go(size=19,komi=6.5)" (default: that of the run, or of
        the first game).
    min_elo
        Both players have at least this rating.
    min_plies
        Games have at least so many moves, of both sides together.
    max_games
        At most so many games of these files in all, counting those imported before.
    """
    for source in sources:  # "-" is one, so that the parser takes anything that begins with it
        if source.startswith("-") and source != "-":
            near = get_close_matches(source, _OPTIONS, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ConfigError(f"Unknown option: {source}.{hint} See: zerofleet import --help")
    if any(source.endswith((".nnue", ".pt")) for source in sources):
        return _import_net(sources, run_dir)
    if not sources:
        raise ConfigError("name files of games (PGN, SGF), a folder, or - for standard input")
    from zerofleet.replay.imports import Filters, find_sources, import_games

    found = find_sources(sources)
    if run_dir is None:
        raise ConfigError("--run-dir is needed: the run directory that gets the games' shards")
    spec = _wanted_game(run_dir, game)
    total_bytes = sum(source.size_bytes for source in found)
    started = time.monotonic()
    try:
        with _told_progress(total_bytes) as tell:
            report = import_games(
                found,
                run_dir,
                spec=spec,
                filters=Filters(min_elo=min_elo, min_plies=min_plies),
                max_games=max_games,
                on_progress=tell,
            )
    except KeyboardInterrupt:
        print("Stopped; nothing is lost: the same command goes on from here.", file=sys.stderr)
        raise
    for line in _summary(report, run_dir, time.monotonic() - started):
        print(line)
    return _tell_errors(report)


def _import_net(sources: tuple[str, ...], run_dir: Path | None) -> int:
    from zerofleet.cli.nnue_files import import_net

    if len(sources) != 2 or run_dir is not None:
        raise ConfigError("of a net expected: zerofleet import NET.nnue NET.pt")
    import_net(Path(sources[0]), Path(sources[1]))
    return 0


def _wanted_game(run_dir: Path, game: str | None) -> str:
    """The game that is asked for, by --game or by the run in that directory; "": any."""
    from zerofleet.games.registry import load_game
    from zerofleet.roles.config import parse_config_json, resolve
    from zerofleet.run.layout import CONFIG

    asked = ""
    if game is not None:
        try:
            asked = load_game(game).spec
        except ValueError as error:
            raise ConfigError(f"--game: {error}") from None
    path = run_dir / CONFIG
    if path.is_file():
        of_run = resolve({}, parse_config_json(path.read_bytes()), {}).game.spec
        if asked and asked != of_run:
            raise ConfigError(f"{run_dir} is a run of {of_run}, --game says {asked}")
        asked = load_game(of_run).spec
    name = asked.partition("(")[0]
    if name not in ("", "chess", "go"):
        where = f"{run_dir} is a run of" if game is None else "--game:"
        raise ConfigError(f"{where} {asked}; games are imported of chess (PGN) and Go (SGF)")
    return asked


@contextmanager
def _told_progress(total_bytes: int) -> Iterator[Callable[["Progress"], None]]:
    """A line that changes on a terminal; elsewhere a line now and then."""
    from rich.console import Console

    console = Console(stderr=True)
    started = told = time.monotonic()

    def text(progress: "Progress") -> str:
        seconds = max(1e-9, time.monotonic() - started)
        share = f"{progress.num_bytes / total_bytes:.0%} read, " if total_bytes else ""
        return (
            f"{share}{counted(progress.num_games, 'game')}, {progress.num_positions:,} positions "
            f"({progress.num_positions / seconds:,.0f}/s), {progress.num_skipped:,} skipped"
        )

    if console.is_terminal:
        with console.status("importing") as status:
            yield lambda progress: status.update(f"importing: {text(progress)}")
        return

    def tell(progress: "Progress") -> None:
        nonlocal told
        if time.monotonic() - told >= _PROGRESS_SECONDS:
            told = time.monotonic()
            print(text(progress), file=sys.stderr, flush=True)

    yield tell


def _summary(report: "ImportReport", run_dir: Path, seconds: float) -> list[str]:
    lines = [_source_line(source) for source in report.sources[:_MAX_SOURCES] if not source.error]
    others = report.sources[_MAX_SOURCES:]
    if others:
        lines.append(f"... and {counted(len(others), 'more file')}")
    games = sum(source.num_imported for source in report.sources)
    positions = sum(source.num_positions for source in report.sources)
    if games:
        lines.append(
            f"imported     {counted(games, 'game')}, {counted(positions, 'position')} in "
            f"{counted(report.num_shards, 'shard')}, {seconds:.1f} s: "
            f"{positions / max(1e-9, seconds):,.0f} positions/s"
        )
    elif any(source.num_before for source in report.sources):
        lines.append("imported     nothing new: these games were imported before")
    else:
        lines.append("imported     nothing")
    skipped: Counter[str] = Counter()
    for source in report.sources:
        skipped.update(source.skipped)
    if skipped:
        lines.append(f"left out     {counted(sum(skipped.values()), 'game')}: {_kinds(skipped)}")
    if report.skipped_path is not None:
        lines.append(f"why          {report.skipped_path}")
    num_cut = sum(source.num_cut for source in report.sources)
    if num_cut:
        lines.append(
            f"cut          {counted(num_cut, 'game')} played on where the rules of {report.spec} "
            "say it is over; moves after that are left out"
        )
    lines.append(
        f"directory    {run_dir} has {counted(report.total_games, 'game')}, "
        f"{counted(report.total_positions, 'position')}"
    )
    if report.total_games:
        recipe = report.spec if report.spec.isalnum() else f'"{report.spec}"'
        train = f"zerofleet train {recipe} --data {run_dir}"
        lines += [
            f"train        {train}",
            "             the whole net on all positions: hours, unless there is a GPU",
            f"try first    {train} --run-dir {run_dir}_trial {_TRIAL}",
            "             a small net on the newest positions: about a minute on a laptop",
        ]
    return lines


def _source_line(source: "SourceReport") -> str:
    line = f"{source.source.name}: {counted(source.num_imported, 'game')}"
    if source.num_before:
        line += f", {source.num_before:,} imported before"
    if source.skipped:
        line += f", {sum(source.skipped.values()):,} left out"
    return f"{line}; {source.note}" if source.note else line


def _kinds(skipped: Counter[str]) -> str:
    common = skipped.most_common()
    told = [f"{count:,} {kind}" for kind, count in common[:_MAX_KINDS]]
    rest = sum(count for _, count in common[_MAX_KINDS:])
    return ", ".join([*told, counted(rest, "other")] if rest else told)


def _tell_errors(report: "ImportReport") -> int:
    """Says what could not be read; returns the exit status."""
    broken = [source for source in report.sources if source.error]
    for source in broken[:_MAX_SOURCES]:
        print(f"zerofleet: {source.source.name}: {source.error}", file=sys.stderr)
    if len(broken) > _MAX_SOURCES:
        more = len(broken) - _MAX_SOURCES
        print(f"zerofleet: ... and {counted(more, 'more file')}", file=sys.stderr)
    if not report.total_games and not broken:
        print(
            "zerofleet: no game was imported: expected PGN (chess) or SGF (Go) with finished games",
            file=sys.stderr,
        )
    return 1 if broken or not report.total_games else 0
