"""Which worker gets which device, and how many there are."""

import importlib.util
import sys
import types

import pytest

from zerofleet.fleet import devices
from zerofleet.fleet.devices import (
    DeviceManager,
    HostDevices,
    choose_devices,
    parse_devices,
    usable_cores,
    usable_gpus,
    visible_gpus,
    without_auto,
)


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
    monkeypatch.setattr(devices, "_torch_has_cuda", lambda: True)
    if listed is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    assert visible_gpus() == visible
    assert DeviceManager().devices == tuple(f"cuda:{n}" for n in range(visible))


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(devices, "_present_gpus", lambda: 2)
    monkeypatch.setattr(devices, "_torch_has_cuda", lambda: True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_a_torch_that_was_built_without_cuda_uses_no_gpu(tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "_present_gpus", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    package = tmp_path / "torch"
    package.mkdir()
    (package / "__init__.py").touch()
    there = types.SimpleNamespace(origin=str(package / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: there)
    for text, gpus in (
        ("cuda: Optional[str] = None\nhip: Optional[str] = None\n", 0),
        ("cuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n", 2),
        ("cuda: Optional[str] = None\nhip: Optional[str] = '6.4'\n", 2),
        ("cuda = '11.8'\n", 2),
    ):
        (package / "version.py").write_text(text)
        assert usable_gpus() == gpus
    (package / "version.py").write_text("cuda = None\n")
    assert (visible_gpus(), DeviceManager().devices, without_auto("auto")) == (2, (), "cpu")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert usable_gpus() == 0


def test_auto_is_what_torch_says_of_the_driver(two_gpus, monkeypatch):
    torch = types.SimpleNamespace(cuda=types.SimpleNamespace(is_available=lambda: False))
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert without_auto("auto") == "cpu"
    torch.cuda.is_available = lambda: True
    assert without_auto("auto") == "cuda"


def test_the_processor_several_times_is_spread_over_like_gpus():
    manager = DeviceManager(["cpu", "cpu"], cores=4)
    assert str(manager.plan()) == (
        "2 workers with 2 threads each (2 devices and 4 cores: 1 on each device)"
    )
    assert manager.plan().devices == ("cpu", "cpu")
    assert manager.plan(5).num_workers == 4
    assert manager.plan(workers_per_gpu=3).num_workers == 6


def test_lists_of_devices(two_gpus):
    assert parse_devices("0,1") == ("cuda:0", "cuda:1")
    assert parse_devices(" cuda:1, cpu") == ("cuda:1", "cpu")
    assert parse_devices("cpu,cpu,cpu") == ("cpu",) * 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0,2", r"no cuda:2 here; present: cpu, cuda:0, cuda:1$"),
        ("0,0", "0 twice"),
        ("0,cuda:0", "cuda:0 twice"),
        ("0,", "is no device|an empty name"),
        ("auto", "expected numbers of GPUs"),
        ("tpu", "'tpu' is no device"),
        ("cuda:x", "is no device"),
        ("-1", "is no device"),
    ],
)
def test_devices_that_are_not_here_are_refused(two_gpus, text, message):
    with pytest.raises(ValueError, match=message):
        parse_devices(text)


def test_hidden_gpus_are_not_here(two_gpus, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert parse_devices("0") == ("cuda:0",)
    with pytest.raises(ValueError, match=r"present: cpu, cuda:0 \(CUDA_VISIBLE_DEVICES=1\)"):
        parse_devices("1")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({}, ("auto", None)),
        ({"trainer": "cpu"}, ("cpu", ())),
        ({"trainer": "cuda"}, ("cuda", None)),
        ({"selfplay": "cpu"}, ("auto", ())),
        ({"gpus": "1"}, ("cuda:1", ("cuda:1",))),
        ({"gpus": "0,1", "trainer": "cpu"}, ("cpu", ("cuda:0", "cuda:1"))),
        ({"gpus": "0,1", "selfplay": "cpu"}, ("cuda:0", ())),
        ({"gpus": "cpu,cpu"}, ("cpu", ("cpu", "cpu"))),
        ({"gpus": "0", "on_processors": True}, ("cuda:0", ())),
        ({"gpus": "cpu,cpu", "on_processors": True}, ("cpu", ("cpu", "cpu"))),
    ],
)
def test_what_the_flags_mean(two_gpus, flags, expected):
    assert choose_devices(**flags) == HostDevices(*expected)


def test_an_accelerator_that_is_not_here(monkeypatch):
    monkeypatch.setattr(devices, "_present_gpus", lambda: 0)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with pytest.raises(ValueError, match=r"--device: there is no cuda here; present: cpu$"):
        choose_devices(trainer="cuda")
    with pytest.raises(ValueError, match="expected auto or cpu"):
        choose_devices(selfplay="cuda")
