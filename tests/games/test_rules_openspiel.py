"""Legal sets and results agree with OpenSpiel over random games."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from support import require
from zerofleet import load_game

NUM_GAMES = 1000


class Whole:
    """OpenSpiel's Ultimate Tic-Tac-Toe as one choice a move.

    There a move in any open board is two choices, board and then cell, and actions are 0..8. Here
    both make one action of the whole board.
    """

    def __init__(self, state: Any) -> None:
        self.state = state

    @staticmethod
    def _action(board: int, cell: int) -> int:
        return (board // 3 * 3 + cell // 3) * 9 + board % 3 * 3 + cell % 3

    def _chooses_board(self) -> bool:
        return "Choose local board" in self.state.action_to_string(self.state.legal_actions()[0])

    def _board(self) -> int:
        text = self.state.action_to_string(self.state.legal_actions()[0])
        return int(text.split("Local board ")[1].split(":")[0])

    def legal_actions(self) -> list[int]:
        if self.state.is_terminal():
            return []
        if not self._chooses_board():
            return sorted(self._action(self._board(), c) for c in self.state.legal_actions())
        found = []
        for board in self.state.legal_actions():
            found += [self._action(board, cell) for cell in self.state.child(board).legal_actions()]
        return sorted(found)

    def apply_action(self, action: int) -> None:
        row, col = divmod(action, 9)
        board, cell = row // 3 * 3 + col // 3, row % 3 * 3 + col % 3
        if self._chooses_board():
            self.state.apply_action(board)
        self.state.apply_action(cell)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.state, name)


WRAP: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "tic_tac_toe": ("tic_tac_toe", lambda state: state),
    "connect_four": ("connect_four", lambda state: state),
    "ultimate_ttt": ("ultimate_tic_tac_toe", Whole),
}


@pytest.mark.parametrize("name", WRAP)
def test_random_games(name: str) -> None:
    pyspiel = require("pyspiel")
    spiel_name, wrap = WRAP[name]
    game, oracle_game = load_game(name), pyspiel.load_game(spiel_name)
    rng = random.Random(7)
    lengths, results = set(), set()
    for _ in range(NUM_GAMES):
        state, oracle = game.initial_state(), wrap(oracle_game.new_initial_state())
        moves: list[int] = []
        while not oracle.is_terminal():
            assert not state.is_terminal, moves
            assert state.to_play == oracle.current_player(), moves
            assert state.legal_actions() == oracle.legal_actions(), (moves, state.text())
            moves.append(rng.choice(state.legal_actions()))
            state.apply(moves[-1])
            oracle.apply_action(moves[-1])
        assert state.is_terminal, moves
        assert list(state.returns()) == oracle.returns(), (moves, state.text())
        lengths.add(len(moves))
        results.add(tuple(oracle.returns()))
    assert len(lengths) > 2
    assert len(results) >= 2
