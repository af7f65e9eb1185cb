"""One worker of a fleet over SSH: its connection, its files, its process.

A thread for each, so that a slow or dead host delays nobody:

    repeat
      connect                     unknown host key, refused login: told, tried again, parked
      look at the host            Python, version, disk, GPU
      claim the directory there   a later main node of the run takes over; another run is refused
      repeat
        mirror                    models, shares, STOP out; games, leases, logs in
        look at the worker        started if it does not run; found if it does

When the link breaks the worker plays on; it is found by its pid file when the link is back.
"""

import re
import shlex
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zerofleet.fleet.host_figures import HostFigures, Owner
from zerofleet.fleet.launcher import Command, describe_exit, last_words
from zerofleet.fleet.spec import FleetSpec, WorkerSpec
from zerofleet.fleet.ssh import LinkError, RefusedError, SshLink
from zerofleet.fleet.ssh_store import SshStore
from zerofleet.fleet.supervisor import Child, Event, RestartPolicy
from zerofleet.fleet.sync import Mirror
from zerofleet.fleet.worker_command import start_mark, worker_argv, worker_env, worker_files
from zerofleet.run.errors import RunError, StoreError
from zerofleet.run.layout import worker_log_key
from zerofleet.run.lease import configured_dead_after
from zerofleet.run.software import software_version
from zerofleet.run.stop import stop_requested
from zerofleet.run.store import DirectoryStore

LOOK_SECONDS = 2.0
"""The worker's process is looked at this often."""
TRUST_SECONDS = 30.0
FULL_BYTES = 8 << 20
"""A disk with less room is full: no worker is started there."""
KEEP_VERSIONS = 2


class TakenOverError(RefusedError):
    """Another main node has this worker now."""


