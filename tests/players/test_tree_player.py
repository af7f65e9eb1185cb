"""Players that search trees: they find what there is to find, alone or with others in a batch."""

import numpy as np
import pytest

import zerofleet
from zerofleet.arena.match import play_match
from zerofleet.games.evaluation import Evaluation, random_evaluator
from zerofleet.players.player import PlayerError
from zerofleet.players.random_player import RandomPlayer
from zerofleet.players.registry import load_player
from zerofleet.players.tree import TreePlayer
from zerofleet.search import Mcts, MctsConfig


def states_of(game, lines):
    states = []
    for line in lines:
        state = game.initial_state()
        for text in line:
            state.apply(game.action_from_text(state, text))
        states.append(state)
    return states


@pytest.mark.parametrize("selection", ["puct", "gumbel"])
def test_together_they_find_what_each_finds_alone(selection):
    game = zerofleet.load_game("connect_four")
    config = MctsConfig(num_simulations=60, selection=selection, cache_mib=0)
    states = states_of(game, ["", "4", "44", "4455", "123"])

    def searches():
        return [Mcts(game, config, random_evaluator, seed=i) for i in range(len(states))]

    alone = [s.search(state) for s, state in zip(searches(), states, strict=True)]
    together = Mcts.search_many(searches(), states)
    for a, b in zip(alone, together, strict=True):
        assert a.action == b.action
        np.testing.assert_array_equal(a.visits, b.visits)
        np.testing.assert_array_equal(a.q, b.q)


def test_it_wins_and_blocks():
    game = zerofleet.load_game("connect_four")
    player = load_player("mcts:400", game)
    assert player.name == "mcts:400"
    win, block = states_of(game, ["415162", "17161"])
    actions = player.select_actions([win, block], [1, 2])
    assert game.action_to_text(win, actions[0]) in ("3", "7")
    assert game.action_to_text(block, actions[1]) == "1"


def test_without_simulations_it_plays_the_most_probable_move():
    game = zerofleet.load_game("tic_tac_toe")

    def evaluator(batch):
        weights = 1.0 + batch.legal_action.astype(np.float32)
        sums = np.add.reduceat(weights, batch.legal_start[:-1])
        return Evaluation(
            weights / np.repeat(sums, np.diff(batch.legal_start)), np.zeros(len(batch), np.float32)
        )

    player = TreePlayer(game, name="net", num_simulations=0, evaluator=evaluator)
    state = game.initial_state()
    state.apply(8)
    assert player.select_actions([game.initial_state(), state], [0, 0]) == [8, 7]
    assert player.select_actions([], []) == []


def test_it_is_better_than_random():
    game = zerofleet.load_game("connect_four")
    result = play_match(game, load_player("mcts:100", game), RandomPlayer(), num_games=40, seed=1)
    assert result.score.value > 0.9


@pytest.mark.parametrize("text", ["mcts:", "mcts:0", "mcts:x", "net.safetensors?depth=3"])
def test_wrong_texts_are_refused(text):
    game = zerofleet.load_game("tic_tac_toe")
    with pytest.raises(PlayerError, match=r"simulations|sims"):
        load_player(text, game)
