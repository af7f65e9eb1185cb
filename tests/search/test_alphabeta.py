"""Alpha-beta against its slow twins, and against oracles that know the rules only."""

import random
import threading
import time

import numpy as np
import pytest
from search_positions import (
    GAMES,
    plies_to_end,
    random_position,
    random_positions,
    tic_tac_toe_value,
)

from zerofleet import _core, load_game
from zerofleet.search import AlphaBetaConfig, AlphaBetaSearch, select_actions

WIN = _core.SCORE_WIN
START = load_game("connect_four").initial_state().pack()


def network(game, seed=1, **sizes):
    return _core.NnueNetwork.random(game, seed=seed, **sizes)


def searcher(game, evaluator, **options):
    return _core.AlphaBeta(game, network(game) if evaluator == "nnue" else None, **options)


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("evaluator", ["greedy", "nnue"])
@pytest.mark.parametrize("quiescence", [True, False])
def test_without_reductions_it_is_plain_minimax(game, evaluator, quiescence):
    deepest = {"tic_tac_toe": 7, "connect_four": 5, "ultimate_ttt": 3}[game]
    search = searcher(game, evaluator, reductions=False, quiescence=quiescence, table_kib=64)
    for state in random_positions(game, 40, seed=3):
        for depth in range(1, deepest + 1):
            search.new_game()
            found = search.search(state.pack(), depth=depth)
            expected = search.minimax(state.pack(), depth, quiescence)
            assert found["score"] == expected, f"{game} depth {depth}: {state.text()}"
            child = state.copy()
            for action in found["pv"]:
                child.apply(action)  # raises if the line is not legal
            assert found["pv"][0] == found["action"]


def test_full_windows_and_a_tiny_table_change_nothing():
    narrow = searcher("ultimate_ttt", "nnue", reductions=False, aspiration=8, table_kib=1)
    full = searcher("ultimate_ttt", "nnue", reductions=False, aspiration=0, table_kib=4096)
    for state in random_positions("ultimate_ttt", 25, seed=4):
        narrow.new_game()
        full.new_game()
        a = narrow.search(state.pack(), depth=6)
        b = full.search(state.pack(), depth=6)
        assert a["score"] == b["score"], state.text()


def test_a_table_kept_over_a_game_keeps_the_value_of_minimax():
    """Entries of earlier searches are never deeper than what is asked for at equal depth."""
    rng = random.Random(5)
    for _ in range(5):
        search = searcher("ultimate_ttt", "greedy", reductions=False)
        state = random_position("ultimate_ttt", 10, rng)
        while not state.is_terminal:
            found = search.search(state.pack(), depth=3)
            assert found["score"] == search.minimax(state.pack(), 3, True), state.text()
            state.apply(rng.choice(list(state.legal_actions())))


def test_tic_tac_toe_is_solved():
    seen = set()
    frontier = [load_game("tic_tac_toe").initial_state()]
    search = searcher("tic_tac_toe", "nnue")  # reductions on: the root is searched to the end
    while frontier:
        state = frontier.pop()
        if state.is_terminal or state.text() in seen:
            continue
        seen.add(state.text())
        search.new_game()
        found = search.search(state.pack(), depth=9)
        exact = tic_tac_toe_value(state.text())
        if exact != 0:
            assert found["value"] == exact, state.text()
            assert found["proven"]
        for action in state.legal_actions():
            child = state.copy()
            child.apply(action)
            frontier.append(child)
    assert len(seen) == 4520  # open positions of tic-tac-toe


def test_tic_tac_toe_without_reductions_is_exact_everywhere():
    search = searcher("tic_tac_toe", "nnue", reductions=False)
    for state in random_positions("tic_tac_toe", 100, seed=6):
        search.new_game()
        found = search.search(state.pack(), depth=9)
        exact = tic_tac_toe_value(state.text())
        assert np.sign(found["score"]) == exact
        assert found["proven"] == (exact != 0)


