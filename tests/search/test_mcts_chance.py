"""Chance nodes against exact expectimax, on endings of 2048 on a 2x2 board."""

import numpy as np
import pytest

import zerofleet.games
from zerofleet.games.evaluation import Evaluation
from zerofleet.search import Mcts, MctsConfig

SELECTIONS = ["puct", "gumbel"]


class Expectimax:
    """Exact values of small games with chance, on the scale of search."""

    def __init__(self, game):
        self.game = game
        self.values = {}

    def value(self, state):
        key = state.text()
        if key not in self.values:
            self.values[key] = self._value(state)
        return self.values[key]

    def _value(self, state):
        if state.is_terminal:
            return self.game.search_value(state.returns()[0])
        if state.is_chance:
            return sum(p * self.value(after(state, o)) for o, p in state.chance_outcomes())
        return max(self.action_values(state).values())

    def action_values(self, state):
        return {a: self.value(after(state, a)) for a in state.legal_actions()}


def after(state, action):
    child = state.copy()
    child.apply(action)
    return child


@pytest.fixture(scope="module")
def game():
    return zerofleet.games.load_game("twenty48", size=2)


@pytest.fixture(scope="module")
def exact(game):
    return Expectimax(game)


def is_small(state, limit):
    """At most `limit` positions can be reached from here."""
    seen, stack = set(), [state]
    while stack and len(seen) <= limit:
        position = stack.pop()
        if position.text() not in seen and not position.is_terminal:
            seen.add(position.text())
            stack += [after(position, a) for a in position.legal_actions()]
    return 4 < len(seen) <= limit


def endings(game, count, seed):
    """The earliest position of each of `count` random games from which few others are reached."""
    rng = np.random.default_rng(seed)
    found = []
    while len(found) < count:
        state = game.initial_state()
        while not state.is_terminal:
            if not state.is_chance and is_small(state, 300):
                found.append(state)
                break
            state.apply(int(rng.choice(state.legal_actions())))
    return found


def quiet(selection, num_simulations, max_considered_actions=4):
    return MctsConfig(
        selection=selection,
        num_simulations=num_simulations,
        dirichlet_weight=0.0,
        gumbel_scale=0.0,
        max_considered_actions=max_considered_actions,
        forced_playouts=0.0,
        cache_mib=0,
    )


@pytest.mark.parametrize("selection", SELECTIONS)
def test_chance_values_equal_expectimax(game, exact, selection):
    """With an oracle for an evaluator that plays the best action, every sum of the tree is exact
    once all outcomes are in it, whatever their visits: means weighted by visits would not be."""
    states = {s.text(): s for s in endings(game, 6, seed=21)}
    by_planes = {}

    def collect(state):
        if state.is_terminal or id(state) in by_planes:
            return
        if not state.is_chance:
            by_planes[key(pack(state), state.scalars())] = state
        for action in state.legal_actions():
            collect(after(state, action))

    def oracle(batch):
        prior, value = [], []
        for row in range(len(batch)):
            state = by_planes[key(batch.planes[row], batch.scalars[row])]
            values = exact.action_values(state)
            best = max(sorted(values), key=lambda a: values[a])
            first, last = batch.legal_start[row], batch.legal_start[row + 1]
            prior += [float(a == best) for a in batch.legal_action[first:last]]
            value.append(values[best])
        return Evaluation(np.array(prior, np.float32), np.array(value, np.float32))

    mcts = Mcts(game, quiet(selection, 2500, max_considered_actions=1), oracle)
    for state in states.values():
        collect(state)
        found = mcts.search(state)
        assert found.value == pytest.approx(exact.value(state), abs=1e-5), state.text()


def key(planes, scalars):
    return planes.tobytes() + np.asarray(scalars, np.float32).tobytes()


def pack(state):
    planes = state.observation()
    flat = planes.reshape(planes.shape[0], -1).astype(np.uint8)
    return np.packbits(flat, axis=1, bitorder="little")


@pytest.mark.parametrize("selection", SELECTIONS)
def test_the_best_action_is_found_without_a_net(game, exact, selection):
    mcts = Mcts(game, quiet(selection, 1500))
    for state in endings(game, 6, seed=22):
        values = exact.action_values(state)
        found = mcts.search(state)
        assert values[found.action] > max(values.values()) - 0.003, state.text()


def test_outcomes_are_visited_as_often_as_they_happen(game):
    """Nine 2s to a 4 on each empty cell, to within a visit: no random numbers are involved."""
    state = game.initial_state()
    while state.is_chance:
        state.apply(state.chance_outcomes()[0][0])
    mcts = Mcts(game, quiet("puct", 2000))
    found = mcts.search(state)
    child = after(state, found.action)
    visits = int(found.visits[list(found.actions).index(found.action)])
    counts = {}
    for outcome, p in child.chance_outcomes():
        again = Mcts(game, quiet("puct", 2000))
        again.search(state)
        again.advance(found.action)
        again.advance(outcome)
        if after(child, outcome).is_terminal:
            continue
        counts[outcome] = again.search(num_simulations=1).visits_kept + 1
        assert abs(counts[outcome] - p * visits) <= len(child.chance_outcomes())
    assert sum(counts.values()) <= visits
