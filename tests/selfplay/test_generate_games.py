"""Generated games: legal, reproducible, truthful about their results."""

import threading
import time

import numpy as np
import pytest

from zerofleet import _core, load_game
from zerofleet.search import AlphaBetaConfig
from zerofleet.selfplay import GeneratedGames, SelfplayConfig, generate_games

RANDOM_OPENING = _core.PLY_RANDOM_OPENING
VALUE_TARGET = _core.PLY_VALUE_TARGET
QUIET = _core.PLY_QUIET
PLAYED_OUT, ADJUDICATED = 0, 1
OPENING_PLIES = {"tic_tac_toe": 2, "connect_four": 4, "ultimate_ttt": 8}
GAMES = tuple(OPENING_PLIES)


def play(game="ultimate_ttt", *, depth=3, games=30, network=None, **settings) -> GeneratedGames:
    search = {k: settings.pop(k) for k in list(settings) if k in AlphaBetaConfig.model_fields}
    arguments = {"seed": 1, "first_game": 0}
    arguments |= {
        k: settings.pop(k) for k in list(settings) if k not in SelfplayConfig.model_fields
    }
    settings.setdefault("num_random_plies", OPENING_PLIES[game])
    return generate_games(
        game,
        network,
        AlphaBetaConfig(depth=depth, **search),
        SelfplayConfig(**settings),
        num_games=games,
        **arguments,
    )


def same(a: GeneratedGames, b: GeneratedGames) -> bool:
    return all(a.arrays[k].tobytes() == b.arrays[k].tobytes() for k in a.arrays)


def games_of(played: GeneratedGames):
    """(actions, flags, values, returns, termination, number) of each game."""
    a = played.arrays
    for g in range(played.games):
        plies = slice(a["game_start"][g], a["game_start"][g + 1])
        yield (
            a["action"][plies],
            a["ply_flags"][plies],
            a["search_value"][plies],
            a["returns"][g],
            a["termination"][g],
            a["game_number"][g],
        )


@pytest.mark.parametrize("name", GAMES)
def test_games_replay_and_end_as_recorded(name):
    net = _core.NnueNetwork.random(name, seed=2)
    played = play(name, network=net, games=40)
    game = load_game(name)
    assert played.games == 40
    for actions, flags, values, returns, termination, _ in games_of(played):
        state = game.initial_state()
        for action, flag, value in zip(actions, flags, values, strict=True):
            assert action in list(state.legal_actions())
            assert np.isnan(value) == bool(flag & RANDOM_OPENING)
            assert bool(flag & VALUE_TARGET) != bool(flag & RANDOM_OPENING)
            if flag & QUIET:
                assert flag & VALUE_TARGET
                assert abs(value) < 1
            state.apply(int(action))
        assert state.is_terminal == (termination == PLAYED_OUT)
        if state.is_terminal:
            assert list(returns) == list(state.returns())
        else:
            assert termination == ADJUDICATED
            assert sorted(returns) == [-1, 1]
            assert abs(values[-1]) == 1


def test_arrays_have_the_types_of_a_shard():
    played = play(games=5)
    plies = played.plies
    types = {k: (v.dtype.name, v.shape) for k, v in played.arrays.items()}
    assert types == {
        "game_start": ("int64", (6,)),
        "action": ("int32", (plies,)),
        "ply_flags": ("uint8", (plies,)),
        "search_value": ("float32", (plies,)),
        "policy_start": ("int64", (plies + 1,)),
        "policy_action": ("int32", (0,)),
        "policy_prob": ("float16", (0,)),
        "returns": ("float32", (5, 2)),
        "termination": ("uint8", (5,)),
        "game_number": ("int64", (5,)),
        "initial_text": ("uint8", (0,)),
        "initial_start": ("int64", (6,)),
    }
    assert played.quiet == np.count_nonzero(played.arrays["ply_flags"] & QUIET)


