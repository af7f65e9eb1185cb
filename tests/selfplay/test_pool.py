"""The pool: games that replay, that depend on nothing they should not, and that follow the rules of
self-play; compared with the single search and with Python's own replay."""

import numpy as np
import pytest

import zerofleet.games
from search.hash_evaluator import hash_evaluator
from zerofleet import _core, load_game
from zerofleet.games.evaluation import Evaluation, random_evaluator, uniform_evaluator
from zerofleet.records.shard import ARRAYS, ShardMeta
from zerofleet.records.validate import validate
from zerofleet.records.write import encode_shard
from zerofleet.search import Mcts, MctsConfig
from zerofleet.selfplay import PlayConfig, Pool, play_games, run_pool

SMALLER = {"go": "go(size=7)", "othello": "othello(size=6)", "twenty48": "twenty48(size=3)"}
GAMES = [SMALLER.get(name, name) for name in zerofleet.games.game_names()]
PLAYED_OUT, RESIGNED, LENGTH_BOUND = 0, 2, 3
POLICY, VALUE, CHANCE = (
    _core.PLY_POLICY_TARGET,
    _core.PLY_VALUE_TARGET,
    _core.PLY_CHANCE,
)
OPENING, FAST = _core.PLY_RANDOM_OPENING, _core.PLY_FAST_SEARCH
MANY_THINGS = MctsConfig(
    num_simulations=12, full_search_probability=0.4, fast_simulations=5, cache_mib=0
)
PLAY = PlayConfig(num_parallel_games=8, num_random_plies=2, temperature_plies=6, max_plies=150)


def meta_of(name) -> ShardMeta:
    game = load_game(name)
    return ShardMeta(
        game=game.name,
        game_options=dict(game.options),
        model_version=1,
        worker_id="w",
        batch=1,
        run_seed=0,
    )


def same(a, b) -> bool:
    return all(getattr(a, k).tobytes() == getattr(b, k).tobytes() for k in ARRAYS)


def games_of(records):
    """(number, actions, flags, values, policies, returns, termination) of each game."""
    for g in range(records.num_games):
        first, last = records.game_start[g : g + 2]
        policies = []
        for ply in range(first, last):
            entries = slice(*records.policy_start[ply : ply + 2])
            policies.append((records.policy_action[entries], records.policy_prob[entries]))
        yield (
            int(records.game_number[g]),
            records.action[first:last].tolist(),
            records.ply_flags[first:last],
            records.search_value[first:last],
            policies,
            records.returns[g].tolist(),
            int(records.termination[g]),
        )


@pytest.mark.parametrize("selection", ["puct", "gumbel"])
@pytest.mark.parametrize("name", GAMES)
def test_records_are_games(name, selection):
    """Validated by the core, and replayed here with the game's Python face."""
    search = MANY_THINGS.model_copy(update={"selection": selection})
    records = play_games(name, 9, search, random_evaluator, seed=3, first_game=40, play=PLAY)
    validate(meta_of(name), records, name="pool")
    encode_shard(meta_of(name), records)  # checks the structure
    assert records.game_number.tolist() == list(range(40, 49))
    game = load_game(name)
    for _, actions, flags, values, policies, returns, termination in games_of(records):
        state = game.initial_state()
        for action, flag, value, (who, prob) in zip(actions, flags, values, policies, strict=True):
            assert action in state.legal_actions()
            assert bool(flag & CHANCE) == state.is_chance
            searched = not flag & (CHANCE | OPENING)
            assert np.isnan(value) != searched
            expected = {True: FAST, False: POLICY | VALUE}[bool(flag & FAST)] if searched else 0
            assert flag & (FAST | POLICY | VALUE) == expected
            assert bool(flag & POLICY) == (len(who) > 0)
            if len(who):
                assert set(who.tolist()) <= set(state.legal_actions())
                assert abs(float(prob.astype(np.float64).sum()) - 1) < 2e-3
            state.apply(action)
        assert termination == (PLAYED_OUT if state.is_terminal else LENGTH_BOUND)
        if state.is_terminal or game.num_players == 1:
            assert len(returns) == game.num_players
        if state.is_terminal:
            assert returns == list(state.returns())
        elif game.num_players == 2:
            assert returns == [0, 0]
            assert len(actions) >= 150


def test_the_same_games_whatever_is_not_of_the_game():
    """Threads, halves, games at once, cache: the same bytes."""
    play = PLAY.model_copy(update={"resign_below": -0.1, "resign_moves": 1})

    def played(parallel=8, cache=0, **options):
        return play_games(
            "connect_four",
            30,
            MANY_THINGS.model_copy(update={"cache_mib": cache, "leaves_per_round": 2}),
            random_evaluator,
            seed=5,
            play=play.model_copy(update={"num_parallel_games": parallel}),
            **options,
        )

    reference = played()
    assert same(played(threads=2), reference)
    assert same(played(threads=3, parallel=30), reference)
    assert same(played(threads=3, parallel=7, overlap=True), reference)
    assert same(played(parallel=1), reference)
    assert same(played(threads=2, cache=1), reference)
    assert same(played(threads=3, cache=64, parallel=13), reference)
    assert len({g[6] for g in games_of(reference)}) == 2  # some were resigned


