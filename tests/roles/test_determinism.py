"""Same seed, same shard bytes: on any number of threads, on any kernels, in any run."""

import itertools

import pytest
import run_kit

from zerofleet import _core
from zerofleet.records.read import decode_shard
from zerofleet.records.shard import GameRecords, ShardMeta
from zerofleet.records.write import encode_shard
from zerofleet.run.layout import CONSUMED, DATA
from zerofleet.run.models import fetch_model
from zerofleet.search.config import AlphaBetaConfig
from zerofleet.selfplay.alphabeta_actor import AlphaBetaActor
from zerofleet.selfplay.config import SelfplayConfig

# Where a shard may differ between equal runs: the session and facts of the host.
OF_THE_HOST = {"run_id": "", "session": "", "host": {}}


def bytes_apart_from_host(run, name):
    for prefix in (DATA, CONSUMED):
        if name in run.names(prefix):
            meta, games = decode_shard(run.store.read(prefix + name), name=name)
            return encode_shard(meta.model_copy(update=OF_THE_HOST), games)
    raise AssertionError(f"no {name}")


def levels():
    """The kernels this processor has; the plain one is everywhere."""
    return [level for level in ("scalar", "avx2", "avx512") if level in _core.simd_levels()]


def play(network, *, simd, threads, selfplay, depth=3):
    result = _core.generate_games(
        "ultimate_ttt",
        _core.NnueNetwork(network, simd=simd),
        seed=11,
        first_game=40,
        num_games=24,
        threads=threads,
        **AlphaBetaConfig(depth=depth).model_dump(),
        **selfplay.model_dump(exclude={"games_per_batch"}),
    )
    meta = ShardMeta(
        game="ultimate_ttt", model_version=1, worker_id="w0", batch=1, run_seed=1, session=""
    )
    return encode_shard(meta, GameRecords(**result["arrays"]))


@pytest.fixture(scope="module")
def network(forge, tmp_path_factory):
    """A network of the default size, as a trainer publishes it."""
    run = run_kit.Run(forge, tmp_path_factory.mktemp("network"))
    run.settings |= {"net.num_accumulators": 256, "net.num_hidden1": 32, "net.num_hidden2": 32}
    run.settings |= {"net.num_buckets": 4}
    trainer = run.trainer()
    version = run.directory / "model/version.txt"
    run_kit.wait_for(version.exists, "model version 1")
    assert trainer.stop() == 0
    return fetch_model(run.store, 1).data


@pytest.mark.parametrize(
    "selfplay",
    [SelfplayConfig(), SelfplayConfig(temperature=0.5, temperature_plies=6, adjudicate=False)],
    ids=["default", "temperature"],
)
def test_threads_and_kernels_give_the_same_shard(network, selfplay):
    expected = play(network, simd="scalar", threads=1, selfplay=selfplay)
    for level in levels():
        for threads in (1, 2, 5):
            assert play(network, simd=level, threads=threads, selfplay=selfplay) == expected
    other = play(network, simd="auto", threads=1, selfplay=selfplay, depth=2)
    assert other != expected


def test_games_do_not_depend_on_how_they_are_batched(network):
    """Games 0..9 in one go are games 0..3 and 4..9; a restart changes no game."""
    actor = AlphaBetaActor("ultimate_ttt", network)

    def moves(first, number):
        games = actor.play(
            search=AlphaBetaConfig(depth=2),
            selfplay=SelfplayConfig(),
            seed=5,
            first_game=first,
            num_games=number,
            threads=2,
            should_stop=lambda: False,
        ).games
        starts = games.game_start
        return [games.action[a:b].tolist() for a, b in itertools.pairwise(starts)]

    assert moves(0, 10) == moves(0, 4) + moves(4, 6)


def test_two_runs_of_one_seed_deliver_the_same_first_shards(forge, tmp_path):
    """Asynchronous runs differ in when a model comes; version 1 and its shards do not."""
    runs = []
    for number, threads in enumerate((1, 2)):
        run = run_kit.Run(forge, tmp_path / str(number))
        runs.append(run)
        trainer = run.trainer("--seed=5", pacing__min_new_positions=10**9)
        worker = run.worker("w0", f"--threads={threads}")
        run.wait_for_shards(4)
        assert (worker.stop(), trainer.stop()) == (0, 0)
    first, second = runs
    assert fetch_model(first.store, 1).data == fetch_model(second.store, 1).data
    for batch in range(1, 4):
        name = f"v0001_w0_{batch:04d}.npz"
        assert bytes_apart_from_host(first, name) == bytes_apart_from_host(second, name)
    other = run_kit.Run(forge, tmp_path / "other")
    trainer = other.trainer("--seed=6", pacing__min_new_positions=10**9)
    worker = other.worker("w0")
    other.wait_for_shards(2)
    assert (worker.stop(), trainer.stop()) == (0, 0)
    name = "v0001_w0_0001.npz"
    assert bytes_apart_from_host(other, name) != bytes_apart_from_host(first, name)