@pytest.mark.parametrize("game", ["connect_four", "ultimate_ttt"])
def test_mate_distances(game):
    """Forced wins and losses are found at their true distance, and none that is not there."""
    horizon = {"connect_four": 5, "ultimate_ttt": 3}[game]
    rng = random.Random(7)
    search = searcher(game, "greedy", reductions=False)
    found_wins = found_losses = 0
    for _ in range(400):
        plies = rng.randint(10, 30) if game == "connect_four" else rng.randint(35, 60)
        state = random_position(game, plies, rng)
        if len(state.legal_actions()) > 12:
            continue
        expected = plies_to_end(state, horizon)
        score = search.search(state.pack(), depth=horizon + 2)["score"]
        if expected is None:
            assert abs(score) < WIN - horizon, state.text()
        elif expected > 0:
            assert score == WIN - expected, state.text()
            found_wins += 1
        else:
            assert score == -expected - WIN, state.text()
            found_losses += 1
    assert found_wins > 10
    assert found_losses > 1


@pytest.mark.parametrize("game", GAMES)
def test_proven_scores_with_reductions_are_proofs(game):
    """Whatever reductions skip, a score beyond the evaluations is a forced result."""
    search = searcher(game, "nnue")
    proofs = 0
    for state in random_positions(game, 300, seed=8):
        found = search.search(state.pack(), depth=6)
        if not found["proven"]:
            continue
        win = found["score"] > 0
        plies = WIN - abs(found["score"])
        assert _core.proves(game, state.pack(), win, plies, 1 << 40), state.text()
        assert not _core.proves(game, state.pack(), not win, plies, 1 << 40)
        proofs += 1
    assert proofs > 20


@pytest.mark.parametrize("game", ["tic_tac_toe", "connect_four"])
def test_proofs_agree_with_the_rules(game):
    rng = random.Random(9)
    for _ in range(60):
        state = random_position(game, rng.randint(3, 25), rng)
        for horizon in (1, 2, 3, 4):
            expected = plies_to_end(state, horizon)
            won = expected is not None and expected > 0
            lost = expected is not None and expected < 0
            assert _core.proves(game, state.pack(), True, horizon, 1 << 40) == won, state.text()
            assert _core.proves(game, state.pack(), False, horizon, 1 << 40) == lost, state.text()


def test_a_proof_out_of_budget_is_no_proof():
    state = load_game("connect_four").parse("......./......./......./......./OO...../XXX.... O")
    state.apply(6)  # X threatens column 4 at once
    packed = state.pack()
    assert _core.proves("connect_four", packed, True, 1, 10)
    assert not _core.proves("connect_four", packed, True, 1, 0)


def test_node_limits_are_exact_and_reproducible():
    packed = random_position("ultimate_ttt", 12, random.Random(1)).pack()
    for limit in (500, 5_000, 12_345):
        runs = []
        for _ in range(2):
            found = searcher("ultimate_ttt", "greedy").search(packed, nodes=limit)
            assert found["nodes"] == limit
            assert found["interrupted"]
            runs.append(found)
        assert runs[0] == runs[1]


def test_a_tiny_node_limit_still_finishes_one_ply():
    found = searcher("ultimate_ttt", "greedy").search(
        load_game("ultimate_ttt").initial_state().pack(), nodes=1
    )
    assert found["depth"] == 1
    assert found["nodes"] >= 81


def test_interrupted_searches_return_sound_moves():
    """Cut anywhere, the move is legal and at worst that of the last finished iteration."""
    rng = random.Random(10)
    for state in random_positions("ultimate_ttt", 30, seed=11):
        limit = rng.randint(1, 3000)
        found = searcher("ultimate_ttt", "nnue").search(state.pack(), nodes=limit)
        assert found["action"] in list(state.legal_actions())
        full = searcher("ultimate_ttt", "nnue").search(state.pack(), depth=found["depth"])
        if not found["interrupted"]:
            assert found["action"] == full["action"]


def test_a_time_limit_holds():
    packed = load_game("ultimate_ttt").initial_state().pack()
    search = searcher("ultimate_ttt", "greedy")
    started = time.monotonic()
    found = search.search(packed, seconds=0.1)
    assert time.monotonic() - started < 5.0  # a loaded machine; without the limit it takes hours
    assert found["interrupted"]
    assert found["depth"] >= 1


def test_stop_from_another_thread():
    packed = load_game("ultimate_ttt").initial_state().pack()
    search = searcher("ultimate_ttt", "greedy")
    results = []
    thread = threading.Thread(target=lambda: results.append(search.search(packed)))
    thread.start()
    while thread.is_alive():  # a stop that came before the search began is forgotten
        search.stop()
        thread.join(timeout=0.01)
    assert results[0]["interrupted"]