def test_a_game_depends_on_its_number_alone():
    def play(first, count, seed=2):
        records = play_games(
            "tic_tac_toe", count, MANY_THINGS, random_evaluator, seed=seed, first_game=first
        )
        return {number: (a, v.tobytes()) for number, a, _, v, *_ in games_of(records)}

    whole = play(100, 40)
    assert play(117, 5) == {n: whole[n] for n in range(117, 122)}
    assert play(100, 40, seed=3) != whole


def test_batches_are_the_same_on_any_number_of_threads():
    """Without a cache, round by round."""

    def rounds(threads):
        pool = Pool("connect_four", MANY_THINGS, PLAY, seed=1, threads=threads)
        pool.add_games(0, 20)
        seen = []
        while not pool.done:
            batch = pool.collect()
            seen.append([a.tobytes() for a in vars(batch).values()])
            if len(batch):
                pool.receive(0, random_evaluator(batch))
        return seen

    one = rounds(1)
    assert one == rounds(2) == rounds(3)


@pytest.mark.parametrize("selection", ["puct", "gumbel"])
@pytest.mark.parametrize("name", [g for g in GAMES if g.startswith(("connect_four", "twenty48"))])
def test_a_game_of_the_pool_is_the_single_search_move_by_move(name, selection):
    """Moves, values, policies and reuse of subtrees are those of `zerofleet.search.Mcts`."""
    search = MctsConfig(
        num_simulations=20, selection=selection, full_search_probability=1.0, cache_mib=0
    )
    play = PlayConfig(temperature_plies=0, max_plies=60)
    records = play_games(name, 3, search, hash_evaluator, seed=9, first_game=1, play=play)
    game = load_game(name)
    searched = 0
    for number, actions, flags, values, policies, *_ in games_of(records):
        state = game.initial_state()
        single = Mcts(game, search, hash_evaluator, derive_seed(derive_seed(9, number), 0))
        started = False
        for action, flag, value, policy in zip(actions, flags, values, policies, strict=True):
            if not flag & CHANCE:
                result = single.search(None if started else state)
                started = True
                assert (result.action, result.value) == (action, value)
                who, prob = kept(result.actions, result.policy)
                assert (policy[0] == who).all()
                assert (policy[1] == prob).all()
                searched += 1
            state.apply(action)
            if started:
                single.advance(action)
    assert searched > 20


def derive_seed(a, b):
    """base/rng.h in Python."""
    mask = (1 << 64) - 1

    def mix(x):
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & mask
        x = (x ^ x >> 27) * 0x94D049BB133111EB & mask
        return x ^ x >> 31

    return mix(mix(a + 0x9E3779B97F4A7C15 & mask) ^ (b + 0xD1B54A32D192ED03 & mask))


def kept(actions, policy):
    """The sparse policy of docs/formats.md, by numpy."""
    large = policy >= policy.max() / 1024
    p = policy[large].astype(np.float64)
    return actions[large], (p / p.sum()).astype(np.float32).astype(np.float16)


def test_rows_are_what_the_game_observes():
    game = load_game("connect_four")
    search = MctsConfig(num_simulations=4, cache_mib=0)
    pool = Pool(game, search, PlayConfig(num_parallel_games=3))
    pool.add_games(0, 3)
    batch = pool.collect()
    state = game.initial_state()
    planes = state.observation().reshape(game.observation_shape[0], -1).astype(np.uint8)
    packed = np.packbits(planes, axis=1, bitorder="little")
    assert batch.planes.dtype == np.uint8
    assert batch.planes.shape == (3, *packed.shape)
    assert (batch.planes == packed).all()
    assert (batch.scalars == state.scalars()).all()
    assert batch.legal_start.tolist() == [0, 7, 14, 21]
    assert sorted(batch.legal_action[:7].tolist()) == state.legal_actions()


def test_a_batch_that_is_kept_stays_as_it_was():
    search = MctsConfig(num_simulations=9, cache_mib=1)
    pool = Pool("connect_four", search, PlayConfig(num_parallel_games=50))
    pool.add_games(0, 100)
    seen = []
    for _ in range(20):
        batch = pool.collect()
        seen.append((batch, batch.planes.copy(), batch.legal_action.copy()))
        pool.receive(0, uniform_evaluator(batch))
    del pool
    for batch, planes, actions in seen:
        assert (batch.planes == planes).all()
        assert (batch.legal_action == actions).all()


