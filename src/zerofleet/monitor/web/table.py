"""The net at the board: what it thinks of a position, and games against it.

A game is the list of its actions, which the browser keeps and sends with every question; so nothing
is kept here, nothing is written, and a question can be asked again.
"""

import secrets
import threading
from collections import OrderedDict
from typing import Any

from zerofleet.games.registry import load_game
from zerofleet.games.spec import join_spec
from zerofleet.monitor.boards import BOARD_GAMES, Board
from zerofleet.monitor.replays import MAX_POLICY, frame_of, move_of
from zerofleet.players.alphabeta import AlphaBetaPlayer
from zerofleet.players.analysis import analyse
from zerofleet.players.player import Forfeit, Player
from zerofleet.players.registry import load_version
from zerofleet.run.documents import read_object
from zerofleet.run.errors import RunError
from zerofleet.run.layout import CONFIG
from zerofleet.run.models import read_version
from zerofleet.run.store import Store
from zerofleet.run.words import counted

EFFORTS = {"quick": (16, 1), "normal": (128, 4), "strong": (800, 8)}
"""Simulations of tree search, or plies of alpha-beta, by the name that the page offers."""
_MAX_NODES = 5_000_000
_KEPT = 3
_Document = dict[str, Any]


class TableError(RunError):
    """A question that cannot be answered; the message says why."""


class Table:
    """Answers questions about positions of the run's game, one at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._players: OrderedDict[tuple[str, int, str], Player] = OrderedDict()
        self._lock = threading.Lock()

    def evaluate(self, question: Any) -> _Document:
        """What the net thinks of a position.

        Args:
          question: {"initial": text or "", "actions": [...], "version": number or null for the
            newest, "effort": one of `EFFORTS`}.
        Returns: values in [-1, 1] from the mover's view, the best moves first.
        """
        with self._lock:
            board, state, _ = self._position(question)
            player, version = self._player(board, question)
            found = analyse(player, state)
            moves = [
                {**move_of(board, state, m.action), "policy": m.policy}
                | {"prior": m.prior, "value": m.value}
                for m in found.moves[:MAX_POLICY]
            ]
            return {
                "version": version,
                "to_play": state.to_play,
                "net_value": found.net_value,
                "value": found.value,
                "moves": moves,
            }

    def play(self, question: Any) -> _Document:
        """Goes on with a game until the person is to move or it is over.

        Args:
          question: as above, and {"side": the person's player, 0 or 1}; in games of one player
            {"net": true} lets the net make one move.
        Returns: all actions, the moves played now, the position, the legal moves, the result.
        """
        with self._lock:
            board, state, actions = self._position(question)
            game = board.game
            side = question.get("side", 0)
            if side not in range(game.num_players):
                raise TableError(f"side: expected 0 to {game.num_players - 1}; came {side!r:.40}")
            net_moves = game.num_players == 2 or question.get("net") is True
            player, version = self._player(board, question)
            played = []
            while not state.is_terminal:
                if state.is_chance:
                    action = _draw(state)
                elif net_moves and (game.num_players == 1 or state.to_play != side):
                    action = _choose(player, state)
                    played.append({**move_of(board, state, action), "by": state.to_play})
                    net_moves = game.num_players == 2
                else:
                    break
                state.apply(action)
                actions.append(action)
            over = state.is_terminal
            return {
                "game": game.name,
                "columns": board.num_columns,
                "num_players": game.num_players,
                "version": version,
                "search": _search_text(player, question),
                "actions": actions,
                "played": played,
                "frame": frame_of(board, state),
                "legal": [] if over else [move_of(board, state, a) for a in state.legal_actions()],
                "returns": list(state.returns()) if over else None,
            }

    def _position(self, question: Any) -> tuple[Board, Any, list[int]]:
        if not isinstance(question, dict):
            raise TableError("expected a JSON object")
        config = read_object(self._store, CONFIG).get("game")
        rules = config if isinstance(config, dict) else {}
        name = str(rules.get("name", ""))
        if name.partition("(")[0] not in BOARD_GAMES:
            raise TableError(f"there is no board for {name[:80]}")
        options = rules.get("options")
        board = Board(load_game(join_spec(name, options if isinstance(options, dict) else {})))
        actions = question.get("actions", [])
        if not isinstance(actions, list) or not all(type(a) is int for a in actions):
            raise TableError("actions: expected a list of numbers")
        if len(actions) > board.game.max_plies:
            raise TableError(f"actions: no game of {name} has {len(actions):,}")
        initial = str(question.get("initial") or "")
        state = board.game.parse(initial) if initial else board.game.initial_state()
        for ply, action in enumerate(actions):
            if state.is_terminal:
                raise TableError(f"the game is over after {ply} of {len(actions)} actions")
            if action not in state.legal_actions():
                raise TableError(f"action {action} at ply {ply} is not legal: {state.text()}")
            state.apply(action)
        return board, state, list(actions)

    def _player(self, board: Board, question: _Document) -> tuple[Player, int]:
        effort = question.get("effort", "normal")
        if effort not in EFFORTS:
            raise TableError(f"effort: expected {', '.join(EFFORTS)}; came {effort!r:.40}")
        version = question.get("version") or read_version(self._store)
        if type(version) is not int or version < 1:
            raise TableError("the run has not published a version yet")
        key = board.game.spec, version, effort
        if key not in self._players:
            simulations, depth = EFFORTS[effort]
            self._players[key] = load_version(
                self._store,
                board.game,
                version,
                name=f"version {version}",
                depth=depth,
                nodes=_MAX_NODES,
                num_simulations=simulations,
            )
            while len(self._players) > _KEPT:
                self._players.popitem(last=False)
        self._players.move_to_end(key)
        return self._players[key], version


def _search_text(player: Player, question: _Document) -> str:
    simulations, depth = EFFORTS[question.get("effort", "normal")]
    if isinstance(player, AlphaBetaPlayer):
        return counted(depth, "ply", "plies")
    return f"{simulations} simulations a move"


def _choose(player: Player, state: Any) -> int:
    (action,) = player.select_actions([state], [secrets.randbits(62)])
    if isinstance(action, Forfeit):
        raise TableError(f"{player.name} does not move: {action.reason} {action.problem}")
    return int(action)


def _draw(state: Any) -> int:
    """Nature's move, by its probabilities."""
    point = secrets.randbelow(1 << 53) / (1 << 53)
    outcomes = state.chance_outcomes()
    for outcome, probability in outcomes:
        point -= probability
        if point < 0:
            return int(outcome)
    return int(outcomes[-1][0])