class HostWorker:
    """Keeps one worker of the fleet playing; begins with `start`, ends with `end`."""

    def __init__(
        self,
        store: DirectoryStore,
        spec: WorkerSpec,
        fleet: FleetSpec,
        owner: Owner,
        *,
        policy: RestartPolicy | None = None,
        on_event: Callable[[Event], None] | None = None,
        prepare: Callable[[SshLink], None] | None = None,
        game_file: Path | None = None,
    ) -> None:
        """Connects to nobody yet.

        Args:
          prepare: called with each new link before anything is looked at there.
          game_file: goes along with the start command.
        """
        self.spec = spec
        self.figures = HostFigures()
        log = store.path(worker_log_key(spec.name))
        self.child = Child(Command(spec.name, (), log))
        self._store = store
        self.fleet = fleet
        self._owner = owner
        self._policy = policy or RestartPolicy()
        self._on_event = on_event or (lambda event: None)
        self._prepare = prepare
        self._game_file = game_file
        self._root = ""
        self._wake = threading.Event()
        self._restart = False
        self._ending: float | None = None
        self._leaving = False
        self._seen_id = ""
        self._gone_id = ""
        self._failed_id = ""
        self._is_stopped = self._is_full = self._is_taken_over = False
        self._failures_from = 0
        self._refusals = 0
        self._bytes_before = 0
        self._look_at = 0.0
        self._suspended_since: float | None = None
        self._told = ""
        self._thread = threading.Thread(target=self._run, name=f"host {spec.name}", daemon=True)

    # -- what the fleet asks for ---------------------------------------------------------------

    def start(self) -> None:
        """Begins; returns at once."""
        self._thread.start()

    def restart(self) -> None:
        """Stops the worker, if it plays, and starts it; a parked one is tried again."""
        self._restart = True
        self._wake.set()

    def end(self, grace_seconds: float) -> None:
        """Asks for the end: the worker is stopped, its last games are fetched."""
        self._ending = grace_seconds
        self._wake.set()

    def leave(self) -> None:
        """Asks for the end of the connection alone: the worker plays on."""
        self._leaving = True
        self._wake.set()

    def join(self, seconds: float) -> bool:
        """Waits for the end; False if it is not there in time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def is_stopped(self) -> bool:
        """The worker was stopped, as `end` asks; its last games may still be on their way."""
        return self._is_stopped

    @property
    def is_over(self) -> bool:
        """The thread has ended."""
        return not self._thread.is_alive()

    # -- the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        tries = 0
        while True:
            pause = 0.0
            try:
                self._serve()
                break
            except RefusedError as error:
                if self._is_asked_to_end():
                    self._unreached(str(error))
                    break
                self._refusals += 1
                self._is_taken_over = isinstance(error, TakenOverError)
                is_final = self._is_taken_over or self._refusals >= self._policy.max_failures
                self._refused(str(error), is_final)
                pause = self._policy.pause_seconds(self._refusals)
            except RunError as error:
                if self._is_asked_to_end():
                    self._unreached(str(error))
                    break
                tries = 1 if self.figures.link == "connected" else tries + 1
                pause = self._policy.pause_seconds(tries)
                self._lost(str(error), pause)
            except Exception as error:  # ours: tell it, and let the host not be lost for the run
                tries += 1
                pause = self._policy.pause_seconds(max(tries, 4))
                self._lost(f"{type(error).__name__}: {error}", pause)
            if self.figures.link == "parked":
                pause = float("inf")
            self._rest(pause)
        self.figures.link = "ended"
        self.figures.is_syncing = False
        self.child.state = "finished"

    def _serve(self) -> None:
        """One connection, until it breaks (an exception) or all is over."""
        if self._leaving or self._is_taken_over:
            return  # what plays there is not ours to stop
        self.figures.is_syncing = False
        if self.figures.link != "waiting":
            self.figures.link = "connecting"
        known, config = self.fleet.known_hosts, self.fleet.ssh_config
        with SshLink(self.spec, known_hosts=known, ssh_config=config) as link:
            self._root = link.path(self.spec.workdir or "")
            if self._ending is None:
                self._look_at_host(link)
            if self._leaving:  # another main node may have it by now
                return
            note = self._claim(link)
            if note:
                self._tell("note", note)
            remote = SshStore(link, self._root, compression=self.fleet.compression)
            mirror = Mirror(
                self._store,
                remote,
                self.spec.name,
                log_seconds=10.0,
                trust_seconds=TRUST_SECONDS,
                keep_versions=KEEP_VERSIONS,
                only_worker=self.spec.name,
                on_event=lambda text: self._tell("note", text),
                on_syncing=self._syncing,
            )
            self.figures.link = "connected"
            self._look_at = 0.0
            self._bytes_before = self.figures.num_bytes
            shards_before = self.figures.num_shards
            is_told = False
            while not self._leaving:
                if self._ending is not None:
                    self._stop_worker(link, self._ending)
                    self._is_stopped = True
                    self._step(mirror, remote, shards_before, final=True)
                    return
                well = self._step(mirror, remote, shards_before)
                if self._look_after_worker(link):
                    self._step(mirror, remote, shards_before, final=True)
                    self._tell("finished", "the run has ended, and so has this worker")
                    return
                if well and not is_told:
                    is_told = True
                    self._refusals = 0
                    self._well(f"connected to {self.spec.where}, {self._root}")
                self._rest(self.fleet.sync_seconds if well else 5.0)

    def _look_at_host(self, link: SshLink) -> None:
        if self._prepare is not None:
            self._prepare(link)
        facts = link.facts(self._root)
        problem = facts.problem(
            python=self.spec.python, version=software_version(), gpu_id=self.spec.gpu_id
        )
        if problem:
            raise RefusedError(f"{self.spec.where}: {problem}")
        self.figures.free_bytes = facts.free_bytes
        self.figures.cores, self.figures.gpus = facts.cores, facts.gpus
        if facts.zerofleet != software_version():
            self._tell(
                "note", f"zerofleet {facts.zerofleet} is there and {software_version()} is here"
            )

    def _claim(self, link: SshLink) -> str:
        owner = self._owner
        answer = link.ask(
            "claim", root=self._root, owner=owner.run, session=owner.session, main=owner.main
        )
        return str(answer.get("note", ""))

    def _step(
        self, mirror: Mirror, remote: SshStore, shards_before: int, *, final: bool = False
    ) -> bool:
        """A round of the mirror; False if it could not do everything, and says why.

        Raises: LinkError. With `final`, which brings all there is, any error: there is no next one.
        """
        try:
            while not mirror.step() and final and not self._leaving:
                pass
            return True
        except LinkError:
            raise
        except RunError as error:
            if final:
                raise
            self.figures.is_syncing = False
            self._trouble(str(error))
            return False
        finally:
            counts = mirror.counts
            self.figures.num_shards = shards_before + counts.num_shards_in
            self.figures.num_bytes = self._bytes_before + remote.num_bytes_in + remote.num_bytes_out
            self.figures.model_version = counts.model_version
            if counts.num_models_out:
                self.figures.model_seconds = counts.model_seconds

    # -- the worker's process ------------------------------------------------------------------

    def _look_after_worker(self, link: SshLink) -> bool:
        """Starts it, finds it, notes how it ended; True when the run is over and so is the worker.

        Raises: LinkError; TakenOverError.
        """
        now = time.monotonic()
        if not self._restart and now < self._look_at:
            return False
        self._look_at = now + LOOK_SECONDS
        answer = link.ask("state", root=self._root, log=worker_log_key(self.spec.name))
        self.figures.free_bytes = int(answer.get("free_bytes", self.figures.free_bytes))
        self._look_at_room()
        owner = answer["owner"]
        if owner.get("session") != self._owner.session:
            raise TakenOverError(
                f"{self.spec.where}: another main node took this worker over "
                f"({owner.get('main', 'unknown')}): one run has one main node"
            )
        record = answer["worker"]
        if answer["runs"]:
            if self._restart or record.get("spec") != start_mark(self.spec, self._game_file):
                why = "restarted" if self._restart else "restarted, since its entry has changed"
                self._stop_worker(link, 30.0, why)
                self._restart = False
                self._start_worker(link)
            else:
                self._found(record)
                self._look_at_suspension(link, bool(answer.get("suspended")))
            return False
        if self._is_run_over():
            return True
        if self._is_full:
            self._failed_id = str(record.get("id", ""))  # no failure of the worker's
            return False
        if self._restart:
            self._restart = False
            self.child.num_failures, self.child.state = 0, "waiting"
            self._failed_id = str(record.get("id", ""))
        elif record and record["id"] == self._seen_id != self._failed_id:
            if answer["ended"] is None and self._gone_id != record["id"]:
                self._gone_id = str(record["id"])
                return False  # how it ended may be on its way to the disk there: one more look
            self._failed_id = str(record["id"])
            self._ended(answer)
        if self.child.state == "waiting" and now >= self.child.start_at:
            self._start_worker(link)
        return False

    def _start_worker(self, link: SshLink) -> None:
        log = worker_log_key(self.spec.name)
        try:
            answer = link.ask(
                "start",
                files=worker_files(self.spec, self._root, self._game_file),
                root=self._root,
                argv=worker_argv(self.spec, link.python, self._root, self._game_file),
                env=worker_env(self.spec),
                log=log,
                spec=start_mark(self.spec, self._game_file),
            )
        except LinkError:
            raise
        except (StoreError, OSError) as error:
            self.child.num_starts += 1
            self._failed(str(error), "", final=False)
            return
        self.child.num_starts += 1
        self.child.started_at = time.monotonic()
        self.child.state = "running"
        self._seen_id = answer["id"]
        again = f", start {self.child.num_starts}" if self.child.num_starts > 1 else ""
        self._well(f"started on {self.spec.where} (process {answer['pid']}{again})", "started")

    def _look_at_room(self) -> None:
        free = self.figures.free_bytes
        if free < FULL_BYTES:
            self._is_full = True
            self._trouble(
                f"{self.spec.where}: the disk of {self._root} is full there: {free:,} bytes free"
            )
        elif self._is_full:
            self._is_full = False
            self._well("there is room on the disk there again", "note")

    def _found(self, record: dict[str, Any]) -> None:
        if self._seen_id != record["id"]:
            self._seen_id = record["id"]
            self.child.num_starts = max(1, self.child.num_starts)
            self._well(f"found playing on {self.spec.where} (process {record['pid']})", "started")
        self.child.state = "running"

    def _look_at_suspension(self, link: SshLink, is_suspended: bool) -> None:
        now = time.monotonic()
        if not is_suspended:
            self._suspended_since = None
        elif self._suspended_since is None:
            self._suspended_since = now
        elif now - self._suspended_since > 1.5 * configured_dead_after(self._store):
            self._suspended_since = None
            self._stop_worker(link, 0.0, "was suspended (SIGSTOP) and is killed")

    def _stop_worker(self, link: SshLink, grace_seconds: float, why: str = "stopped") -> None:
        answer = link.ask(
            "stop", root=self._root, grace=grace_seconds, seconds=grace_seconds + 30.0
        )
        if answer["was_running"]:
            self._tell("killed" if answer["killed"] else "stopped", why)

    def _ended(self, answer: dict[str, Any]) -> None:
        status = answer["ended"]
        if status == 0:
            self.child.state, self.child.start_at = "waiting", time.monotonic() + 1.0
            self.child.reason = "somebody stopped it there"
            self._tell("failed", f"{self.child.reason}; it starts again")
            return
        reason = "is gone without a word" if status is None else describe_exit(status)
        self._failed(reason, answer["tail"], final=status in self._policy.final_statuses)

    def _failed(self, reason: str, tail: str, *, final: bool) -> None:
        child, policy = self.child, self._policy
        if self.figures.num_shards != self._failures_from:
            self._failures_from = self.figures.num_shards
            child.num_failures = 0  # it has delivered games since
        child.num_failures += 1
        words = last_words(tail)
        child.reason = f"{reason}: {words}" if words else reason
        details = f"\n{tail}" if tail else ""
        if final or child.num_failures >= policy.max_failures:
            child.state = "parked"
            self.figures.is_refused, self.figures.reason = True, _line(child.reason)
            why = "" if final else f" {child.num_failures} times in a row"
            self._tell("parked", f"{reason}{why}, {_how(self.spec.name)}{details}", words)
            return
        pause = self._policy.pause_seconds(child.num_failures)
        child.state, child.start_at = "waiting", time.monotonic() + pause
        self.figures.reason = _line(child.reason)
        self._tell("failed", f"{reason}, starts again in {pause:g} s{details}", words)

    def _is_run_over(self) -> bool:
        return stop_requested(self._store)

    # -- telling -------------------------------------------------------------------------------

    def _is_asked_to_end(self) -> bool:
        return self._ending is not None or self._leaving

    def _rest(self, seconds: float) -> None:
        """A pause that a request ends."""
        if not self._is_asked_to_end():
            self._wake.wait(None if seconds == float("inf") else seconds)
        self._wake.clear()
        if self._restart and self.figures.link in ("parked", "waiting"):
            self.figures.link, self._refusals = "connecting", 0
            self._is_taken_over = False  # somebody wants it back
            self.child.state = "waiting"

    def _refused(self, reason: str, is_final: bool) -> None:
        self.figures.link = "parked" if is_final else "waiting"
        self.figures.reason, self.figures.is_refused = _line(reason), True
        self.child.state = "parked" if is_final else "waiting"
        self.child.reason = reason
        if is_final:
            self._tell("parked", f"{reason}; {_how(self.spec.name)}")
        elif reason != self._told:
            self._told = reason
            self._tell("failed", reason)

    def _lost(self, reason: str, pause: float) -> None:
        self.figures.link, self.figures.is_syncing = "waiting", False
        self.figures.reason, self.figures.is_refused = _line(reason), False
        if self.child.state == "running":
            self.child.state = "waiting"
        self.child.reason = reason
        if reason != self._told:
            self._told = reason
            self._tell("lost", f"{reason}; tried again, first in {pause:g} s")

    def _trouble(self, reason: str) -> None:
        self.figures.reason, self.figures.is_refused = _line(reason), True
        what = re.sub(r"\d+", "", reason)  # not again for every byte
        if what != self._told:
            self._told = what
            self._tell("failed", reason)

    def _unreached(self, reason: str) -> None:
        if self._leaving:
            return
        if self._is_stopped:
            text = f"is stopped, but its last games are still there: {reason}"
        else:
            text = f"could not be stopped and may play on: {reason}"
        self._tell("failed", f"{text}; `zerofleet fleet down` tries again")

    def _well(self, text: str, kind: str = "connected") -> None:
        self._told = self.figures.reason = ""
        self.figures.is_refused = False
        self._tell(kind, text)

    def _syncing(self, begins: bool) -> None:
        self.figures.is_syncing = begins

    def _tell(self, kind: str, text: str, reason: str = "") -> None:
        self._on_event(Event(self.spec.name, kind, text, reason))


def _how(name: str) -> str:
    return f"not tried again until `{shlex.join(['zerofleet', 'fleet', 'restart', name])}`"


def _line(text: str) -> str:
    return next(iter(text.splitlines()), "")