def test_temperature_and_random_plies():
    search = MctsConfig(
        num_simulations=8,
        selection="puct",
        dirichlet_weight=0,
        full_search_probability=1.0,
        cache_mib=0,
    )

    def actions(**settings):
        records = play_games(
            "connect_four", 60, search, random_evaluator, play=PlayConfig(**settings)
        )
        return [g[1] for g in games_of(records)], records.ply_flags

    best, _ = actions(temperature=0)
    assert len({tuple(a) for a in best}) == 1
    first_only, _ = actions(temperature=1, temperature_plies=1)
    assert len({a[0] for a in first_only}) >= 3
    assert len({tuple(a) for a in first_only}) == len({a[0] for a in first_only})
    cold, _ = actions(temperature=0.01, temperature_plies=4)
    assert sum(a[:4] == best[0][:4] for a in cold) > 30
    opened, flags = actions(temperature=0, num_random_plies=3)
    assert len({tuple(a[:3]) for a in opened}) > 50
    assert (flags & OPENING != 0).sum() == 3 * 60


def test_temperature_draws_in_proportion():
    """The first move of 4,000 games against the policy that every one of them recorded."""
    search = MctsConfig(
        num_simulations=10,
        selection="puct",
        dirichlet_weight=0,
        full_search_probability=1.0,
        cache_mib=1,
    )
    for temperature in (1.0, 0.5):
        play = PlayConfig(temperature=temperature, temperature_plies=1, max_plies=1)
        records = play_games("connect_four", 4000, search, random_evaluator, play=play)
        who, prob = kept_of_first(records)
        expected = prob.astype(np.float64) ** (1 / temperature)
        expected /= expected.sum()
        seen = np.array([(records.action == a).mean() for a in who])
        assert np.abs(seen - expected).max() < 4 * 0.5 / np.sqrt(4000)


def kept_of_first(records):
    entries = slice(*records.policy_start[:2])
    return records.policy_action[entries], records.policy_prob[entries]


def test_playout_cap_randomisation():
    search = MANY_THINGS.model_copy(update={"full_search_probability": 0.25})
    pool = Pool("connect_four", search, PlayConfig(num_parallel_games=64), seed=1)
    pool.add_games(0, 100)
    run_pool(pool, random_evaluator)
    flags = pool.take_games().ply_flags
    fast = (flags & FAST != 0).sum()
    assert abs(fast / len(flags) - 0.75) < 0.05
    stats = pool.stats()
    assert stats.fast_searches == fast
    assert stats.full_searches == stats.policies == len(flags) - fast
    assert stats.simulations == 12 * stats.full_searches + 5 * stats.fast_searches
    assert stats.games == 100
    assert sum(stats.wins) + stats.draws == 100
    assert 0 <= stats.dropped_mass < stats.policies / 1024 * 7


def first_player_wins(batch):
    """A net that is sure of it, with random priors."""
    found = random_evaluator(batch)
    stones = np.unpackbits(batch.planes[:, :2], axis=-1).sum(axis=(1, 2))
    return Evaluation(found.prior, np.where(stones % 2 == 0, 0.97, -0.97).astype(np.float32))


def test_resignation_and_its_false_positives():
    search = MctsConfig(num_simulations=6, full_search_probability=1.0, cache_mib=0)
    play = PlayConfig(
        resign_below=-0.6, resign_moves=3, resign_play_on=0.25, num_parallel_games=100
    )
    pool = Pool("connect_four", search, play, seed=4)
    pool.add_games(0, 400)
    run_pool(pool, first_player_wins)
    stats, false, to_the_end = pool.stats(), 0, 0
    for _, actions, _, values, _, returns, termination in games_of(pool.take_games()):
        # A player with a won position is sure of it too; the second has no other.
        if termination == RESIGNED:
            loser = (len(actions) - 1) % 2
            assert returns[loser] == -1
            assert returns[1 - loser] == 1
            assert (values[loser::2][-3:] < -0.6).all()
            assert len(actions) <= 8
        else:
            assert termination == PLAYED_OUT
            to_the_end += 1
            hopeless = values < -0.6
            runs = [
                (ply, ply % 2)
                for ply in range(4, len(actions))
                if hopeless[ply] and hopeless[ply - 2] and hopeless[ply - 4]
            ]
            false += bool(runs) and returns[runs[0][1]] >= 0
    stats = pool.stats()
    assert 70 < stats.played_on < 130
    assert stats.terminations == (to_the_end, 0, 400 - to_the_end, 0)
    # The value of the move played must be hopeless too, which records do not hold.
    assert abs(stats.false_resignations - false) <= 0.05 * stats.played_on
    assert 0.1 < stats.false_resignation_rate < 0.9


