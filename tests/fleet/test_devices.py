"""Which worker gets which device, and how many there are."""

import pytest

from zerofleet.fleet import devices
from zerofleet.fleet.devices import DeviceManager, usable_cores, visible_gpus


def test_plans_are_said_plainly():
    assert str(DeviceManager([], cores=8).plan()) == "1 worker with 8 threads (8 cores here)"
    assert str(DeviceManager([], cores=2).plan(2)) == "2 workers with 1 thread each (2 cores here)"
    assert str(DeviceManager([0], cores=2).plan()) == (
        "2 workers with 1 thread each (1 GPU and 2 cores: 2 on each GPU)"
    )


def test_on_processors_one_worker_has_all_cores():
    assert usable_cores() >= 1
    plan = DeviceManager([], cores=8).plan()
    assert (plan.num_workers, plan.num_threads, plan.devices) == (1, 8, ("cpu",))


def test_asked_for_workers_share_the_cores():
    manager = DeviceManager([], cores=8)
    assert manager.plan(3).num_threads == 2
    assert DeviceManager([], cores=2).plan(4).num_threads == 1
    assert manager.plan(0).num_workers == 0
    assert "more than the 2 cores" in DeviceManager([], cores=2).plan(2, 4).reason


@pytest.mark.parametrize(
    ("gpus", "asked", "per_gpu", "workers"),
    [
        (1, None, None, 2),
        (2, None, None, 4),
        (8, None, 3, 24),
        (2, 9, None, 8),
        (2, 8, None, 8),
        (4, 3, None, 3),
        (2, 8, 2, 4),
        (2, 3, 2, 2),
    ],
)
def test_workers_are_spread_evenly_over_gpus(gpus, asked, per_gpu, workers):
    plan = DeviceManager(range(gpus), cores=2).plan(asked, workers_per_gpu=per_gpu)
    assert plan.num_workers == workers == len(plan.devices)
    counts = [plan.devices.count(f"cuda:{g}") for g in range(gpus)]
    assert sum(counts) == workers
    assert max(counts) - min(counts) <= 1


def test_an_adjustment_is_said():
    reason = DeviceManager([0, 1], cores=4).plan(9).reason
    assert reason == "9 asked, 8 used: a multiple of 2 GPUs"


def test_the_rule_can_be_replaced():
    class Alternate(DeviceManager):
        def assign_device(self, worker_id, num_workers):
            return "cpu" if worker_id == num_workers - 1 else super().assign_device(worker_id, 1)

    assert Alternate([0], cores=2).plan(3).devices == ("cuda:0", "cuda:0", "cpu")


@pytest.mark.parametrize(
    ("workers", "threads", "per_gpu"), [(-1, None, None), (1, 0, None), (1, 1, 0)]
)
def test_numbers_too_small_are_refused(workers, threads, per_gpu):
    with pytest.raises(ValueError, match="has to be >="):
        DeviceManager([]).plan(workers, threads, workers_per_gpu=per_gpu)


@pytest.mark.parametrize(
    ("listed", "visible"),
    [(None, 4), ("", 0), ("-1", 0), ("0,1", 2), ("3", 1), ("0,7,1", 1), ("GPU-aaaa,GPU-bbbb", 2)],
)
def test_visible_devices_are_honoured(monkeypatch, listed, visible):
    monkeypatch.setattr(devices, "_present_gpus", lambda: 4)
    if listed is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    assert visible_gpus() == visible
    assert DeviceManager().gpus == tuple(range(visible))
