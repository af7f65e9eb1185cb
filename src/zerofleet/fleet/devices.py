"""What this host has, how many workers that makes, and which worker gets which device."""

import importlib.util
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zerofleet.run.words import counted

WORKERS_PER_GPU = 2
"""While one worker searches on its cores, the other one's leaves are with the GPU."""


@dataclass(frozen=True)
class WorkerPlan:
    """How many workers to start here."""

    num_workers: int
    num_threads: int
    """Threads of each worker."""
    reason: str
    """Why so, for people."""
    devices: tuple[str, ...] = ()
    """Device of each worker: cpu, cuda:0, ...; empty: cpu for all."""

    def __str__(self) -> str:
        workers, threads = counted(self.num_workers, "worker"), counted(self.num_threads, "thread")
        each = " each" if self.num_workers > 1 else ""
        return f"{workers} with {threads}{each} ({self.reason})"


def usable_cores() -> int:
    """Cores this process may use: its affinity, and the container's quota if that is less."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    quota = _container_quota()
    return max(1, min(cores, quota)) if quota is not None else cores


class DeviceManager:
    """Decides how many workers play here and on which device each evaluates its net.

    Override `assign_device` for a rule of your own; `zerofleet.ParallelTrainer` takes an instance.
    """

    def __init__(
        self, devices: Sequence[int | str] | None = None, *, cores: int | None = None
    ) -> None:
        """Looks at this host; nothing of torch or CUDA is loaded.

        Args:
          devices: that workers are spread over: numbers of GPUs as CUDA counts them here, or names,
            cuda:1 or cpu; None: all visible GPUs, CUDA_VISIBLE_DEVICES honoured, if torch can
            use them; empty: none.
          cores: None: those this process may use.
        """
        given = range(usable_gpus()) if devices is None else devices
        self.devices = tuple(f"cuda:{d}" if isinstance(d, int) else d for d in given)
        self.cores = usable_cores() if cores is None else cores

    def assign_device(self, worker_id: int, num_workers: int) -> str:
        """The device of worker 0 .. num_workers - 1; spread evenly, to within one."""
        if not self.devices:
            return "cpu"
        return self.devices[worker_id % len(self.devices)]

    def plan(
        self,
        num_workers: int | None = None,
        num_threads: int | None = None,
        *,
        workers_per_gpu: int | None = None,
        min_threads: int = 1,
    ) -> WorkerPlan:
        """Workers for this host; None means that we choose.

        On processors one worker plays with all cores by itself: its threads share the net and a
        batch, so that is the default, and several workers share the cores evenly. On GPUs it is
        two workers for each, and no more than a multiple of the number of GPUs. A list that names
        the processor several times is spread over like GPUs, with one worker for each.

        Args:
          workers_per_gpu: at most so many on a GPU, or another device of the list.
          min_threads: of a worker.
        Raises: ValueError for a number that is too small.
        """
        for name, value, least in (
            ("--workers", num_workers, 0),
            ("--threads", num_threads, 1),
            ("--workers-per-gpu", workers_per_gpu, 1),
        ):
            if value is not None and value < least:
                raise ValueError(f"{name} has to be >= {least}, got {value}")
        workers, reason = self._count(num_workers, workers_per_gpu)
        threads = num_threads or max(min_threads, self.cores // max(1, workers))
        if num_threads is not None and workers * num_threads > self.cores:
            cores = counted(self.cores, "core")
            reason += f"; {workers} x {num_threads} threads are more than the {cores}"
        devices = tuple(self.assign_device(worker, workers) for worker in range(workers))
        return WorkerPlan(workers, threads, reason, devices)

    def _count(self, num_workers: int | None, per_gpu: int | None) -> tuple[int, str]:
        devices, cores = len(self.devices), counted(self.cores, "core")
        if not devices:
            if num_workers is None:
                return 1, f"{cores} here"
            return num_workers, f"{cores} here"
        is_gpu = all(device != "cpu" for device in self.devices)
        kind = "GPU" if is_gpu else "device"
        have = counted(devices, kind)
        if num_workers is None:
            each = per_gpu or (WORKERS_PER_GPU if is_gpu else 1)
            return each * devices, f"{have} and {cores}: {each} on each {kind}"
        most = num_workers if per_gpu is None else min(num_workers, per_gpu * devices)
        workers = most if most < devices else most - most % devices
        if workers == num_workers:
            return workers, f"as asked, on {have}"
        why = f"a multiple of {have}"
        if per_gpu is not None and num_workers > per_gpu * devices:
            why = f"at most {per_gpu} on each of {have}"
        return workers, f"{num_workers} asked, {workers} used: {why}"


@dataclass(frozen=True)
class HostDevices:
    """What the roles of a run compute on here."""

    trainer: str
    """auto, cpu, cuda or cuda:N."""
    workers: tuple[str, ...] | None
    """As `DeviceManager` takes them."""


def choose_devices(
    gpus: str | None = None,
    trainer: str = "auto",
    selfplay: str = "auto",
    *,
    on_processors: bool = False,
) -> HostDevices:
    """What the flags of a command mean on this host.

    Args:
      gpus: a list, "0,1" or "cpu,cpu": nothing else is used; None: all there are.
      trainer: auto (the first of the list, or a GPU if there is one), cpu, cuda or cuda:N. On cpu
        workers are as well, unless there is a list.
      selfplay: auto or cpu, which keeps workers off the GPUs.
      on_processors: workers of this run need no GPU.
    Raises: ValueError for a device that is not here, naming those that are.
    """
    device = check_device(trainer, "--device")
    if selfplay not in ("auto", "cpu"):
        raise ValueError(f"--selfplay-device {selfplay}: expected auto or cpu")
    listed = None if gpus is None else parse_devices(gpus)
    workers = () if listed is None and device == "cpu" else listed
    if on_processors or selfplay == "cpu":
        workers = tuple(d for d in workers or () if d == "cpu")
    if listed is not None and device == "auto":
        device = listed[0]
    return HostDevices(device, workers)


def parse_devices(text: str) -> tuple[str, ...]:
    """The devices of a list such as 0,1 or cpu,cpu. Raises ValueError for one that is not here."""
    found: list[str] = []
    for name in (part.strip() for part in text.split(",")):
        device = check_device(f"cuda:{name}" if name.isdecimal() else name, f"--gpus {text}")
        device = {"cuda": "cuda:0", "auto": ""}.get(device, device)
        if not device or (device != "cpu" and device in found):
            raise ValueError(
                f"--gpus {text}: {name or 'an empty name'}{' twice' if device else ''}; expected "
                "numbers of GPUs, each once, or cpu"
            )
        found.append(device)
    return tuple(found)


def check_device(device: str, flag: str) -> str:
    """Returns the device; raises ValueError if there is no such thing, or not on this host."""
    if check_device_name(device, flag) in ("auto", "cpu"):
        return device
    number = device.partition(":")[2]
    gpus = visible_gpus()
    if int(number or 0) >= gpus:
        present = ", ".join(["cpu", *(f"cuda:{n}" for n in range(gpus))])
        listed = os.environ.get("CUDA_VISIBLE_DEVICES")
        shown = "" if listed is None else f" (CUDA_VISIBLE_DEVICES={listed})"
        raise ValueError(f"{flag}: there is no {device} here; present: {present}{shown}")
    return device


def check_device_name(device: str, flag: str) -> str:
    """Returns the device; raises ValueError if no host has such a thing."""
    kind, colon, number = device.partition(":")
    if device in ("auto", "cpu") or (kind == "cuda" and (not colon or number.isdecimal())):
        return device
    raise ValueError(f"{flag}: {device!r} is no device; expected cpu, cuda, cuda:N or auto")


def without_auto(device: str) -> str:
    """The device; for auto the first GPU that torch can use, else cpu."""
    if device != "auto":
        return device
    if not usable_gpus():
        return "cpu"
    import torch  # says whether the driver suits it

    return "cuda" if torch.cuda.is_available() else "cpu"


def usable_gpus() -> int:
    """GPUs that CUDA programs see here; 0 if the torch that is installed was built without CUDA.

    Neither torch nor CUDA is loaded.
    """
    return visible_gpus() if _torch_has_cuda() else 0


def _torch_has_cuda() -> bool:
    """As the installed package says: `cuda` or `hip` of its version.py; without torch False."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return False
    try:
        text = Path(found.origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return True  # another layout: torch will say
    return re.search(r"^(cuda|hip)\b[^=\n]*= *['\"]", text, re.MULTILINE) is not None


def visible_gpus() -> int:
    """GPUs that CUDA programs see here, without loading CUDA."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    present = _present_gpus()
    if listed is None:
        return present
    names = [name.strip() for name in listed.split(",") if name.strip()]
    # CUDA stops at the first name that is none.
    valid = 0
    for name in names:
        if name.isdigit() and int(name) >= present:
            break
        if name.startswith("-"):
            break
        valid += 1
    return min(valid, present)


def _present_gpus() -> int:
    """As the driver lists them."""
    listed = Path("/proc/driver/nvidia/gpus")
    if listed.is_dir():
        return sum(1 for _ in listed.iterdir())
    try:
        done = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(line.startswith("GPU ") for line in done.stdout.splitlines())


def _container_quota() -> int | None:
    """Whole cores the control group grants, or None without a limit."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="utf-8").split()[:2]
        return None if quota == "max" else max(1, int(quota) // int(period))
    except (OSError, ValueError):
        return None