def test_nobody_resigns_where_a_score_counts():
    games = [g for g in GAMES if load_game(g).num_players == 1]
    for name in games:
        play = PlayConfig(resign_below=-0.001, resign_moves=1, resign_play_on=0, max_plies=100)
        records = play_games(name, 3, MANY_THINGS, random_evaluator, play=play)
        assert set(records.termination.tolist()) <= {PLAYED_OUT, LENGTH_BOUND}
        assert (records.returns > 0).all()


@pytest.mark.parametrize("halves", [1, 2])
def test_a_pool_that_was_stopped_goes_on(halves):
    """`run_pool` may be left at any round and called again; the games are the same."""
    search = MctsConfig(num_simulations=6)
    expected = play_games("tic_tac_toe", 40, search, random_evaluator, seed=5, play=PLAY)
    pool = Pool("tic_tac_toe", search, PLAY, seed=5, halves=halves)
    pool.add_games(0, 40)
    calls = 0
    while not pool.done:
        rounds = iter(range(3))
        run_pool(pool, random_evaluator, lambda rounds=rounds: next(rounds, None) is None)
        calls += 1
    assert calls > 3
    found = pool.take_games()
    assert found.action.tobytes() == expected.action.tobytes()
    assert found.policy_prob.tobytes() == expected.policy_prob.tobytes()


def test_games_come_out_in_order_and_gaps_on_demand():
    pool = Pool("connect_four", MANY_THINGS, PlayConfig(num_parallel_games=4), threads=2)
    pool.add_games(50, 4)
    pool.add_games(0, 30)
    numbers = []
    while len(numbers) < 10:
        batch = pool.collect()
        pool.receive(0, random_evaluator(batch))
        numbers += pool.take_games(limit=2).game_number.tolist()
    assert numbers == [50, 51, 52, 53, *range(len(numbers) - 4)]
    while pool.num_ready or pool.stats().games == len(numbers):
        numbers += pool.take_games().game_number.tolist()
        batch = pool.collect()
        pool.receive(0, random_evaluator(batch))
        late = pool.take_games(gaps=True).game_number.tolist()
        if late and late[0] > numbers[-1] + 1:
            break
        numbers += late
    numbers += late
    assert pool.num_under_way == 4
    run_pool(pool, random_evaluator)
    numbers += pool.take_games().game_number.tolist()
    assert sorted(numbers) == [*range(30), 50, 51, 52, 53]
    assert pool.take_games().num_games == 0
    assert pool.stats().games == 34


def test_memory_is_reported_and_bounded():
    search = MctsConfig(num_simulations=50, cache_mib=4)
    pool = Pool("connect_four", search, PlayConfig(num_parallel_games=100))
    pool.add_games(0, 150)
    run_pool(pool, random_evaluator)
    memory = pool.memory()
    assert 100 * 50 * 32 < memory.nodes < memory.nodes_limit
    assert 3 << 20 < memory.cache <= 4 << 20
    assert memory.total == sum(
        (memory.nodes, memory.games, memory.rows, memory.cache, memory.finished)
    )
    held = memory.finished
    pool.take_games()
    assert pool.memory().finished < held / 10
    assert pool.stats().cache_hits > 0


def test_errors_say_what_is_wrong():
    pool = Pool("connect_four", MANY_THINGS, PlayConfig(num_parallel_games=2))
    with pytest.raises(ValueError, match=r"half must be in 0\.\.0, got 1"):
        pool.collect(1)
    pool.add_games(0, 2)
    with pytest.raises(RuntimeError, match="without rows"):
        pool.receive(0, Evaluation(np.zeros(0, np.float32), np.zeros(0, np.float32)))
    batch = pool.collect()
    with pytest.raises(RuntimeError, match="before its receive"):
        pool.collect()
    good = uniform_evaluator(batch)
    with pytest.raises(ValueError, match="of 1 rows and 14 priors; expected 2 and 14"):
        pool.receive(0, Evaluation(good.prior, good.value[:1]))
    pool.receive(0, Evaluation(good.prior * 2, good.value))
    with pytest.raises(RuntimeError, match=r"connect_four.*sum to 2\.0"):
        pool.collect()
    with pytest.raises(RuntimeError, match="failed before"):
        pool.collect()
    with pytest.raises(ValueError, match="num_random_plies"):
        Pool("connect_four", MANY_THINGS, PlayConfig(num_random_plies=42))
    with pytest.raises(ValueError, match="count"):
        pool.add_games(0, -1)
    with pytest.raises(ValueError, match="num_threads"):
        Pool("connect_four", MANY_THINGS, threads=0)


def test_what_an_evaluator_raises_comes_out():
    def broken(batch):
        raise KeyError("no net")

    for overlap in (False, True):
        with pytest.raises(KeyError, match="no net"):
            play_games("tic_tac_toe", 2, MANY_THINGS, broken, overlap=overlap)
