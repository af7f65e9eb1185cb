"""What this host has, and how many workers with how many threads that makes."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WorkerPlan:
    """How many workers to start here."""

    num_workers: int
    num_threads: int
    """Threads of each worker."""
    reason: str
    """Why so, for people."""

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


def plan_workers(
    num_workers: int | None = None, num_threads: int | None = None, *, cores: int | None = None
) -> WorkerPlan:
    """Workers for this host; None means that we choose.

    One worker plays with all cores by itself (its threads share the network and write one file), so
    that is the default. Several workers share the cores evenly.
    """
    cores = usable_cores() if cores is None else cores
    for name, value in (("num_workers", num_workers), ("num_threads", num_threads)):
        if value is not None and value < (0 if name == "num_workers" else 1):
            raise ValueError(f"{name} is {value}; it cannot be that small")
    workers = 1 if num_workers is None else num_workers
    if num_threads is not None:
        over = f"; more than the {cores} cores here" if workers * num_threads > cores else ""
        return WorkerPlan(workers, num_threads, f"as asked{over}")
    return WorkerPlan(workers, max(1, cores // max(1, workers)), f"{cores} cores here")


def _container_quota() -> int | None:
    """Whole cores the control group grants, or None without a limit."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()[:2]
        return None if quota == "max" else max(1, int(quota) // int(period))
    except (OSError, ValueError):
        return None
