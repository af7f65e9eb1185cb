"""Players by short texts: `random`, `greedy`, `minimax:2`, `net.nnue?depth=6`, `run:DIR@latest`.

`docs/arena.md` has the table. Settings of a network follow `?` after a file and `:` after a run,
as `key=value` joined by `&` or `,`.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zerofleet.games.protocol import Game
from zerofleet.players.alphabeta import greedy_player, minimax_player, nnue_player
from zerofleet.players.player import Player, PlayerError
from zerofleet.players.random_player import RandomPlayer
from zerofleet.run.errors import RunError
from zerofleet.run.models import fetch_model, read_manifest
from zerofleet.run.store import DirectoryStore, Store

MAX_DEPTH = 64
DEFAULT_DEPTH = 2
"""Plies a network searches where the text does not say."""

_EXAMPLES = ("random", "greedy", "minimax:2", "minimax:4", "FILE.nnue", "run:DIR@latest")
_MINIMAX = re.compile(r"minimax:(.*)")
_RUN = re.compile(r"run:(?P<dir>[^@]+?)(?:@(?P<version>[^@:]*))?(?::(?P<settings>[^@:/]*=[^@]*))?")
_DEFAULTS = {"depth": DEFAULT_DEPTH, "nodes": 0}


@dataclass(frozen=True)
class _Settings:
    depth: int
    nodes: int

    def suffix(self, mark: str) -> str:
        parts = [f"depth={self.depth}"] + ([f"nodes={self.nodes}"] if self.nodes else [])
        return mark + "&".join(parts)


def load_player(text: str, game: Game, *, name: str | None = None) -> Player:
    """Returns the player that a short text names.

    Args:
      text: see the module.
      name: what results call it; default: the text with `latest` and defaults filled in.
    Raises: PlayerError, saying what was expected and naming the nearest known player.
    """
    if text == "random":
        return RandomPlayer()
    if text == "greedy":
        return greedy_player(game)
    if match := _MINIMAX.fullmatch(text):
        return minimax_player(game, _integer(match[1], text, "depth", 1, MAX_DEPTH))
    if text.startswith("run:"):
        return _load_run(text, game, name)
    file, _, settings = text.partition("?")
    if file.endswith(".nnue"):
        return _load_file(text, Path(file), _parse_settings(settings, text), game, name)
    raise PlayerError(f"unknown player {text!r}; {_nearest(text)}")


def load_version(
    store: Store, game: Game, version: int, *, depth: int, name: str, nodes: int = 0
) -> Player:
    """Returns the player of one published version of a run, its file checked.

    Raises: PlayerError; RunError if the version is missing or damaged.
    """
    data = fetch_model(store, version, "nnue").data
    return nnue_player(game, data, name=name, depth=depth, nodes=nodes)


def _load_run(text: str, game: Game, name: str | None) -> Player:
    match = _RUN.fullmatch(text)
    if match is None:
        raise PlayerError(
            f"{text!r}: expected run:DIR, run:DIR@latest or run:DIR@0007, and settings after ':' "
            f"such as run:DIR@latest:depth=6"
        )
    settings = _parse_settings(match["settings"] or "", text)
    directory = Path(match["dir"])
    if not directory.is_dir():
        raise PlayerError(f"{text!r}: there is no directory {directory}")
    store = DirectoryStore(directory)
    wanted = match["version"]
    try:
        if wanted in (None, "", "latest"):
            model = fetch_model(store, None, "nnue")
        elif wanted.isdigit():
            known = sorted(int(v) for v in read_manifest(store)["versions"])
            if int(wanted) not in known:
                raise PlayerError(f"{text!r}: no version {int(wanted)}; {_known_versions(known)}")
            model = fetch_model(store, int(wanted), "nnue")
        else:
            raise PlayerError(
                f"{text!r}: expected a version number or 'latest' after '@'; came {wanted!r}"
            )
    except RunError as error:
        raise PlayerError(f"{text!r}: {directory}: {error}") from error
    full_name = f"run:{directory}@{model.version:04d}{settings.suffix(':')}"
    return nnue_player(
        game, model.data, name=name or full_name, depth=settings.depth, nodes=settings.nodes
    )


def _load_file(text: str, path: Path, settings: _Settings, game: Game, name: str | None) -> Player:
    # The import is here because players of a run were checked when they were published.
    from zerofleet.nets.nnue_file import NnueFileError, from_bytes

    try:
        data = path.read_bytes()
        from_bytes(data, source=str(path))
    except FileNotFoundError as error:
        raise PlayerError(f"{text!r}: there is no file {path}{_near_files(path)}") from error
    except (OSError, NnueFileError) as error:
        raise PlayerError(f"{text!r}: {error}") from error
    return nnue_player(
        game,
        data,
        name=name or f"{path}{settings.suffix('?')}",
        depth=settings.depth,
        nodes=settings.nodes,
    )


def _parse_settings(settings: str, text: str) -> _Settings:
    values: dict[str, int] = dict(_DEFAULTS)
    for part in re.split(r"[&,]", settings) if settings else ():
        key, _, value = part.partition("=")
        if key not in values:
            near = difflib.get_close_matches(key, values, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise PlayerError(
                f"{text!r}: unknown setting {key!r}; a network has {', '.join(values)}{hint}"
            )
        values[key] = (
            _integer(value, text, key, 1, MAX_DEPTH)
            if key == "depth"
            else _integer(value, text, key, 0, 10**12)
        )
    return _Settings(**values)


def _integer(value: str, text: str, key: str, low: int, high: int) -> int:
    if not value.isdecimal() or not low <= int(value) <= high:
        raise PlayerError(f"{text!r}: expected {key} as a number {low}..{high}; came {value!r}")
    return int(value)


def _nearest(text: str) -> str:
    near = difflib.get_close_matches(text.lower(), _EXAMPLES[:4], n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}Players are: {', '.join(_EXAMPLES)}"


def _known_versions(known: list[int]) -> str:
    if not known:
        return "the run has published none yet"
    return f"the run has {known[0]} to {known[-1]} ({len(known)} versions)"


def _near_files(path: Path) -> str:
    names: Mapping[str, Path] = {}
    if path.parent.is_dir():
        names = {p.name: p for p in path.parent.iterdir() if p.suffix == ".nnue"}
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"; did you mean {names[near[0]]}?" if near else ""