def test_the_record_check_accepts_them():
    for name in GAMES:
        a = play(name).arrays
        keys = ("game_start", "action", "ply_flags", "returns", "termination")
        _core.replay_games(name, **{k: a[k] for k in keys})


def test_same_bytes_on_one_and_two_threads_and_every_simd_level():
    data = _core.NnueNetwork.random("ultimate_ttt", seed=3).to_bytes()
    reference = None
    for simd in _core.simd_levels():
        for threads in (1, 2):
            net = _core.NnueNetwork(data, simd)
            played = play(
                network=net, games=12, threads=threads, temperature=0.3, temperature_plies=4
            )
            reference = reference or played
            assert same(played, reference), (simd, threads)


def test_a_game_depends_on_its_number_and_not_on_its_batch():
    whole = list(games_of(play(first_game=1000, games=60)))  # crosses an opening block
    for first, count in ((1000, 7), (1020, 10), (1030, 30)):
        part = list(games_of(play(first_game=first, games=count)))
        for a, b in zip(part, whole[first - 1000 :], strict=False):
            assert a[5] == b[5]
            assert a[0].tobytes() == b[0].tobytes()
            assert a[2].tobytes() == b[2].tobytes()


def test_seeds_give_other_games():
    assert not same(play(seed=1), play(seed=2))


def test_openings_are_distinct_within_a_block():
    played = play(depth=1, games=1024, first_game=1024, num_random_plies=4)
    game = load_game("ultimate_ttt")
    seen = set()
    for actions, flags, *_ in games_of(played):
        state = game.initial_state()
        for action, flag in zip(actions, flags, strict=True):
            if not flag & RANDOM_OPENING:
                break
            state.apply(int(action))
        images = (state.transformed(s).text() for s in range(game.symmetries))
        seen.add(min(images))
    assert len(seen) == 1024


def test_openings_of_a_small_game_repeat_rather_than_fail():
    played = play("tic_tac_toe", games=200, num_random_plies=8)
    lengths = {int(np.count_nonzero(flags & RANDOM_OPENING)) for _, flags, *_ in games_of(played)}
    assert lengths == {8}
    with pytest.raises(ValueError, match="num_random_plies"):
        play("tic_tac_toe", num_random_plies=9)


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("evaluator", ["greedy", "nnue"])
def test_adjudication_never_changes_a_result(name, evaluator):
    """The same games played to their end have the same moves so far and the same results."""
    net = _core.NnueNetwork.random(name, seed=4) if evaluator == "nnue" else None
    short = play(name, network=net, games=75, depth=5, adjudicate=True)
    long = play(name, network=net, games=75, depth=5, adjudicate=False)
    adjudicated = 0
    for a, b in zip(games_of(short), games_of(long), strict=True):
        assert list(a[0]) == list(b[0][: len(a[0])])
        assert list(a[3]) == list(b[3])
        assert b[4] == PLAYED_OUT
        adjudicated += a[4] == ADJUDICATED
    assert adjudicated > 25 or name == "tic_tac_toe"


@pytest.mark.parametrize("name", ["connect_four", "ultimate_ttt"])
def test_adjudicated_positions_are_proven_by_the_rules(name):
    played = play(name, games=100, depth=5)
    game = load_game(name)
    checked = 0
    for actions, _, values, returns, termination, _ in games_of(played):
        if termination != ADJUDICATED:
            continue
        state = game.initial_state()
        for action in actions[:-1]:
            state.apply(int(action))
        won = values[-1] > 0
        assert returns[state.to_play] == (1 if won else -1)
        assert _core.proves(name, state.pack(), bool(won), 12, 1 << 32), state.text()
        checked += 1
    assert checked > 30


def test_proven_values_are_true_in_solved_endings():
    """In tic-tac-toe every value of +-1, adjudicated or not, is the exact result."""
    game = load_game("tic_tac_toe")
    search = _core.AlphaBeta("tic_tac_toe", reductions=False)
    for actions, _, values, *_ in games_of(play("tic_tac_toe", games=200)):
        state = game.initial_state()
        for action, value in zip(actions, values, strict=True):
            if not np.isnan(value):
                exact = search.minimax(state.pack(), 9, True)
                assert (abs(value) == 1) <= (np.sign(exact) == value), state.text()
            state.apply(int(action))


