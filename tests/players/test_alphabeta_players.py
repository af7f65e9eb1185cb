"""Greedy, minimax and network players: order of strength, single moves, independence of batch."""

import itertools

import pytest

from zerofleet import _core
from zerofleet.arena.match import play_match
from zerofleet.games import State, load_game
from zerofleet.players.alphabeta import (
    AlphaBetaPlayer,
    greedy_player,
    minimax_player,
    nnue_player,
)
from zerofleet.players.player import Player, PlayerError, mix_seed
from zerofleet.players.random_player import RandomPlayer

GAMES = ("ultimate_ttt", "connect_four")


def positions(name: str, count: int) -> list[State]:
    game = load_game(name)
    states = []
    for number in range(count):
        state = game.initial_state()
        for ply in range(number % 12):
            legal = state.legal_actions()
            if not legal:
                break
            state.apply(legal[mix_seed(number, ply) % len(legal)])
        if not state.is_terminal:
            states.append(state)
    return states


@pytest.mark.parametrize("name", GAMES)
def test_order_of_strength(name: str) -> None:
    game = load_game(name)
    ladder = [RandomPlayer(), greedy_player(game), minimax_player(game, 2)]
    for weaker, stronger in itertools.pairwise(ladder):
        result = play_match(game, stronger, weaker, num_games=100, seed=1)
        assert result.score.low > 0.5, f"{stronger.name} against {weaker.name}: {result.score}"
        assert result.problems == ()


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("first", [True, False])
def test_wins_at_once_with_either_colour(depth: int, first: bool) -> None:
    # Three in column 4 for one side, to move; the fourth wins.
    game = load_game("connect_four")
    moves = [3, 0, 3, 1, 3, 0] if first else [0, 3, 1, 3, 0, 3, 1]
    state = game.initial_state()
    for move in moves:
        state.apply(move)
    player = greedy_player(game) if depth == 1 else minimax_player(game, depth)
    assert player.select_actions([state] * 8, range(8)) == [3] * 8


def test_two_plies_see_the_threat_that_one_ply_does_not() -> None:
    game = load_game("connect_four")
    state = game.initial_state()
    for move in [3, 0, 3, 0, 5, 0]:  # player 1 threatens the fourth in column 1
        state.apply(move)
    assert minimax_player(game, 2).select_actions([state] * 8, range(8)) == [0] * 8


@pytest.mark.parametrize("name", [*GAMES, "tic_tac_toe"])
def test_an_answer_depends_on_state_and_seed_alone(name: str) -> None:
    game = load_game(name)
    network = _core.NnueNetwork.random(name)
    states = positions(name, 30)
    seeds = [mix_seed(i) for i in range(len(states))]
    for options in ({"network": None}, {"network": network}):
        one = AlphaBetaPlayer(game, name="x", depth=3, **options)
        two = AlphaBetaPlayer(game, name="x", depth=3, threads=2, **options)
        together = one.select_actions(states, seeds)
        assert two.select_actions(states[::-1], seeds[::-1]) == together[::-1]
        alone = [one.select_actions([s], [k])[0] for s, k in zip(states, seeds, strict=True)]
        assert alone == together
        assert all(a in s.legal_actions() for a, s in zip(together, states, strict=True))


def test_equal_moves_are_chosen_between_by_the_seed() -> None:
    player = greedy_player(load_game("ultimate_ttt"))
    counts = [
        len(set(player.select_actions([state] * 20, range(20))))
        for state in positions("ultimate_ttt", 24)
    ]
    assert max(counts) > 1


def test_a_match_repeats_bit_by_bit() -> None:
    game = load_game("ultimate_ttt")
    data = _core.NnueNetwork.random("ultimate_ttt", seed=3).to_bytes()

    def play():
        net = nnue_player(game, data, name="net", depth=2)
        return play_match(game, net, minimax_player(game, 2), num_games=20, seed=5)

    assert play() == play()


def test_states_are_left_unchanged_and_no_states_are_no_work() -> None:
    game = load_game("ultimate_ttt")
    player: Player = minimax_player(game, 2)
    state = game.initial_state()
    player.select_actions([state], [0])
    assert state.text() == game.initial_state().text()
    assert player.select_actions([], []) == []
    assert isinstance(player, Player)


def test_bad_depth_and_wrong_network_are_refused() -> None:
    game = load_game("connect_four")
    with pytest.raises(PlayerError, match=r"minimax:0: expected a depth of at least 1"):
        minimax_player(game, 0)
    other = _core.NnueNetwork.random("ultimate_ttt").to_bytes()
    with pytest.raises(PlayerError, match=r"net cannot play connect_four"):
        nnue_player(game, other, name="net")
    with pytest.raises(PlayerError, match="net: "):
        nnue_player(game, other[:1000], name="net")
