"""The main node of a fleet over SSH: follows the plan of the run, a thread for each host.

It is a `WorkerGroup`, so `zerofleet train --fleet` runs it beside the trainer; `zerofleet fleet up`
runs it alone. Only one is on a run at a time: it holds the lease `fleet/main.json`. Killed, it
leaves the workers playing; the next one finds them.
"""

import contextlib
import logging
import logging.handlers
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from zerofleet.fleet.host import HostWorker
from zerofleet.fleet.host_figures import Owner
from zerofleet.fleet.plan import load_planned, read_plan
from zerofleet.fleet.spec import FleetError, FleetSpec, WorkerSpec
from zerofleet.fleet.ssh import SshLink, import_asyncssh
from zerofleet.fleet.supervisor import Child, Event, RestartPolicy
from zerofleet.fleet.worker_command import default_workdir
from zerofleet.run.documents import encode
from zerofleet.run.errors import RunError, StoreError
from zerofleet.run.layout import (
    DISTRIBUTED_LOG,
    FLEET_LEASE,
    FLEET_STATUS,
    FLEET_WEIGHTS,
    LOGS,
)
from zerofleet.run.lease import Heartbeat, Lease, LeaseLostError, configured_dead_after
from zerofleet.run.series import SeriesWriter
from zerofleet.run.stop import stop_requested
from zerofleet.run.store import DirectoryStore, read_or_none

FORMAT = 1
PLAN_SECONDS = 0.5
STATUS_SECONDS = 1.0
SERIES_SECONDS = 10.0
NETWORK_SECONDS = 60.0
"""Network usage is that of the last minute."""
LOG_BYTES = 16 * 2**20
LOG_FILES = 5
_GAMES_LEFT = "is stopped, but some of its games are still there: fleet down tries again"


