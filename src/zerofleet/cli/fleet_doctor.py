"""`zerofleet fleet doctor`: hosts one by one, then the stages that games pass."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from zerofleet.fleet.control import Fleet
from zerofleet.fleet.examine import HostReport, examine
from zerofleet.fleet.spec import FleetError, load_fleet
from zerofleet.fleet.status import FleetStatus
from zerofleet.fleet.worker_command import default_workdir
from zerofleet.roles.config import ConfigError, RunConfig, parse_config_json, resolve
from zerofleet.roles.worker_memory import worker_memory_bytes
from zerofleet.run.layout import CONFIG
from zerofleet.run.store import DirectoryStore, read_or_none
from zerofleet.run.words import counted

SLOW_LINK_BYTES = 1e6


def show_doctor(run_dir: Path | None, file: Path | None, name: str | None, *, torch: bool) -> int:
    """Prints everything; returns the exit status."""
    fleet = load_fleet(file) if file is not None else Fleet(run_dir or Path()).spec()
    workers = [worker for worker in fleet.workers if name in (None, worker.name)]
    if not workers:
        known = ", ".join(worker.name for worker in fleet.workers) or "none"
        raise FleetError(f"this fleet has no worker {name!r}; it has: {known}")
    with ThreadPoolExecutor(max_workers=min(32, len(workers))) as pool:
        reports = list(
            pool.map(
                lambda w: examine(
                    w,
                    fleet,
                    w.workdir or default_workdir(run_dir or Path("run"), w.name),
                    torch=torch,
                ),
                workers,
            )
        )
    config = None if run_dir is None else _config(run_dir)
    for report in reports:
        print(f"{report.name}  {report.where}  {'PROBLEM' if report.problem else 'ok'}")
        for line in (*report.lines(), *_memory(report, config)):
            print(f"    {line}")
    if run_dir is not None:
        for line in stages(Fleet(run_dir).status()):
            print(line)
    bad = sum(bool(report.problem) for report in reports)
    print(f"fit to play: {len(reports) - bad} of {counted(len(reports), 'host')}")
    return 1 if bad else 0


def stages(status: FleetStatus) -> Iterator[str]:
    """The way of the games, a line for each stage with its rate."""
    workers = counted(status.num_active, "worker")
    yield f"self-play   {status.games_per_second:.1f} games/s of {workers}"
    for worker in status.workers:
        if worker.is_working and worker.rates:
            rates = ", ".join(f"{k.replace('_', ' ')} {v:,.3g}" for k, v in worker.rates.items())
            yield f"    {worker.name}: {rates}"
    if status.network_bytes_per_minute is not None and status.model_sync_seconds is not None:
        moved, seconds = status.network_bytes_per_minute / 1e6, status.model_sync_seconds
        yield f"transfer    {moved:.1f} MB/min, newest network {seconds:.1f} s on its way"
    for worker in status.workers:
        link = worker.link or {}
        if worker.is_working and link and link["model_version"] < status.model_version:
            there = f"version {link['model_version']} of {status.model_version}"
            yield f"    {worker.name}: has {there}"
        if link.get("reason"):
            yield f"    {worker.name}: {link['reason']}"
    pending = counted(status.num_pending_shards, "file")
    pending += f" ({status.pending_bytes / 2**20:.1f} MiB) waiting"
    yield f"intake      {pending} for the trainer; {status.num_rejected_shards} refused"
    loops = [e["seconds"] for e in status.loops if e.get("seconds") and e.get("games")]
    if loops:
        yield f"training    {sum(loops) / len(loops):.1f} s a loop, of the last {len(loops)}"


def _config(run_dir: Path) -> RunConfig | None:
    data = read_or_none(DirectoryStore(run_dir), CONFIG)
    if data is None:
        return None
    try:
        return resolve({}, parse_config_json(data), {})
    except ConfigError:
        return None  # the trainer says what is wrong with it


def _memory(report: HostReport, config: RunConfig | None) -> Iterator[str]:
    if config is None or report.facts is None:
        return
    threads = max(1, report.facts.cores)
    bound = worker_memory_bytes(config, threads)
    line = f"memory: a worker of {counted(threads, 'thread')} takes at most {bound / 2**30:.1f} GiB"
    if report.facts.memory_bytes and bound > report.facts.memory_bytes:
        line += "; that is more than the host has: fewer selfplay.num_parallel_games take less"
    yield line
    if 0 < report.out_bytes_per_second < SLOW_LINK_BYTES:
        yield "the link is slow and networks take long: compression: true helps"
