"""What this host has, how many workers that makes, and which worker gets which device."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
        workers = f"{self.num_workers} worker{'' if self.num_workers == 1 else 's'}"
        threads = f"{self.num_threads} thread{'' if self.num_threads == 1 else 's'}"
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

    def __init__(self, gpus: Sequence[int] | None = None, *, cores: int | None = None) -> None:
        """Looks at this host; nothing of torch or CUDA is loaded.

        Args:
          gpus: numbers of the GPUs to use, as CUDA counts them here; None: all visible ones,
            CUDA_VISIBLE_DEVICES honoured.
          cores: None: those this process may use.
        """
        self.gpus = tuple(range(visible_gpus())) if gpus is None else tuple(gpus)
        self.cores = usable_cores() if cores is None else cores

    def assign_device(self, worker_id: int, num_workers: int) -> str:
        """The device of worker 0 .. num_workers - 1; spread evenly, to within one."""
        if not self.gpus:
            return "cpu"
        return f"cuda:{self.gpus[worker_id % len(self.gpus)]}"

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
        two workers for each, and no more than a multiple of the number of GPUs.

        Args:
          workers_per_gpu: at most so many on a GPU.
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
            reason += f"; {workers} x {num_threads} threads are more than the {self.cores} cores"
        devices = tuple(self.assign_device(worker, workers) for worker in range(workers))
        return WorkerPlan(workers, threads, reason, devices)

    def _count(self, num_workers: int | None, per_gpu: int | None) -> tuple[int, str]:
        gpus, cores = len(self.gpus), f"{self.cores} core{'s' if self.cores != 1 else ''}"
        if not gpus:
            if num_workers is None:
                return 1, f"{cores} here"
            return num_workers, f"{cores} here"
        have = f"{gpus} GPU{'s' if gpus != 1 else ''}"
        if num_workers is None:
            each = per_gpu or WORKERS_PER_GPU
            return each * gpus, f"{have} and {cores}: {each} on each GPU"
        most = num_workers if per_gpu is None else min(num_workers, per_gpu * gpus)
        workers = most if most < gpus else most - most % gpus
        if workers == num_workers:
            return workers, f"as asked, on {have}"
        why = f"a multiple of {have}"
        if per_gpu is not None and num_workers > per_gpu * gpus:
            why = f"at most {per_gpu} on each of {have}"
        return workers, f"{num_workers} asked, {workers} used: {why}"


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
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()[:2]
        return None if quota == "max" else max(1, int(quota) // int(period))
    except (OSError, ValueError):
        return None
