"""Workers on a Ray cluster: an actor for each starts the worker's command where Ray puts it.

Which node has the processors and GPUs, and that an actor comes back on another node when its own is
lost, is Ray's part. That a command which failed is started again with back-off, and parked in the
end, is the supervisor's, as everywhere (fleet/supervisor.py). The run directory is reached through
the store's actor (run/ray_store.py).
"""

import contextlib
import hashlib
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zerofleet.fleet.launcher import Command, log_tail
from zerofleet.fleet.local import LocalHandle, LocalLauncher
from zerofleet.run.atomic import write_atomic
from zerofleet.run.errors import RunError
from zerofleet.run.layout import worker_log_key
from zerofleet.run.place import Place, state_directory
from zerofleet.run.software import software_version
from zerofleet.run.spool import Spool

GRACE_SECONDS = 30.0
"""For a worker whose actor is gone: it saves its games into the spool of its host, then it ends."""
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class ClusterSize:
    """What the living nodes of a cluster have; Ray's own counts, whatever is in use."""

    cpus: tuple[float, ...]
    gpus: tuple[float, ...]

    def __str__(self) -> str:
        nodes = zip(self.cpus, self.gpus, strict=True)
        return ", ".join(f"{cpus:g} processors, {gpus:g} GPUs" for cpus, gpus in nodes)

    def room(self, threads: int, gpus_per_worker: float) -> int:
        """Workers that fit at once, one thread a processor."""
        total = 0
        for cpus, gpus in zip(self.cpus, self.gpus, strict=True):
            fit = int(cpus // threads)
            total += min(fit, int(gpus // gpus_per_worker)) if gpus_per_worker else fit
        return total


def cluster_size(ray: Any) -> ClusterSize:
    """Asks the cluster this process is connected to."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return ClusterSize(
        tuple(float(node.get("CPU", 0)) for node in nodes),
        tuple(float(node.get("GPU", 0)) for node in nodes),
    )


class WorkerService:
    """What a worker's actor does: it starts the command, waits, and passes signals on."""

    def __init__(self) -> None:
        self._handle: LocalHandle | None = None
        self._is_told = False

    def run(
        self,
        name: str,
        arguments: tuple[str, ...],
        env: dict[str, str],
        place: str,
        version: str,
        game: tuple[str, bytes] | None = None,
    ) -> tuple[int, str]:
        """Runs `python -m zerofleet ARGUMENTS` to its end; returns its status and last words.

        Called again on another node when this one is lost.

        Args:
          game: name and bytes of the file of a user's own game, which the worker plays there.
        """
        if software_version() != version:
            return 2, (
                f"zerofleet {software_version()} is installed on {socket.gethostname()} "
                f"({sys.prefix}), the trainer has {version}: install the same on every node"
            )
        where = Place(place)
        deliver_left_behind(where)
        if game is not None:
            arguments = (*arguments, "--game-file", str(kept_game_file(*game)))
        log = where.files / worker_log_key(name)
        command = Command(name, (sys.executable, "-m", "zerofleet", *arguments), log, env)
        self._handle = LocalLauncher(orphan_grace_seconds=GRACE_SECONDS).start(command)
        if self._is_told:
            self._handle.terminate()
        while (status := self._handle.poll()) is None:
            time.sleep(POLL_SECONDS)
        return status, f"on {socket.gethostname()}, {log}:\n{log_tail(log)}"

    def ping(self) -> None:
        """Answers: the actor is somewhere."""

    def terminate(self) -> None:
        """SIGTERM to the command, now or when it starts."""
        self._is_told = True
        if self._handle is not None:
            self._handle.terminate()

    def kill(self) -> None:
        """SIGKILL to the command."""
        if self._handle is not None:
            self._handle.kill()


def kept_game_file(name: str, data: bytes) -> Path:
    """Writes a game's file among what this host keeps, unless it is there; returns its path."""
    file = state_directory() / "games" / hashlib.sha256(data).hexdigest()[:16] / name
    if not file.exists():  # it is named by its bytes, and whole when it appears
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(file, data)
    return file


def deliver_left_behind(place: Place) -> None:
    """Delivers what workers of this run had to leave in the spools of this host.

    A worker that comes back on another node does not see its own spool. Delivering twice is
    harmless, so it does not matter whether a worker of that id lives here, too.
    """
    store = place.store()
    with contextlib.suppress(RunError, OSError):
        for directory in sorted((state_directory() / "spool" / place.token).iterdir()):
            Spool(store, directory).flush(now=True)


class RayHandle:
    """A command that an actor runs."""

    pid = 0
    """It is on another host, or not yet anywhere."""

    def __init__(self, ray: Any, actor: Any, result: Any, log: Path) -> None:
        self._ray = ray
        self._actor = actor
        self._result = result
        self._log = log
        self._placed = actor.ping.remote()
        self._status: int | None = None

    def poll(self) -> int | None:
        """See `Handle.poll`; what the command said last is in its log here."""
        if self._status is None:
            ready, _ = self._ray.wait([self._result], timeout=0)
            if ready:
                self._end()
        return self._status

    def terminate(self) -> None:
        """See `Handle.terminate`."""
        if self._status is not None:
            return
        if self._is_placed():
            self._actor.terminate.remote()
        else:  # it waits for a place on the cluster still
            self._forget()
            self._status = -signal.SIGTERM

    def kill(self) -> None:
        """See `Handle.kill`."""
        if self._status is None:
            if self._is_placed():
                with contextlib.suppress(Exception):
                    self._ray.get(self._actor.kill.remote(), timeout=2)
            self._forget()
            self._status = -signal.SIGKILL

    def _is_placed(self) -> bool:
        return bool(self._ray.wait([self._placed], timeout=0)[0])

    def _end(self) -> None:
        try:
            status, said = self._ray.get(self._result)
        except Exception as error:  # of Ray's many kinds: the actor cannot be made or came to grief
            first = next(iter(str(error).strip().splitlines()), type(error).__name__)
            status, said = 1, f"Ray: {first}"
        self._forget()
        with contextlib.suppress(OSError), self._log.open("a", encoding="utf-8") as file:
            file.write(f"{said.rstrip()}\n")
        self._status = int(status)

    def _forget(self) -> None:
        with contextlib.suppress(Exception):
            self._ray.kill(self._actor, no_restart=True)


class RayLauncher:
    """Starts commands on the cluster this process is connected to."""

    def __init__(
        self,
        ray: Any,
        place: Place,
        *,
        threads: int,
        gpus_per_worker: float,
        game_file: Path | None = None,
    ) -> None:
        """Commands begin with the verb: `worker --worker-id ray-0 ...`.

        Args:
          place: of the run, as the nodes see it.
          threads: processors that Ray keeps for each command.
          gpus_per_worker: GPUs, or a share of one; Ray tells the command which.
          game_file: a user's own game, sent along with each command.
        """
        self._ray = ray
        self._place = place
        self._game_file = game_file
        self._options: dict[str, Any] = {
            "num_cpus": threads,
            "num_gpus": gpus_per_worker,
            "max_restarts": -1,
            "max_task_retries": -1,
            "max_concurrency": 4,
            "scheduling_strategy": "SPREAD",
        }

    def start(self, command: Command) -> RayHandle:
        """See `Launcher.start`. Raises: OSError if the cluster, or the game's file, is gone."""
        file = self._game_file
        game = None if file is None else (file.name, file.read_bytes())
        try:
            actor = self._ray.remote(WorkerService).options(**self._options).remote()
            result = actor.run.remote(
                command.name,
                command.argv,
                dict(command.env),
                str(self._place),
                software_version(),
                game,
            )
        except Exception as error:
            raise OSError(f"the Ray cluster takes no command: {error}") from error
        command.log.parent.mkdir(parents=True, exist_ok=True)
        return RayHandle(self._ray, actor, result, command.log)
