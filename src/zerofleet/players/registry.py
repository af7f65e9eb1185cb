"""Players by short texts: `random`, `greedy`, `minimax:2`, `expectimax:1`, `mcts:100`, `uct:1000`,
`net.nnue?depth=6`, `net.safetensors?sims=64`, `runs/go7@0007?sims=64`.

`docs/arena.md` has the table. Settings of a network follow `?` as `key=value`, joined by `&` or
`,`. After a run `:` is taken for `?`, as in older texts.
"""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path

from zerofleet.fleet.devices import usable_cores
from zerofleet.games.protocol import Game
from zerofleet.nets.open_net import NetError, open_net
from zerofleet.players.alphabeta import greedy_player, minimax_player, nnue_player
from zerofleet.players.expectimax import ExpectimaxPlayer
from zerofleet.players.external import load_external
from zerofleet.players.human import HumanPlayer
from zerofleet.players.player import Player, PlayerError
from zerofleet.players.random_player import RandomPlayer
from zerofleet.players.shipped import SHIPPED, find_net
from zerofleet.players.texts import number_of
from zerofleet.players.tree import TreePlayer
from zerofleet.players.uct import UctPlayer
from zerofleet.run.errors import RunError
from zerofleet.run.models import fetch_model
from zerofleet.run.named_model import find_model, find_version
from zerofleet.run.place import Place
from zerofleet.run.store import Store

MAX_DEPTH = 64
DEFAULT_DEPTH = 2
"""Plies a network searches where the text does not say."""
MAX_SIMULATIONS = 10_000_000
DEFAULT_SIMULATIONS = 64
"""Simulations of a net of policy and value where the text does not say; 0: no search."""

_EXAMPLES = (
    *("random", "greedy", "minimax:2", "minimax:4", "expectimax:1", "mcts:100", "uct:1000"),
    *("FILE.nnue", "FILE.safetensors", "RUN@latest", "uci:stockfish", "gtp:gnugo --mode gtp"),
)
_NUM_FIXED = 7
_MINIMAX = re.compile(r"minimax:(.*)")
_EXPECTIMAX = re.compile(r"expectimax:(.*)")
_RUN = re.compile(
    r"(?P<dir>[^@?]+?)(?:@(?P<version>[^@:?]*))?"
    r"(?:\?(?P<settings>[^@?]*)|:(?P<older>[^@:?/]*=[^@?]*))?"
)
_MCTS = re.compile(r"mcts:(.*)")
_UCT = re.compile(r"uct:(.*)")
# Settings of a network by the ending of its file: default, least, most.
_SETTINGS: dict[str, dict[str, tuple[int, int, int]]] = {
    "nnue": {"depth": (DEFAULT_DEPTH, 1, MAX_DEPTH), "nodes": (0, 0, 10**12)},
    "safetensors": {"sims": (DEFAULT_SIMULATIONS, 0, MAX_SIMULATIONS)},
}


def load_player(text: str, game: Game, *, name: str | None = None, device: str = "cpu") -> Player:
    """Returns the player that a short text names.

    Args:
      text: see the module. A run directory alone, `runs/go7` or `runs/go7@0007`, is a run.
      device: where a net of policy and value is evaluated: cpu, cuda or cuda:N.
      name: what results call it; default: the text with `latest` and defaults filled in.
    Raises: PlayerError, saying what was expected and naming the nearest known player.
    """
    if text == "random":
        return RandomPlayer()
    if text == "human":
        return HumanPlayer(game)
    if text == "greedy":
        return greedy_player(game)
    if match := _MINIMAX.fullmatch(text):
        return minimax_player(game, number_of(text, "depth", match[1], 1, MAX_DEPTH))
    if match := _EXPECTIMAX.fullmatch(text):
        num_moves = number_of(text, "own moves", match[1], 1, MAX_DEPTH)
        return ExpectimaxPlayer(game, num_moves=num_moves, threads=usable_cores())
    if match := _MCTS.fullmatch(text):
        count = number_of(text, "simulations", match[1], 1, MAX_SIMULATIONS)
        return TreePlayer(game, name=text, num_simulations=count)
    if match := _UCT.fullmatch(text):
        count = number_of(text, "simulations", match[1], 1, MAX_SIMULATIONS)
        return UctPlayer(game, num_simulations=count, threads=usable_cores())
    if text.startswith(SHIPPED):
        stem, _, settings = text.removeprefix(SHIPPED).partition("?")
        model = find_net(f"{SHIPPED}{stem}")
        found = _parse_settings(settings, text, model.kind)
        shown = f"{model.name}?{_suffix(found)}"
        return _net_player(game, model.data, model.kind, found, name or shown, device)
    if text.startswith(("uci:", "gtp:")):
        return load_external(text, game, name)
    if text.startswith("run:") or "://" in text or Path(re.split("[@:?]", text)[0]).is_dir():
        return _load_run(text, game, name, device)
    file, _, settings = text.partition("?")
    kind = file.rpartition(".")[2]
    if kind in _SETTINGS and file != kind:
        found = _parse_settings(settings, text, kind)
        return _load_file(text, Path(file), found, game, name, device)
    raise PlayerError(f"unknown player {text!r}; {_nearest(text)}")


