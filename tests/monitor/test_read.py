"""A run directory becomes a view, whatever state it is in."""

from pathlib import Path

import pytest
from sample_run import sample_entries
from sample_scores import sample_score_entries

from zerofleet.monitor.read import RunReader
from zerofleet.run.documents import encode
from zerofleet.run.layout import TRAINER_LEASE, TRAINING_STATS, worker_lease_key
from zerofleet.run.lease import Lease
from zerofleet.run.models import publish_model
from zerofleet.run.store import DirectoryStore


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path)


def reader(store: DirectoryStore, now: list[float]) -> RunReader:
    return RunReader(store, run_dir="runs/x", limit_seconds=100.0, clock=lambda: now[0])


def test_an_empty_directory(store: DirectoryStore) -> None:
    view = reader(store, [0.0]).read()
    assert view.phase == "waiting for the trainer"
    assert (view.workers, view.entries, view.messages) == ([], [], ())


def test_a_run_in_progress(store: DirectoryStore) -> None:
    config = {
        "run_name": "x",
        "game": {"name": "ultimate_ttt"},
        "pacing": {"max_loops": 10, "min_new_positions": 50_000},
        "replay": {"max_positions": 2_000_000},
    }
    store.put("config.json", encode(config))
    store.put(TRAINING_STATS, encode(sample_entries(3)))
    publish_model(store, 1, {"nnue": b"net"}, "test")
    trainer = Lease.acquire(store, TRAINER_LEASE)
    progress = {"phase": "collecting", "new_positions": 20_000, "window": 90_000}
    trainer.beat(state="active", progress=progress)
    worker = Lease.acquire(store, worker_lease_key("w0"))
    worker.beat(
        state="active",
        model_version=1,
        rates={"games_per_second": 20.5, "positions_per_second": 700.0},
        totals={"batches": 2, "games": 2000, "positions": 61_000},
    )
    stopped = Lease.acquire(store, worker_lease_key("w1"))
    stopped.release("killed by SIGKILL")

    now = [0.0]
    watch = reader(store, now)
    now[0] = 30.0
    view = watch.read(restarts={"w1": 2}, messages=["w1 restarted"])
    assert (view.phase, view.progress) == ("collecting", 0.4)
    assert (view.loop, view.max_loops, view.model_version) == (4, 10, 1)
    assert (view.window_positions, view.max_positions) == (90_000, 2_000_000)
    assert [w.state for w in view.workers] == ["active", "stopped"]
    assert (view.workers[0].games, view.games_per_second) == (2000, 20.5)
    assert (view.workers[1].restarts, view.workers[1].note) == (2, "killed by SIGKILL")
    assert view.num_live_workers == 1
    assert view.eta_seconds() == 70.0
    assert view.messages == ("w1 restarted",)
    assert view.num_expected_workers == 1  # w1 has stopped


def test_a_run_without_its_trainer_promises_nothing(store: DirectoryStore) -> None:
    store.put("config.json", encode({"pacing": {"max_loops": 10}, "arena": {}}))
    store.put(TRAINING_STATS, encode(sample_entries(3)))
    trainer = Lease.acquire(store, TRAINER_LEASE)
    trainer.beat(state="active", progress={"phase": "training", "share": 0.5})
    assert reader(store, [0.0]).read().progress == 0.5
    trainer.release()
    view = reader(store, [0.0]).read()
    assert view.phase == "trainer stopped"
    assert (view.is_running, view.loop, view.progress) == (False, 3, None)
    assert view.eta_seconds() is None


def test_damaged_files_are_remarks(store: DirectoryStore) -> None:
    store.put("config.json", b"{")
    store.put(TRAINING_STATS, b"[1]")
    store.put(worker_lease_key("w0"), b"nonsense")
    view = reader(store, [0.0]).read()
    assert len(view.messages) == 3
    assert any("config.json" in m for m in view.messages)
    assert any("training_stats.json" in m for m in view.messages)
    assert any("w0.json" in m for m in view.messages)


def without_elo(entries, *iterations):
    return [
        {k: v for k, v in e.items() if k != "elo" or e["iteration"] not in iterations}
        for e in entries
    ]


def first_unfinished(store: DirectoryStore, entries, **arena) -> int | None:
    store.put("config.json", encode({"arena": {"eval_games": 100, **arena}}))
    store.put(TRAINING_STATS, encode(entries))
    view = reader(store, [0.0]).read()
    last = view.finished[-1]["iteration"] if view.finished else 0
    assert last == (view.first_unfinished or entries[-1]["iteration"] + 1) - 1
    return view.first_unfinished


def test_a_loop_whose_version_is_being_rated(store: DirectoryStore) -> None:
    entries = sample_entries(2)
    unrated = without_elo(entries, 2)
    assert first_unfinished(store, entries) is None
    assert first_unfinished(store, unrated) == 2
    assert first_unfinished(store, unrated, eval_games=0) is None
    assert first_unfinished(store, unrated, eval_games=7) == 2  # no trainer would take that
    # Loops between the rated ones are complete as they are; so are those of one player.
    assert first_unfinished(store, unrated, every=5) is None
    assert first_unfinished(store, sample_score_entries(2)) is None
    # Without a trainer nobody rates.
    Lease.acquire(store, TRAINER_LEASE).release()
    assert first_unfinished(store, unrated) is None


def test_loops_that_follow_one_that_is_being_rated_wait_for_it(store: DirectoryStore) -> None:
    entries = sample_entries(7)
    assert first_unfinished(store, without_elo(entries, 5, 6, 7), every=5) == 5
    assert first_unfinished(store, without_elo(entries, 6, 7), every=5) is None
    # Nobody will rate what was missed before the last rating.
    assert first_unfinished(store, without_elo(entries, 2, 3), every=2) is None
    failed = without_elo(entries, 5, 6, 7)
    failed[4] = {**failed[4], "game_stats": {"rating_error": "killed by SIGKILL"}}
    assert first_unfinished(store, failed, every=5) is None
