import json

from zerofleet.fleet.devices import plan_workers, usable_cores
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
    ]:
        remote_lease(store, worker, state=state, error=error, rates={"games_per_hour": 5000.0})
    status = collect(store, watch)
    assert {worker.name: worker.label for worker in status.workers} == {
        "a": "🟢 Active",
        "b": "🟡 Syncing",
        "c": "🔴 Error (out of memory)",
        "d": "⚪ Offline",
        "e": "🟢 Active",
    }
    assert (status.num_active, status.num_configured) == (3, 4)
    assert "Workers active 3/4" in status.text()
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
            "losses": {"validation": 0.0123},
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
    assert "Workers active 1/2" in text
    assert "Loop 1: model 1, 1,200 games, 50,000 positions, validation 0.0123, Elo 321 ± 20" in text
    assert "STOP is set" in text
    assert "Problem: workers/bad.json: expected JSON" in text
    assert "(unconfirmed)" not in text
    assert json.loads(json.dumps(status.to_json()))["pending_bytes"] == 5
    write_status_text(store, status)
    assert store.read("status.txt").decode() == text


def test_rates_are_those_of_who_plays(store):
    lease = Lease.acquire(store, layout.worker_lease_key("w0"))
    lease.beat(state="active", rates={"games_per_second": 4.567, "positions_per_second": 82_361.0})
    request_stop(store)
    text = collect(store, LeaseWatch()).text()
    assert "games per second 4.57, positions per second 82,361" in text
    assert "the run is ending" in text
    lease.release()
    text = collect(store, LeaseWatch()).text()
    assert "per second" not in text
    assert "the run has ended" in text


def test_worker_plans():
    assert usable_cores() >= 1
    assert (plan_workers(cores=8).num_workers, plan_workers(cores=8).num_threads) == (1, 8)
    assert plan_workers(3, cores=8).num_threads == 2
    assert plan_workers(4, cores=2).num_threads == 1
    assert str(plan_workers(1, 1, cores=2)) == "1 worker with 1 thread (as asked)"
    assert str(plan_workers(2, cores=8)) == "2 workers with 4 threads each (8 cores here)"
    assert "more than the 2 cores" in str(plan_workers(2, 4, cores=2))