def test_reductions_search_fewer_nodes():
    nodes = {True: 0, False: 0}
    for state in random_positions("ultimate_ttt", 20, seed=12):
        for reductions in nodes:
            search = searcher("ultimate_ttt", "greedy", reductions=reductions)
            nodes[reductions] += search.search(state.pack(), depth=7)["nodes"]
    assert nodes[True] < 0.7 * nodes[False]


@pytest.mark.parametrize("game", GAMES)
def test_search_each_gives_every_move_its_minimax_value(game):
    search = searcher(game, "nnue", reductions=False)
    for state in random_positions(game, 15, seed=13):
        scores = search.search_each(state.pack(), 3)
        assert sorted(scores) == sorted(state.legal_actions())
        assert max(scores.values()) == search.minimax(state.pack(), 3)


@pytest.mark.parametrize("simd", _core.simd_levels())
def test_the_same_search_on_every_simd_level(simd):
    data = network("ultimate_ttt").to_bytes()
    state = random_position("ultimate_ttt", 9, random.Random(2))
    expected = _core.AlphaBeta("ultimate_ttt", _core.NnueNetwork(data, "scalar"))
    actual = _core.AlphaBeta("ultimate_ttt", _core.NnueNetwork(data, simd))
    assert actual.search(state.pack(), depth=6) == expected.search(state.pack(), depth=6)


def test_select_actions_depends_on_position_and_seed_alone():
    states = random_positions("ultimate_ttt", 40, seed=14)
    packed = np.stack([s.pack() for s in states])
    seeds = np.arange(40, dtype=np.uint64)
    config = AlphaBetaConfig(depth=2)
    net = network("ultimate_ttt")
    together = select_actions("ultimate_ttt", net, packed, seeds, config, threads=2)
    for i in range(40):
        alone = select_actions("ultimate_ttt", net, packed[i : i + 1], seeds[i : i + 1], config)
        assert alone[0] == together[i]
        assert together[i] in list(states[i].legal_actions())


def test_seeds_choose_between_equal_moves():
    start = load_game("tic_tac_toe").initial_state().pack()
    packed = np.repeat(start[None], 60, axis=0)
    config = AlphaBetaConfig(depth=9)  # every first move draws
    actions = select_actions("tic_tac_toe", None, packed, np.arange(60, dtype=np.uint64), config)
    assert len(set(actions.tolist())) >= 6


def test_the_typed_handle():
    search = AlphaBetaSearch("connect_four", None, AlphaBetaConfig(depth=6))
    state = load_game("connect_four").initial_state()
    result = search.search(state.pack())
    assert result.action == 3
    assert result.depth == 6
    assert -1 < result.value < 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: _core.AlphaBeta("conect_four"), "connect_four"),
        (lambda: _core.AlphaBeta("connect_four", network("tic_tac_toe")), "connect_four"),
        (lambda: _core.AlphaBeta("connect_four", table_kib=0), "table_kib"),
        (lambda: searcher("connect_four", "greedy").search(np.zeros(5, np.uint8)), "13 bytes"),
        (lambda: _core.proves("connect_four", np.zeros(5, np.uint8), True, 1, 1), "13 bytes"),
        (lambda: searcher("connect_four", "greedy").search(START, seconds=-1), "got -1"),
        (lambda: searcher("connect_four", "greedy").search(START, seconds=np.nan), "got nan"),
        (lambda: searcher("connect_four", "greedy").minimax(START, -1), "at least 0, got -1"),
    ],
)
def test_errors_say_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_finished_game_cannot_be_searched():
    game = load_game("tic_tac_toe")
    with pytest.raises(ValueError, match="finished"):
        _core.AlphaBeta("tic_tac_toe").search(game.parse("XXX/OO./... O").pack(), depth=1)


def test_a_finished_game_proves_nothing():
    drawn = load_game("tic_tac_toe").parse("XOX/XOO/OXX O").pack()
    for win in (True, False):
        with pytest.raises(ValueError, match="the game is over: XOX/XOO/OXX O"):
            _core.proves("tic_tac_toe", drawn, win, 9, 1000)
    with pytest.raises(ValueError, match="the game is over"):
        _core.AlphaBeta("tic_tac_toe").minimax(drawn, 1)


@pytest.mark.parametrize("seconds", [1e9, 1e11, float("inf")])
def test_more_time_than_a_clock_counts_is_no_limit(seconds):
    found = _core.AlphaBeta("connect_four").search(START, depth=4, seconds=seconds)
    assert (found["depth"], found["interrupted"]) == (4, False)
