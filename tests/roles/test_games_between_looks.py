"""`fleet.games_between_looks`: a worker counts games, not seconds; a newer net closes a shard."""

from types import SimpleNamespace

from zerofleet.games.evaluation import uniform_evaluator
from zerofleet.roles.config import resolve
from zerofleet.roles.tree_play import TreePlay
from zerofleet.run.lease import Reservation
from zerofleet.run.models import publish_model
from zerofleet.run.store import DirectoryStore


def test_a_newer_net_closes_the_shard_early(tmp_path):
    store, shards, numbers = DirectoryStore(tmp_path), [], iter(range(1, 1000))
    publish_model(store, 1, {"safetensors": b"net 1"}, "a")
    keys = {
        "search.num_simulations": 4,
        "search.cache_mib": 1,
        "selfplay.games_per_batch": 1000,
        "selfplay.num_parallel_games": 4,
        "pacing.poll_seconds": 1e-9,  # by the clock it would look all the time
        "fleet.games_between_looks": 20,
    }
    config = resolve({"game": {"name": "tic_tac_toe"}, "net": {"kind": "mlp"}}, {}, keys)

    def deliver(games, *, batch, model, **_):
        shards.append((model.version, games.num_games, batch))

    nothing = lambda *_, **__: None  # noqa: E731
    worker = SimpleNamespace(
        config=config,
        session=SimpleNamespace(
            store=store,
            worker="w0",
            stopped=lambda: len(shards) >= 3,
            heartbeat=SimpleNamespace(update=nothing),
        ),
        watchdog=SimpleNamespace(alive=nothing, rest=nothing),
        reserve=lambda games: Reservation(next(numbers), 1000 * next(numbers)),
        may_deliver=lambda: True,
        follow_config=nothing,
        check_same_run=nothing,
        deliver=deliver,
        tell=nothing,
        wait=nothing,
    )
    play = TreePlay(worker, threads=1, device="cpu")

    def load(model):
        # The next net comes while the first games are played with this one.
        following = [model.version + 1]

        def evaluator(batch):
            for version in following:
                publish_model(store, version, {"safetensors": b"net %d" % version}, "a")
            following.clear()
            return uniform_evaluator(batch)

        evaluator.backend = "uniform"
        play._evaluator = evaluator

    play._load = load
    play.run()
    assert [version for version, _, _ in shards[:3]] == [1, 2, 3]
    assert all(20 <= games < 60 for _, games, _ in shards[:3])
    assert len({batch for _, _, batch in shards}) == len(shards)
