"""`fleet.games_between_looks`: a worker counts games, not seconds; a newer net closes a shard."""

from types import SimpleNamespace

from zerofleet.games.evaluation import uniform_evaluator
from zerofleet.roles.config import resolve
from zerofleet.roles.tree_play import TreePlay
from zerofleet.run.lease import Reservation
from zerofleet.run.models import publish_model
from zerofleet.run.store import DirectoryStore

KEYS = {
    "search.num_simulations": 4,
    "search.cache_mib": 1,
    "selfplay.num_parallel_games": 4,
    "pacing.poll_seconds": 1e-9,  # by the clock it would look all the time
}


def play(tmp_path, *, num_shards, patience=0, **keys):
    """Shards (version, game numbers, batch) of a worker: there is a newer net as soon as it
    has loaded one, or, of every second net, has delivered so many shards with it."""
    store, shards, numbers = DirectoryStore(tmp_path), [], iter(range(1, 10_000))
    publish_model(store, 1, {"safetensors": b"net 1"}, "a")
    named = {key.replace("__", "."): value for key, value in keys.items()}
    config = resolve({"game": {"name": "tic_tac_toe"}, "net": {"kind": "mlp"}}, {}, KEYS | named)
    looks = iter(range(50 * num_shards))

    def deliver(games, *, batch, model, **_):
        shards.append((model.version, games.game_number.tolist(), batch))

    def follow_config():
        assert next(looks, None) is not None, f"no games any more after {len(shards)} shards"

    nothing = lambda *_, **__: None  # noqa: E731
    worker = SimpleNamespace(
        config=config,
        session=SimpleNamespace(
            store=store,
            worker="w0",
            stopped=lambda: len(shards) >= num_shards,
            heartbeat=SimpleNamespace(update=nothing),
        ),
        watchdog=SimpleNamespace(alive=nothing, rest=nothing),
        reserve=lambda games: Reservation(next(numbers), 10_000 * next(numbers)),
        may_deliver=lambda: True,
        follow_config=follow_config,
        check_same_run=nothing,
        deliver=deliver,
        tell=nothing,
        wait=nothing,
    )
    strategy = TreePlay(worker, threads=1, device="cpu")

    def load(model):
        # The next net comes while games are played with this one.
        following = [model.version + 1]
        due = len(shards) + patience * (model.version % 2)

        def evaluator(batch):
            if following and len(shards) >= due:
                version = following.pop()
                publish_model(store, version, {"safetensors": b"net %d" % version}, "a")
            return uniform_evaluator(batch)

        evaluator.backend = "uniform"
        strategy._evaluator = evaluator

    strategy._load = load
    strategy.run()
    return shards


def test_a_newer_net_closes_the_shard_early(tmp_path):
    shards = play(
        tmp_path, num_shards=3, selfplay__games_per_batch=1000, fleet__games_between_looks=20
    )
    assert [version for version, _, _ in shards[:3]] == [1, 2, 3]
    assert all(20 <= len(games) < 60 for _, games, _ in shards[:3])


def test_shards_that_were_closed_early_leave_no_game_behind(tmp_path):
    """Each of them takes fewer games than were reserved for it; the pool never runs dry."""
    shards = play(
        tmp_path,
        num_shards=40,
        patience=1,
        selfplay__games_per_batch=8,
        fleet__games_between_looks=3,
    )
    assert {len(games) for _, games, _ in shards} > {8}  # some are full, some are not
    assert len({batch for _, _, batch in shards}) == len(shards)
    games = [number for _, games, _ in shards for number in games]
    assert len(set(games)) == len(games)
