"""Why a worker of a fleet does not connect, or is slow: asks its host, changes nothing there."""

import os
import time
from dataclasses import dataclass, field
from typing import Any

from zerofleet.fleet.probe import HostFacts
from zerofleet.fleet.spec import FleetSpec, WorkerSpec
from zerofleet.fleet.ssh import SshLink
from zerofleet.fleet.ssh_store import SshStore
from zerofleet.run.errors import RunError
from zerofleet.run.layout import worker_log_key
from zerofleet.run.software import software_version
from zerofleet.run.words import counted

TRIAL_BYTES = 4 << 20
TRIAL_KEY = "trial"


@dataclass
class HostReport:
    """What was found at one host."""

    name: str
    where: str
    problem: str = ""
    """Why no worker can play there, and what to do; empty if one can."""
    facts: HostFacts | None = None
    round_trip_seconds: float = 0.0
    out_bytes_per_second: float = 0.0
    in_bytes_per_second: float = 0.0
    worker: dict[str, Any] = field(default_factory=dict)
    """As `remote.py` tells it: runs, rss_bytes, ended, tail."""

    def lines(self) -> list[str]:
        """For people."""
        lines = []
        if facts := self.facts:
            memory = f", {facts.memory_bytes / 2**30:.0f} GiB memory" if facts.memory_bytes else ""
            lines.append(
                f"Python {'.'.join(map(str, facts.python))}, "
                f"zerofleet {facts.zerofleet or 'none'}, "
                f"{counted(facts.cores, 'core')}, {counted(facts.gpus, 'GPU')}{memory}, "
                f"{facts.free_bytes / 2**30:.1f} GiB free at {facts.exists}"
            )
            if "torch" in facts.torch:
                cuda = "yes" if facts.torch.get("cuda") else "no"
                torch = facts.torch["torch"] or "not installed"
                lines.append(f"torch {torch}, torch.cuda.is_available(): {cuda}")
        if self.out_bytes_per_second:
            lines.append(
                f"link: round trip {1000 * self.round_trip_seconds:.0f} ms, "
                f"{self.out_bytes_per_second / 1e6:.1f} MB/s out, "
                f"{self.in_bytes_per_second / 1e6:.1f} MB/s in"
            )
        if worker := self.worker:
            if worker.get("runs"):
                memory = (
                    f", {worker['rss_bytes'] / 2**20:,.0f} MiB" if "rss_bytes" in worker else ""
                )
                lines.append(f"worker: process {worker['worker']['pid']} plays{memory}")
            elif worker.get("worker"):
                status = worker.get("ended")
                how = "is gone without a word" if status is None else f"ended with status {status}"
                lines += [f"worker: {how}; its log ends with", *worker["tail"].splitlines()[-4:]]
            else:
                lines.append("worker: was not started there yet")
        if self.problem:
            lines.append(f"PROBLEM: {self.problem}")
        return lines


def examine(spec: WorkerSpec, fleet: FleetSpec, workdir: str, *, torch: bool = True) -> HostReport:
    """Looks at the host of a worker; never fails, the reason is in the report.

    Args:
      workdir: the worker's directory over there.
      torch: also load torch there, which takes seconds.
    """
    report = HostReport(spec.name, spec.where)
    try:
        with SshLink(spec, known_hosts=fleet.known_hosts, ssh_config=fleet.ssh_config) as link:
            root = link.path(workdir)
            report.facts = link.facts(root, torch=torch)
            report.problem = report.facts.problem(
                python=spec.python, version=software_version(), gpu_id=spec.gpu_id
            )
            began = time.monotonic()
            link.sftp_round_trip()
            report.round_trip_seconds = time.monotonic() - began
            if report.facts.zerofleet is not None and not report.problem:
                report.worker = link.ask("state", root=root, log=worker_log_key(spec.name))
            if report.facts.writable:
                _measure(link, report)
    except RunError as error:
        report.problem = str(error).removeprefix(f"{spec.where}: ")
    return report


def _measure(link: SshLink, report: HostReport) -> None:
    """Sends random bytes into a directory of its own and fetches them."""
    store = SshStore(link, link.path(f".zerofleet-trial-{os.getpid()}"))
    data = os.urandom(TRIAL_BYTES)
    try:
        began = time.monotonic()
        store.put(TRIAL_KEY, data)
        report.out_bytes_per_second = TRIAL_BYTES / (time.monotonic() - began)
        began = time.monotonic()
        is_same = store.read(TRIAL_KEY) == data
        report.in_bytes_per_second = TRIAL_BYTES / (time.monotonic() - began)
    finally:
        store.remove_root()
    if not is_same:
        report.problem = "bytes that were sent there came back changed: check its disk"