def won_boards(state) -> int:
    boards = str(state).split("boards:")[1].split("   ")[0]
    return boards.count("X") + boards.count("O")


def test_quiet_plies_leave_no_board_to_win():
    played = play(games=20, depth=4)
    game = load_game("ultimate_ttt")
    loud = 0
    for actions, flags, *_ in games_of(played):
        state = game.initial_state()
        for action, flag in zip(actions, flags, strict=True):
            before = won_boards(state)
            state.apply(int(action))
            wins_board = won_boards(state) > before
            assert not (wins_board and flag & QUIET)
            loud += wins_board and not flag & RANDOM_OPENING
    assert loud > 20


def test_temperature_varies_moves_and_keeps_to_its_plies():
    best = play(games=40)
    drawn = play(games=40, temperature=0.5, temperature_plies=1)
    first = OPENING_PLIES["ultimate_ttt"]
    pairs = list(zip(games_of(best), games_of(drawn), strict=True))
    assert all(list(a[0][:first]) == list(b[0][:first]) for a, b in pairs)  # the same openings
    differing = sum(a[0][first] != b[0][first] for a, b in pairs)
    assert 5 < differing < 40
    cold = play(games=40, temperature=0.001, temperature_plies=1)
    values = [
        (a[2][first], b[2][first]) for a, b in zip(games_of(best), games_of(cold), strict=True)
    ]
    assert all(abs(a - b) < 0.2 for a, b in values)


@pytest.mark.parametrize("temperature", [1e-12, 1e-17, 1e-300])
def test_no_temperature_is_too_low(temperature):
    settings = {"game": "connect_four", "temperature_plies": 40, "games": 20}
    cold = play(temperature=1e-6, **settings)
    assert same(play(temperature=temperature, **settings), cold)


def test_stopping_returns_the_finished_games():
    progress = _core.GamesProgress()
    results = []
    thread = threading.Thread(
        target=lambda: results.append(play(depth=6, games=100_000, threads=2, progress=progress))
    )
    thread.start()
    while progress.games < 20:
        time.sleep(0.005)
    progress.request_stop()
    thread.join(timeout=60)
    assert not thread.is_alive()
    played = results[0]
    assert 20 <= played.games < 100_000
    assert played.games == progress.games
    assert played.plies == progress.plies == len(played.arrays["action"])
    assert list(played.arrays["game_number"]) == sorted(set(played.arrays["game_number"]))
    complete = {int(g[5]): g for g in games_of(play(depth=6, games=10))}
    for game in games_of(played):
        if int(game[5]) in complete:
            assert list(game[0]) == list(complete[int(game[5])][0])


def test_no_games_is_a_batch_too():
    played = play(games=0)
    assert played.games == 0
    assert list(played.arrays["game_start"]) == [0]


def test_node_limited_games():
    assert same(play(nodes=300, depth=20, games=4), play(nodes=300, depth=20, games=4, threads=2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threads": 0}, "num_threads must be in 1..4096, got 0"),
        ({"games": -1}, "num_games"),
        ({"first_game": -1}, "first_game"),
        ({"first_game": 2**62}, r"num_games must be at least 0, with numbers below 2\^62"),
        ({"first_game": 2**63 - 1}, r"numbers below 2\^62"),
        ({"num_random_plies": 81}, "num_random_plies must be in 0..80"),
    ],
)
def test_errors_name_the_setting(arguments, message):
    with pytest.raises(ValueError, match=message):
        play(**arguments)


def test_a_network_of_another_game_is_refused():
    with pytest.raises(ValueError, match="tic_tac_toe"):
        play(network=_core.NnueNetwork.random("tic_tac_toe"))