def load_version(
    store: Store,
    game: Game,
    version: int,
    *,
    name: str,
    depth: int = DEFAULT_DEPTH,
    nodes: int = 0,
    num_simulations: int = DEFAULT_SIMULATIONS,
    device: str = "cpu",
) -> Player:
    """Returns the player of one published version of a run, its file checked.

    Args:
      depth, nodes: of alpha-beta, if it is an NNUE net.
      num_simulations: of tree search, if it is a net of policy and value.
    Raises: PlayerError; RunError if the version is missing or damaged.
    """
    model = fetch_model(store, version)
    settings = {"depth": depth, "nodes": nodes, "sims": num_simulations}
    return _net_player(game, model.data, model.kind, settings, name, device)


def load_net(
    game: Game,
    data: bytes,
    kind: str,
    *,
    name: str,
    depth: int,
    num_simulations: int,
    device: str = "cpu",
) -> Player:
    """Returns the player of the bytes of a net, as `load_version` makes it. Raises: PlayerError."""
    settings = {"depth": depth, "nodes": 0, "sims": num_simulations}
    return _net_player(game, data, kind, settings, name, device)


def _net_player(
    game: Game, data: bytes, kind: str, settings: Mapping[str, int], name: str, device: str
) -> Player:
    if kind == "nnue":
        return nnue_player(game, data, name=name, depth=settings["depth"], nodes=settings["nodes"])
    try:
        net = open_net(data, name)
        if net.architecture.game != game.spec:
            raise PlayerError(f"{name}: a net for {net.architecture.game}, not for {game.spec}")
        evaluator = net.evaluator(device=device, threads=usable_cores())
    except NetError as error:
        raise PlayerError(str(error)) from error
    return TreePlayer(game, name=name, num_simulations=settings["sims"], evaluator=evaluator)


def _load_run(text: str, game: Game, name: str | None, device: str) -> Player:
    match = _RUN.fullmatch(text.removeprefix("run:"))
    if match is None:
        raise PlayerError(
            f"{text!r}: expected RUN, RUN@latest or RUN@0007, and settings after '?' such as "
            "RUN@latest?depth=6"
        )
    try:
        place = Place(match["dir"])
        if place.is_directory and not Path(match["dir"]).is_dir():
            raise PlayerError(f"{text!r}: there is no directory {match['dir']}")
        model = find_version(place, match["version"] or "")
    except (RunError, ValueError) as error:
        raise PlayerError(f"{text!r}: {error}") from error
    settings = _parse_settings(match["settings"] or match["older"] or "", text, model.kind)
    full_name = f"{model.name}?{_suffix(settings)}"
    return _net_player(game, model.data, model.kind, settings, name or full_name, device)


def _load_file(
    text: str, path: Path, settings: Mapping[str, int], game: Game, name: str | None, device: str
) -> Player:
    # The import is here because players of a run were checked when they were published.
    from zerofleet.nets.nnue_file import NnueFileError, from_bytes

    try:
        model = find_model(str(path))
        if model.kind == "nnue":
            from_bytes(model.data, source=str(path))
    except (RunError, NnueFileError) as error:
        raise PlayerError(f"{text!r}: {error}") from error
    full_name = f"{path}?{_suffix(settings)}"
    return _net_player(game, model.data, model.kind, settings, name or full_name, device)


def _parse_settings(settings: str, text: str, kind: str) -> dict[str, int]:
    known = _SETTINGS[kind]
    values = {key: default for key, (default, _, _) in known.items()}
    for part in re.split(r"[&,]", settings) if settings else ():
        key, _, value = part.partition("=")
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise PlayerError(
                f"{text!r}: unknown setting {key!r}; a .{kind} network has {', '.join(known)}{hint}"
            )
        _, least, most = known[key]
        values[key] = number_of(text, key, value, least, most)
    return values


def _suffix(settings: Mapping[str, int]) -> str:
    """The settings as a name shows them: without a limit of nodes that is none."""
    return "&".join(f"{key}={value}" for key, value in settings.items() if key != "nodes" or value)


def _nearest(text: str) -> str:
    near = difflib.get_close_matches(text.lower(), _EXAMPLES[:_NUM_FIXED], n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? Players" if near else "players"
    return f"{hint} are: {', '.join(_EXAMPLES)}"