class SshFleet:
    """The workers of a run's plan, on their hosts."""

    def __init__(
        self,
        run_dir: Path,
        *,
        on_event: Callable[[Event], None] | None = None,
        policy: RestartPolicy | None = None,
        prepare: Callable[[SshLink], None] | None = None,
        game_file: Path | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        """Takes the fleet of this run; nothing is started before `poll`.

        Args:
          prepare: called with each new connection, before the host is looked at.
          game_file: a user's own game, sent to each host with the start command.
          on_wait: told in words if an earlier main node has to be watched first.
        Raises: LeaseHeldError if another main node is alive; FleetError for a fleet file that
          cannot be used; RunError without a plan, or without asyncssh.
        """
        import_asyncssh()
        self._run_dir = run_dir
        self._store = DirectoryStore(run_dir)
        plan = read_plan(self._store)
        if plan is None:
            raise RunError(f"{run_dir}: this run has no fleet: zerofleet fleet up --fleet FILE")
        self._plan = plan
        self._spec = load_planned(plan)
        self._policy = policy
        self._prepare = prepare
        self._game_file = game_file
        self._on_event = on_event or (lambda event: None)
        (run_dir / LOGS).mkdir(parents=True, exist_ok=True)
        self._lease = Lease.acquire(
            self._store,
            FLEET_LEASE,
            dead_after_seconds=configured_dead_after(self._store),
            on_wait=on_wait,
        )
        self._heartbeat = Heartbeat(self._lease)
        self._heartbeat.__enter__()
        self._log = _open_log(run_dir)
        self._series = SeriesWriter(run_dir / LOGS, "fleet")
        self._owner = Owner(
            plan.id, self._lease.session, f"{socket.gethostname()}:{run_dir.absolute()}"
        )
        self._hosts: dict[str, HostWorker] = {}
        self._leaving: list[HostWorker] = []
        self._restarts = dict(plan.restarts)
        self._looked_at = self._written_at = self._series_at = float("-inf")
        self._moved: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()
        self._problem = ""
        self._has_begun = self._is_closed = False

    # -- WorkerGroup ---------------------------------------------------------------------------

    @property
    def children(self) -> Sequence[Child]:
        """See `WorkerGroup.children`."""
        return [host.child for host in self._hosts.values()]

    def poll(self) -> bool:
        """See `WorkerGroup.poll`. Follows the plan as well.

        Raises: LeaseLostError if another main node took the run over; the workers play on.
        """
        self._heartbeat.check()
        now = time.monotonic()
        if now - self._looked_at >= PLAN_SECONDS:
            self._looked_at = now
            self._follow_plan()
        self._leaving = [host for host in self._leaving if not host.is_over]
        self._write_status()
        return any(not host.is_over for host in (*self._hosts.values(), *self._leaving))

    def wait(self, seconds: float) -> None:
        """See `WorkerGroup.wait`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            hosts = list(self._hosts.values())
            # One that is not reached now ends by itself over there, when it sees STOP or is told.
            if all(host.is_over or host.figures.link != "connected" for host in hosts):
                break
            self._write_status()
            time.sleep(0.1)

    def stop(self, grace_seconds: float) -> None:
        """See `WorkerGroup.stop`: fetches the last games too, and gives the run's fleet back.

        A main node that was taken over leaves the workers to the other one.
        """
        hosts = [*self._hosts.values(), *self._leaving]
        moved = {host.spec.name: host.figures.num_shards for host in hosts}
        with contextlib.suppress(LeaseLostError, StoreError):
            self._lease.confirm()
        for host in hosts:
            if host.is_over:
                continue
            if self.lost:
                host.leave()
            else:
                host.end(grace_seconds)
        end = time.monotonic() + grace_seconds + 30.0
        for host in hosts:
            while not host.join(0.2) and time.monotonic() < end:
                self._write_status()
                if moved[host.spec.name] != host.figures.num_shards:  # games come: that goes on
                    moved[host.spec.name] = host.figures.num_shards
                    end = time.monotonic() + grace_seconds + 30.0
        for host in hosts:
            if not host.is_over:
                host.leave()
                text = _GAMES_LEFT if host.is_stopped else "does not answer; it may play on"
                self._event(Event(host.spec.name, "failed", text))
        self.close()

    def take_down(self, grace_seconds: float) -> None:
        """Stops the workers of an earlier main node, which play on somewhere, and fetches games."""
        for spec in self._wanted().values():
            self._begin(spec, end_in_seconds=grace_seconds)
        self.stop(grace_seconds)

    def close(self) -> None:
        """Gives the run's fleet back; what still plays plays on."""
        if self._is_closed:
            return
        self._is_closed = True
        for host in (*self._hosts.values(), *self._leaving):
            if not host.is_over:
                host.leave()
        self._write_status(now=True)
        self._heartbeat.close()
        self._lease.release()
        self._series.close()
        for handler in list(self._log.handlers):
            self._log.removeHandler(handler)
            handler.close()

    # -- the plan ------------------------------------------------------------------------------

    @property
    def spec(self) -> FleetSpec:
        """The fleet as it is followed now."""
        return self._spec

    @property
    def lost(self) -> str:
        """Who took the fleet over; empty while it is ours."""
        return self._lease.lost

    @property
    def is_down(self) -> bool:
        """`zerofleet fleet down` asks for the end."""
        return self._plan.is_down

    def _follow_plan(self) -> None:
        try:
            plan = read_plan(self._store)
            if plan is None:
                return
            if plan != self._plan:
                self._spec, self._plan = load_planned(plan), plan
            self._problem = ""
        except (FleetError, RunError) as error:
            # The fleet goes on as it was; the command that changed the plan has told its user.
            if str(error) != self._problem:
                self._problem = str(error)
                self._event(Event("fleet", "failed", self._problem))
            return
        if plan.is_down and not self._has_begun:  # what an earlier main node left behind
            for spec in self._wanted().values():
                self._begin(spec, end_in_seconds=30.0)
        self._has_begun = True
        wanted = {} if not self._spec.enabled or plan.is_down else self._wanted()
        self._write_weights(wanted)
        for host in self._hosts.values():
            host.fleet = self._spec  # compression and the like: from the next connection on
        for name in [n for n, host in self._hosts.items() if self._has_changed(host, wanted)]:
            host = self._hosts.pop(name)
            self._event(Event(name, "stopped", "its entry is gone or has changed"))
            host.end(30.0)
            self._leaving.append(host)
        with contextlib.suppress(StoreError):
            if not stop_requested(self._store):  # those that ended with a run that goes on now
                self._hosts = {n: host for n, host in self._hosts.items() if not host.is_over}
        gone = {host.spec.name for host in self._leaving if not host.is_over}
        for name, spec in wanted.items():
            if name not in self._hosts and name not in gone:
                self._begin(spec)
        for name, count in plan.restarts.items():
            if self._restarts.get(name, 0) < count:
                self._restarts[name] = count
                if name in self._hosts:
                    self._event(Event(name, "note", "restart asked for"))
                    self._hosts[name].restart()

    def _wanted(self) -> dict[str, WorkerSpec]:
        return {
            worker.name: worker.model_copy(
                update={"workdir": worker.workdir or default_workdir(self._run_dir, worker.name)}
            )
            for worker in self._spec.workers
        }

    def _has_changed(self, host: HostWorker, wanted: dict[str, WorkerSpec]) -> bool:
        """Whether a host has to begin anew; a weight alone is no reason."""
        new = wanted.get(host.spec.name)
        if new is None:
            return True
        same = host.spec.model_copy(update={"weight": new.weight}) == new
        return not same

    def _begin(self, spec: WorkerSpec, *, end_in_seconds: float | None = None) -> None:
        host = HostWorker(
            self._store,
            spec,
            self._spec,
            self._owner,
            policy=self._policy,
            on_event=self._event,
            prepare=self._prepare,
            game_file=self._game_file,
        )
        self._hosts[spec.name] = host
        self._hosts = dict(sorted(self._hosts.items()))
        if end_in_seconds is not None:
            host.end(end_in_seconds)
        host.start()

    def _write_weights(self, wanted: dict[str, WorkerSpec]) -> None:
        """For the trainer, which deals the games: by weight, by speed or evenly."""
        weights = {name: self._spec.weight_of(worker) for name, worker in wanted.items()}
        given = any(weight != 1.0 for weight in weights.values()) or self._spec.worker_weights
        by = "weight" if given else "speed"
        document = {
            "format": FORMAT,
            "deal": by if self._spec.load_balancing else "even",
            "weights": weights if given and self._spec.load_balancing else {},
        }
        data = encode(document)
        with contextlib.suppress(StoreError):
            if read_or_none(self._store, FLEET_WEIGHTS) != data:
                self._store.put(FLEET_WEIGHTS, data)

    # -- telling -------------------------------------------------------------------------------

    def _event(self, event: Event) -> None:
        with self._lock:
            self._log.info("[%s] %s: %s", event.name, event.kind, event.text)
        self._on_event(event)

    def _write_status(self, *, now: bool = False) -> None:
        moment = time.monotonic()
        if self.lost or (not now and moment - self._written_at < STATUS_SECONDS):
            return
        self._written_at = moment
        leaving = {host.spec.name: host for host in self._leaving if not host.is_over}
        hosts = {name: self._figures(host) for name, host in (leaving | self._hosts).items()}
        total = sum(figures["num_bytes"] for figures in hosts.values())
        self._moved.append((moment, total))
        while self._moved[0][0] < moment - NETWORK_SECONDS:
            self._moved.popleft()
        seconds = max(moment - self._moved[0][0], STATUS_SECONDS)
        moved = max(0, total - self._moved[0][1])
        document = {
            "format": FORMAT,
            "session": self._lease.session,
            "is_up": not self._is_closed,
            "model_sync_seconds": max((h["model_seconds"] for h in hosts.values()), default=0.0),
            "network_bytes_per_minute": round(moved * 60 / seconds),
            "problem": self._problem,
            "workers": hosts,
        }
        with contextlib.suppress(StoreError):  # a picture; the next one will do
            self._store.put(FLEET_STATUS, encode(document))
        if now or moment - self._series_at >= SERIES_SECONDS:
            self._series_at = moment
            with contextlib.suppress(StoreError):
                self._series.append({"time": time.time(), "kind": "fleet", **document})

    def _figures(self, host: HostWorker) -> dict[str, Any]:
        figures, child = host.figures, host.child
        return {
            "where": host.spec.where,
            "workdir": host.spec.workdir,
            "gpu_id": host.spec.gpu_id,
            "link": figures.link,
            "worker": child.state,
            "reason": figures.reason,
            "is_refused": figures.is_refused,
            "is_syncing": figures.is_syncing,
            "num_starts": child.num_starts,
            "num_bytes": figures.num_bytes,
            "num_shards": figures.num_shards,
            "model_version": figures.model_version,
            "model_seconds": round(figures.model_seconds, 3),
            "free_bytes": figures.free_bytes,
            "cores": figures.cores,
            "gpus": figures.gpus,
        }


def _open_log(run_dir: Path) -> logging.Logger:
    """logs/distributed_training.log, kept below a bound by rotation."""
    logger = logging.Logger(f"zerofleet.fleet.{os.getpid()}", logging.INFO)
    handler = logging.handlers.RotatingFileHandler(
        run_dir / DISTRIBUTED_LOG, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger.addHandler(handler)
    return logger
