"""Named points at which a test can make a process die, freeze or fail.

`ZEROFLEET_FAULT="commit.before_latest:3"` kills the process with SIGKILL when it passes that point
for the third time. A third part chooses what happens instead: `kill` (default), `freeze` (SIGSTOP),
`hang` (this thread never goes on, the others do), the name of an errno (`ENOSPC`), which is raised
as `OSError`, or of a built-in exception (`MemoryError`). Several are joined by commas.
Without the variable a fault point costs one comparison.
"""

import builtins
import errno
import os
import signal
import sys
import threading

FAULT_POINTS: dict[str, str] = {
    "atomic.before_temp": "before a temporary file is created",
    "atomic.half_temp": "half of the bytes are in the temporary file",
    "atomic.after_fsync": "the temporary file is durable, nothing is visible",
    "atomic.after_rename": "the new file is visible, its directory is not yet durable",
    "exclusive.after_fsync": "the temporary file is durable, nothing is visible (exclusive)",
    "exclusive.after_link": "the new file is visible, its temporary name is still there",
    "move.after_put": "a shard is at its new place and still at its old one",
    "lease.before_reserve": "before batch and game numbers are reserved",
    "lease.after_reserve": "numbers are reserved, nothing is written under them",
    "publish.before_file": "before the first file of a new model version",
    "publish.after_file": "model file visible, manifest does not name it",
    "publish.after_manifest": "manifest names the version, version.txt does not",
    "publish.after_copies": "copies for people written, version.txt still old",
    "publish.after_version": "version.txt names the new version",
    "commit.before_state": "before the first file of a checkpoint",
    "commit.after_state": "one state file is visible, latest.json is still the old one",
    "commit.before_latest": "all state files are durable, latest.json is still the old one",
    "commit.after_latest": "committed; nothing that derives from it is done",
    "commit.after_prune": "one file of an old checkpoint is deleted",
    "gate.before_match": "trained; the candidate has not played",
    "gate.after_match": "the candidate has played, its verdict is only in memory",
    "reject.after_reason": "the reason is written, the shard is still in data/",
    "reject.after_move": "the shard is in rejected/",
    "stats.before_write": "before training_stats.json is replaced",
    "trainer.after_read": "a shard is read, nothing is known of it",
    "trainer.after_validate": "a shard has passed every gate, it is only counted in memory",
    "trainer.after_deal": "a share is dealt, its games are not played",
    "trainer.before_train": "enough shards are accepted, training has not begun",
    "trainer.after_train": "trained, not committed",
    "trainer.before_move": "committed and published, a counted shard is still in data/",
    "trainer.after_moves": "all counted shards are in consumed/",
    "trainer.after_window_checkpoint": "checkpoint.npz is written",
    "trainer.before_stats": "rated, not in training_stats.json",
    "training.after_step": "a rank has taken a step, which is in no checkpoint yet",
    "worker.before_evaluate": "positions of games of tree search wait for the net",
    "worker.before_reserve": "a batch is due, its numbers are not reserved",
    "worker.before_submit": "a batch is played, the shard is only in memory",
    "worker.after_submit": "the shard is in data/ or in the spool",
    "spool.after_write": "a shard is in the spool and not delivered",
    "spool.after_deliver": "a spooled shard is delivered and still in the spool",
    "import.after_shard": "a shard of imported games is visible, the journal does not name it",
    "import.after_journal": "the journal names the shard of imported games",
    "mirror.after_copy_in": "a shard is durable here and still at the remote",
    "mirror.after_delete": "a shard is deleted at the remote",
    "mirror.before_version": "models are at the remote, its version.txt is still the old one",
    "mirror.after_version": "the remote's version.txt is new",
}
"""Every fault point and the state of the world when it is passed."""


class _Fault:
    """What one entry of the variable asks for."""

    def __init__(self, text: str) -> None:
        parts = text.strip().split(":")
        self.name = parts[0]
        if self.name not in FAULT_POINTS:
            raise ValueError(
                f"ZEROFLEET_FAULT={text!r}: no fault point is called {self.name!r}; "
                f"there are: {', '.join(sorted(FAULT_POINTS))}"
            )
        self.passage = int(parts[1]) if len(parts) > 1 and parts[1] else 1
        self.action = parts[2] if len(parts) > 2 else "kill"
        self.error = self._error()
        if self.action not in ("kill", "freeze", "hang") and self.error is None:
            raise ValueError(
                f"ZEROFLEET_FAULT={text!r}: the action must be kill, freeze, hang, the name of an "
                f"errno such as ENOSPC or of an exception such as MemoryError, not {self.action!r}"
            )
        self.count = 0

    def _error(self) -> Exception | None:
        number = getattr(errno, self.action, None)
        if number is not None:
            return OSError(number, f"{os.strerror(number)} (fault point {self.name})")
        kind = getattr(builtins, self.action, None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            return kind(f"fault point {self.name}")
        return None

    def strike(self) -> None:
        if self.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.action == "freeze":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif self.error is not None:
            raise self.error
        else:
            print(f"fault point {self.name}: hanging", file=sys.stderr, flush=True)
            threading.Event().wait()


def _parse(text: str) -> dict[str, list[_Fault]]:
    faults: dict[str, list[_Fault]] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        fault = _Fault(entry)
        faults.setdefault(fault.name, []).append(fault)
    return faults


_lock = threading.Lock()
_armed = _parse(os.environ.get("ZEROFLEET_FAULT", ""))


def arm(text: str) -> None:
    """Arms what `text` asks for, in place of the variable: for processes that a test forks."""
    global _armed
    _armed = _parse(text)


def fault_point(name: str) -> None:
    """Marks a place where a crash is tested; does nothing unless ZEROFLEET_FAULT names it."""
    if not _armed:
        return
    for fault in _armed.get(name, ()):
        with _lock:
            fault.count += 1
            due = fault.count == fault.passage
        if due:
            fault.strike()
