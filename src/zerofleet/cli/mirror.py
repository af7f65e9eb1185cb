"""`zerofleet mirror`: takes part of a run to a host that does not see its directory, by rsync."""

import hashlib
import time
from pathlib import Path

from rich.console import Console

from zerofleet.cli.options import Duration, RunDir
from zerofleet.cli.plain import plain_lines
from zerofleet.fleet.rsync import RsyncMirror
from zerofleet.fleet.supervisor import stop_signals
from zerofleet.run.errors import StoreError
from zerofleet.run.layout import WORKERS
from zerofleet.run.lease import read_lease
from zerofleet.run.place import check_run_directory, state_directory
from zerofleet.run.stop import stop_requested
from zerofleet.run.store import DirectoryStore, iterate
from zerofleet.run.words import counted


def mirror(remote: str, /, *, run_dir: RunDir, every: Duration = 2.0) -> int:
    """Keep a directory on another host in step with a run, so that workers can play there.

    Out go configuration, networks and STOP; in come games, leases and logs. A file of games is
    deleted there only after it is safe here. Run it where the run directory is, one for each host;
    workers over there use their directory as if it were the run's. Ends after the run has ended and
    its workers there have stopped, or with Ctrl-C; it may be started again at any time.

    Examples:

        zerofleet mirror user@host:/scratch/run --run-dir /srv/run

        zerofleet mirror /mnt/slow/run --run-dir runs/ultimate_ttt --every 10

    Parameters
    ----------
    remote
        Where the directory is over there, as rsync writes it: host:/path, or a path here.
    every
        Seconds between two rounds.
    """
    check_run_directory(run_dir)
    say = plain_lines(Console())
    store = DirectoryStore(run_dir)
    link = RsyncMirror(store, remote, _staging(run_dir, remote), on_event=say)
    say(f"mirroring {run_dir} to {remote}")
    shown = problem = ""
    ends_at: float | None = None
    with stop_signals() as stop:
        while not stop.is_set():
            try:
                link.step()
                problem = ""
            except StoreError as error:  # the host is away: nothing is lost, try again
                if str(error) != problem:
                    problem = str(error)
                    say(f"waiting: {problem}")
            else:
                counts = link.mirror.counts
                files = counted(counts.num_shards_in, "file")
                line = f"{files} in, {counted(counts.num_models_out, 'model')} out"
                if line != shown:
                    shown = line
                    say(line)
                if not stop_requested(store):
                    ends_at = None  # or no more: the run goes on
                elif ends_at is None:
                    ends_at = time.monotonic() + 60
                if ends_at is not None and (
                    time.monotonic() > ends_at or not _has_live_worker(store, remote)
                ):
                    while not link.step():  # what a worker delivered just before it stopped
                        pass
                    say("done: the run has ended")
                    return 0
            stop.wait(every)
    return 130


def _staging(run_dir: Path, remote: str) -> Path:
    """On this host's own disk, apart for each run and remote; may be deleted at any time."""
    name = hashlib.sha256(f"{run_dir.resolve()}\0{remote}".encode()).hexdigest()[:16]
    return state_directory() / "mirror" / name


def _has_live_worker(store: DirectoryStore, remote: str) -> bool:
    """True while a worker behind this mirror has not said that it stopped."""
    leases = (read_lease(store, entry.key) for entry in iterate(store, WORKERS))
    return any(
        lease is not None and lease.get("via") == remote and lease.get("state") != "stopped"
        for lease in leases
    )
