import json

from zerofleet.fleet.status import collect, write_status_text
from zerofleet.run import layout
from zerofleet.run.lease import Lease, LeaseWatch
from zerofleet.run.models import publish_model
from zerofleet.run.stats import append_stats
from zerofleet.run.stop import request_stop


def remote_lease(store, worker, **changes):
    """A lease whose process cannot be asked from here."""
    key = layout.worker_lease_key(worker)
    Lease.acquire(store, key)
    document = {**json.loads(store.read(key)), "host": "gpu3", "boot_id": "another", **changes}
    store.put(key, json.dumps(document).encode())


def test_an_empty_run(store):
    status = collect(store, LeaseWatch())
    assert (status.model_version, status.workers, status.trainer) == (0, (), None)
    assert "not started" in status.text()


def test_every_state_has_its_label(store):
    now = [0.0]
    watch = LeaseWatch(60, clock=lambda: now[0])
    for worker, state, error in [
        ("a", "active", ""),
        ("b", "syncing", ""),
        ("c", "error", "out of memory"),
        ("d", "stopped", ""),
        ("e", "waiting", ""),
        ("f", "stopped", "KeyError: 'x'\n  raised by your play"),
    ]:
        remote_lease(store, worker, state=state, error=error, rates={"games_per_hour": 5000.0})
    status = collect(store, watch)
    assert {worker.name: worker.label for worker in status.workers} == {
        "a": "🟢 Active",
        "b": "🟡 Syncing",
        "c": "🔴 Error (out of memory)",
        "d": "⚪ Stopped",
        "e": "🟢 Active",
        "f": "⚪ Stopped (KeyError: 'x')",
    }
    assert (status.num_active, status.num_configured) == (3, 4)
    assert "Workers active: 3/4" in status.text()
    assert "games per hour 5,000" in status.text()
    assert "(unconfirmed)" in status.text()
    remote_lease_beats(store, "a")
    now[0] = 61.0
    status = collect(store, watch)
    assert [worker.label for worker in status.workers][:2] == ["🟢 Active", "⚪ Offline"]
    assert status.workers[0].confirmed


def remote_lease_beats(store, worker):
    key = layout.worker_lease_key(worker)
    document = json.loads(store.read(key))
    store.put(key, json.dumps({**document, "counter": document["counter"] + 1}).encode())


def test_a_run_in_full(store):
    Lease.acquire(store, layout.TRAINER_LEASE).beat(state="active")
    Lease.acquire(store, layout.worker_lease_key("w0"), info={"threads": 2}).beat(state="active")
    publish_model(store, 1, {"nnue": b"1"}, "arch")
    append_stats(
        store,
        {
            "iteration": 1,
            "model_version": 1,
            "games": 1200,
            "positions": 50_000,
            "losses": {"val_policy": 0.0123},
            "elo": {"rating": 321.4, "error": 20.2},
            "seconds": 12.5,
        },
    )
    store.put("data/v0001_w0_0001.npz", b"12345")
    store.put("rejected/x.npz.reason.txt", b"why")
    store.put("workers/bad.json", b"{")
    request_stop(store)
    status = collect(store, LeaseWatch(), configured_workers=frozenset({"w0", "w1"}))
    text = status.text()
    assert "Workers active: 1/2" in text
    assert "Loop 1: model 1, 1,200 games, 50,000 positions, val policy 0.0123, Elo 321 ± 20" in text
    assert "STOP is set" in text
    assert "Problem: workers/bad.json: expected JSON" in text
    assert "(unconfirmed)" not in text
    assert json.loads(json.dumps(status.to_json()))["pending_bytes"] == 5
    write_status_text(store, status)
    assert store.read("status.txt").decode() == text
