"""What a worker reads while it plays: when, and what it makes of files it cannot read."""

from types import SimpleNamespace

import pytest

from zerofleet.roles import worker as worker_module
from zerofleet.roles.config import ConfigError, OverrideError, resolve
from zerofleet.roles.tree_play import TreePlay
from zerofleet.roles.worker import Worker
from zerofleet.run.errors import DamagedError, RunError, StoreError
from zerofleet.run.layout import MODEL_MANIFEST
from zerofleet.run.models import PublishedModel, fetch_model, publish_model
from zerofleet.run.shares import DealtRange, Share, WorkerShare, write_share
from zerofleet.run.store import DirectoryStore


class CountingStore(DirectoryStore):
    def __init__(self, root):
        super().__init__(root)
        self.reads = []

    def read(self, key):
        self.reads.append(key)
        return super().read(key)


def test_the_manifest_is_read_now_and_then(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(worker_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    store = CountingStore(tmp_path)
    publish_model(store, 1, {"nnue": b"1"}, "a", info={"run_id": "old"})
    model = fetch_model(store)
    worker = Worker(tmp_path)
    worker.session = SimpleNamespace(store=store)
    keys = {"fleet.dead_after_seconds": 60}
    worker._config = resolve({"game": {"name": "ultimate_ttt"}}, {}, keys)
    store.reads.clear()
    for _ in range(1000):
        worker.check_same_run(model)
        now[0] += 0.1  # a round of tiny games
    assert store.reads.count(MODEL_MANIFEST) == 2
    now[0] += 60
    with pytest.raises(RunError, match="holds another run"):
        worker.check_same_run(PublishedModel(1, "nnue", b"1", model.sha256, "a", "new"))


@pytest.mark.parametrize("synchronous", [True, False])
@pytest.mark.parametrize(
    "problem",
    [
        StoreError("config.json: stale file handle"),
        DamagedError("config.json: expected JSON"),
        ConfigError("search.num_simulations: expected a number"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_waited_for(tmp_path, problem, synchronous):
    play, waits = playing(tmp_path, [problem, problem, None], synchronous=synchronous)
    play.run()
    assert waits == [(str(problem), "error")] * 2


@pytest.mark.parametrize("synchronous", [True, False])
def test_an_option_the_run_does_not_allow_ends_the_worker(tmp_path, synchronous):
    play, waits = playing(tmp_path, [OverrideError("--depth 3")], synchronous=synchronous)
    with pytest.raises(OverrideError):
        play.run()
    assert waits == []


def playing(tmp_path, problems, *, synchronous):
    """Play that meets these problems with config.json and then ends, and its waits."""
    store, waits, left = DirectoryStore(tmp_path), [], list(problems)
    publish_model(store, 1, {"safetensors": b"net"}, "a")
    mine = WorkerShare("session", (DealtRange(0, 3, 1),))
    write_share(store, Share(1, 1, 4, revision=1, workers={"w0": mine}))

    def follow_config():
        if (problem := left.pop(0)) is not None:
            raise problem

    keys = {"pacing.games_per_iteration": 4 if synchronous else 0}
    worker = SimpleNamespace(
        session=SimpleNamespace(
            store=store,
            worker="w0",
            lease=SimpleNamespace(session="session"),
            stopped=lambda: not left,
        ),
        config=resolve({"game": {"name": "tic_tac_toe"}, "net": {"kind": "mlp"}}, {}, keys),
        follow_config=follow_config,
        wait=lambda text, state="waiting": waits.append((text, state)),
    )
    play = TreePlay(worker, threads=1, device="cpu")
    play._use_model = lambda version: False  # as while the model is being copied
    return play, waits
