"""Expectimax chooses what a brute-force twin in Python chooses, and says which games it plays."""

import random
from pathlib import Path

import pytest

import zerofleet
from support import require
from zerofleet import _core
from zerofleet.players.player import PlayerError
from zerofleet.players.registry import load_player

DICE = '''
"""Keep or throw again: a game of one player whose gains come by chance."""


class Dice:
    num_players = 1
    score_range = (0, 30)
    score_scalar = 0
    max_chance_outcomes = 6
    max_plies = 40
    num_actions = 2

    def initial_position(self):
        return (0, 4, False)

    def to_play(self, position):
        return 0

    def legal_actions(self, position):
        score, left, throwing = position
        return [0, 1] if left and not throwing else []

    def chance_outcomes(self, position):
        return [(side, (side + 1) / 21) for side in range(6)] if position[2] else []

    def play(self, position, action):
        score, left, throwing = position
        if throwing:
            return (score + action, left - 1, False)
        return (score + 3 + left % 2, left - 1, False) if action == 0 else (score, left, True)

    def returns(self, position):
        return position[0]

    def scalars(self, position):
        return [self.search_value(position[0])]

    def search_value(self, score):
        return -1 + 2 * min(1.0, (score / 30) ** 2)
'''


def after(state, action):
    child = state.copy()
    child.apply(action)
    return child


def value_of(game, state, num_moves):
    """The twin, straight from the definition."""
    if state.is_terminal:
        return game.search_value(state.returns()[0])
    if state.is_chance:
        outcomes = state.chance_outcomes()
        values = [p * value_of(game, after(state, o), num_moves) for o, p in outcomes]
        return sum(values) / sum(p for _, p in outcomes)
    if num_moves == 0:
        return float(state.scalars()[game.score_scalar])
    return max(value_of(game, after(state, a), num_moves - 1) for a in state.legal_actions())


def choices_of(game, state, num_moves):
    """The lowest of the best actions; best is what differs by less than a rounding error."""
    values = {a: value_of(game, after(state, a), num_moves - 1) for a in state.legal_actions()}
    best = max(values.values())
    return min(a for a, v in values.items() if v >= best - 1e-12)


def positions(game, num_games, seed, every):
    """Positions of random games in which a player moves."""
    rng = random.Random(seed)
    found = []
    for _ in range(num_games):
        state = game.initial_state()
        while not state.is_terminal:
            if state.is_chance:
                outcomes, weights = zip(*state.chance_outcomes(), strict=True)
                state.apply(rng.choices(outcomes, weights)[0])
                continue
            if rng.random() < every:
                found.append(state.copy())
            state.apply(rng.choice(state.legal_actions()))
    return found


@pytest.mark.parametrize(
    ("size", "num_moves", "num_games", "every"),
    [
        (2, 1, 30, 1.0),
        (2, 2, 20, 1.0),
        (2, 4, 8, 0.5),
        (3, 1, 5, 1.0),
        (3, 2, 4, 0.3),
        (4, 1, 1, 1),
    ],
)
def test_it_plays_as_its_twin(size, num_moves, num_games, every):
    game = zerofleet.load_game("twenty48", size=size)
    states = positions(game, num_games, seed=size + num_moves, every=every)
    assert len(states) > 10
    player = load_player(f"expectimax:{num_moves}", game)
    assert player.name == f"expectimax:{num_moves}"
    wanted = [choices_of(game, state, num_moves) for state in states]
    assert player.select_actions(states, [0] * len(states)) == wanted
    assert player.select_actions([], []) == []


def test_one_move_ahead_takes_the_largest_gain():
    game = zerofleet.load_game("twenty48")
    player = load_player("expectimax:1", game)
    columns = game.parse("2 8 16 2/4 64 8 2/2 64 16 4/. . . . score 700 spawns 0")
    assert game.action_to_text(columns, player.select_actions([columns], [0])[0]) == "up"
    rows = game.parse("2 4 2 ./8 64 64 ./16 8 16 ./2 2 4 . score 700 spawns 0")
    assert game.action_to_text(rows, player.select_actions([rows], [0])[0]) == "right"
    # Nothing to gain: the lowest of the legal ones.
    quiet = game.parse("2 4 . ./. . . ./. . . ./. . . . score 0 spawns 0")
    assert game.action_to_text(quiet, player.select_actions([quiet], [0])[0]) == "right"


def test_a_game_in_python_whose_gains_come_by_chance(tmp_path: Path):
    file = tmp_path / "dice.py"
    file.write_text(DICE)
    game = zerofleet.load_game(f"{file}:Dice")
    states = positions(game, 40, seed=5, every=1.0)
    for num_moves in (1, 2, 3):
        wanted = [choices_of(game, state, num_moves) for state in states]
        assert {0, 1} == set(wanted)  # throwing pays at times only
        player = load_player(f"expectimax:{num_moves}", game)
        assert player.select_actions(states, [0] * len(states)) == wanted


def test_threads_change_nothing():
    game = zerofleet.load_game("twenty48")
    states = positions(game, 3, seed=3, every=0.2)
    one, three = (
        _core.choose_expectimax(game, states, score_scalar=0, num_moves=2, threads=threads)
        for threads in (1, 3)
    )
    assert one == three


@pytest.mark.parametrize(
    ("game", "text", "message"),
    [
        ("connect_four", "expectimax:1", "expectimax:1 cannot play connect_four: it has 2 players"),
        ("openspiel:catch", "expectimax:2", "does not tell the score reached so far"),
        ("twenty48", "expectimax:0", r"expected own moves as a number 1\.\.64; came '0'"),
        ("twenty48", "expectimax:", "came ''"),
        ("twenty48", "expectimx:1", r"did you mean 'expectimax:1'\?"),
    ],
)
def test_what_it_cannot_play_is_said(game, text, message):
    if game.startswith("openspiel:"):
        require("pyspiel")
    with pytest.raises(PlayerError, match=message):
        load_player(text, zerofleet.load_game(game))


def test_the_core_refuses_where_nobody_moves():
    game = zerofleet.load_game("twenty48")
    with pytest.raises(ValueError, match="nobody moves in the position"):
        _core.choose_expectimax(game, [game.initial_state()], score_scalar=0, num_moves=1)
    (state,) = positions(game, 1, seed=1, every=1.0)[:1]
    with pytest.raises(ValueError, match="one of its 1 scalars, got 3"):
        _core.choose_expectimax(game, [state], score_scalar=3, num_moves=1)
