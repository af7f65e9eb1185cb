"""What a player of a network thinks of a position: its value, and each move's share or value."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zerofleet.games.protocol import State
from zerofleet.players.alphabeta import AlphaBetaPlayer
from zerofleet.players.player import Player, PlayerError
from zerofleet.players.tree import TreePlayer


@dataclass(frozen=True)
class MoveAnalysis:
    """One legal move, from the mover's view."""

    action: int
    prior: float | None
    """The net's own policy; None where the net has none (NNUE)."""
    policy: float | None
    """After search, sums to 1 over the moves; None where the search gives none."""
    visits: float | None
    """Share of the search's visits; None where it counts none."""
    value: float | None
    """After the move, in [-1, 1]; None where it was not looked at."""


@dataclass(frozen=True)
class PositionAnalysis:
    """A position, from the mover's view."""

    net_value: float | None
    """The net alone, in [-1, 1]; None where it is only asked at the leaves of a search."""
    value: float
    """After search, in [-1, 1]."""
    moves: Sequence[MoveAnalysis]
    """All legal moves: the one the player plays, then the others, the best first."""


def analyse(player: Player, state: State) -> PositionAnalysis:
    """Asks a player of a network for its view of a position in which a player moves.

    Raises: PlayerError for players that have none, or where nobody moves.
    """
    if state.is_terminal or state.is_chance:
        raise PlayerError(f"nobody moves in {state.text()}")
    if isinstance(player, TreePlayer):
        return _of_tree(player, state)
    if isinstance(player, AlphaBetaPlayer):
        return _of_alphabeta(player, state)
    raise PlayerError(f"{player.name} has no values to show; players of networks do")


def _of_tree(player: TreePlayer, state: State) -> PositionAnalysis:
    (found,) = player.search([state], [0])
    played, num_visits = player.chosen(found), max(1, int(found.visits.sum()))
    moves = [
        MoveAnalysis(
            action=int(found.actions[i]),
            prior=float(found.prior[i]),
            policy=float(found.policy[i]),
            visits=float(found.visits[i]) / num_visits,
            value=None if np.isnan(found.q[i]) else float(found.q[i]),
        )
        for i in range(len(found.actions))
    ]
    moves.sort(key=lambda m: (m.action == played, m.visits, m.policy, m.prior), reverse=True)
    return PositionAnalysis(float(found.net_value), float(found.value), moves)


def _of_alphabeta(player: AlphaBetaPlayer, state: State) -> PositionAnalysis:
    """Each move's value is that of the position after it, searched as deep as the player does."""
    mover = state.to_play
    values: dict[int, float] = {}
    open_moves, children = [], []
    for action in state.legal_actions():
        child = state.copy()
        child.apply(action)
        if child.is_terminal:
            values[action] = float(child.returns()[mover])
        else:
            open_moves.append(action)
            children.append(child)
    for action, child, value in zip(open_moves, children, player.values(children), strict=True):
        values[action] = value if child.to_play == mover else -value
    moves = [MoveAnalysis(action, None, None, None, value) for action, value in values.items()]
    moves.sort(key=lambda m: m.value or 0.0, reverse=True)
    return PositionAnalysis(None, max(values.values()), moves)
