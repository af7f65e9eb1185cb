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
    "othello": ("othello", lambda state: state),
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


def tiles_of(state: Any) -> list[int]:
    cells = state.text().partition(" score")[0].replace("/", " ").split(" ")
    return [0 if cell == "." else int(cell) for cell in cells]


def compare_twenty48(num_games: int, seed: int) -> tuple[set[float], int]:
    """Plays the same directions and the same tiles on both.

    Theirs does not list a direction in which only a tile moves that was merged the move before (its
    marks are cleared by the next move alone), but plays it as we do.

    Returns: all final scores, and how many times theirs left out a direction.
    """
    pyspiel = require("pyspiel")
    game = load_game("twenty48")
    # Theirs ends at max_tile, ours never does.
    oracle_game = pyspiel.load_game("2048(max_tile=131072)")
    rng = random.Random(seed)
    scores, num_left_out = set(), 0
    for _ in range(num_games):
        state, oracle = game.initial_state(), oracle_game.new_initial_state()
        while not oracle.is_terminal():
            where = state.text()
            assert not state.is_terminal, where
            assert state.is_chance == oracle.is_chance_node(), where
            legal, theirs = state.legal_actions(), oracle.legal_actions()
            if state.is_chance:
                assert legal == theirs, where
                probabilities = [p for _, p in oracle.chance_outcomes()]
                ours = [p for _, p in state.chance_outcomes()]
                assert ours == pytest.approx(probabilities, abs=1e-6), where
                chosen = rng.choices(legal, probabilities)[0]
            else:
                assert set(theirs) <= set(legal), where
                for direction in set(legal) - set(theirs):
                    num_left_out += 1
                    twin, child = oracle.clone(), state.copy()
                    twin.apply_action(direction)
                    child.apply(direction)
                    assert twin.is_chance_node(), where
                    assert tiles_of(child) == [int(t) for t in str(twin).split()], where
                chosen = rng.choice(legal)
            state.apply(chosen)
            oracle.apply_action(chosen)
        assert state.is_terminal, state.text()
        assert tiles_of(state) == [int(t) for t in str(oracle).split()]
        assert state.returns() == oracle.returns(), state.text()
        scores.add(state.returns()[0])
    return scores, num_left_out


def test_twenty48() -> None:
    scores, num_left_out = compare_twenty48(40, 1)
    assert len(scores) > 30
    assert num_left_out > 0


@pytest.mark.long
def test_twenty48_long() -> None:
    scores, _ = compare_twenty48(1500, 2)
    assert len(scores) > 300
