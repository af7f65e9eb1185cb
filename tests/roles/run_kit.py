"""A tiny run made of real processes: start roles, wait for what they do, look at the files."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import fork_server

from support import PATIENCE
from zerofleet.records.account import shard_account
from zerofleet.run.audit import audit
from zerofleet.run.commit import read_latest
from zerofleet.run.errors import RunError
from zerofleet.run.layout import CONSUMED, DATA, TRAINER_LEASE, base_name, parse_shard_name
from zerofleet.run.lease import read_lease
from zerofleet.run.place import Place
from zerofleet.run.series import read_series
from zerofleet.run.stop import stop_requested
from zerofleet.run.store import iterate

PATIENCE_SECONDS = 120.0 * PATIENCE
"""For anything a role does; a busy machine takes its time."""

TINY = {
    "net.num_accumulators": 32,
    "net.num_hidden1": 4,
    "net.num_hidden2": 4,
    "net.num_buckets": 1,
    "training.compile": "false",
    "training.compute_dtype": "float32",
    "training.min_steps": 1,
    "training.train_epochs": 1,
    "training.batch_size": 1024,
    "replay.max_positions": 3000,
    "search.depth": 2,
    "search.table_kib": 16,
    "selfplay.games_per_batch": 10,
    "pacing.min_new_positions": 150,
    "pacing.poll_seconds": 0.05,
    "pacing.max_loops": 3,
    "fleet.heartbeat_seconds": 0.5,
    "arena.eval_games": 0,  # a process for each loop, which the next loop waits for
    "arena.depth": 1,
    "arena.opponents": "[random]",
    "arena.num_previous": 1,
}
"""Settings of a run whose loops take a fraction of a second."""

RATED = {**TINY, "arena.eval_games": 2}
"""The same, each version rated."""

TINY_TREES = {
    "net.kind": "mlp",
    "net.num_layers": 1,
    "net.num_units": 16,
    "training.compile": "false",
    "training.compute_dtype": "float32",
    "training.batch_size": 32,
    "search.num_simulations": 8,
    "search.cache_mib": 1,
    "selfplay.num_parallel_games": 8,
    "selfplay.games_per_batch": 5,
    "pacing.games_per_iteration": 40,
    "pacing.poll_seconds": 0.05,
    "pacing.max_loops": 3,
    "fleet.heartbeat_seconds": 0.5,
    "fleet.dead_after_seconds": 60 * PATIENCE,  # who cannot write for half of it stops
    "arena.eval_games": 0,
    "replay.keep": "all",
}
"""The same for a synchronous run of tree search."""


def wait_for(condition, what, seconds=PATIENCE_SECONDS):
    """Returns the first true value of `condition()`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds:.0f} s for {what}")


class Forge:
    """The client of a fork server."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, fork_server.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self._lock = threading.Lock()
        assert self._process.stdout.readline() == "ready\n"

    def ask(self, **request):
        with self._lock:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(30 * PATIENCE)
        except subprocess.TimeoutExpired:  # its children have ended, or do when it is killed
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@dataclass
class Role:
    """A started process."""

    forge: Forge
    pid: int
    log: Path
    argv: list[str]

    def poll(self):
        """None while it runs, else its exit status; -9 if it was killed."""
        return self.forge.ask(do="poll", pid=self.pid)["status"]

    def wait(self, seconds=PATIENCE_SECONDS):
        """Its exit status (which may be 0)."""
        try:
            wait_for(lambda: self.poll() is not None, " ".join(self.argv), seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; it says:\n{self.text()[-3000:]}") from None
        return self.poll()

    def signal(self, number):
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def stop(self, seconds=PATIENCE_SECONDS):
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def text(self):
        return self.log.read_text() if self.log.exists() else ""

    def wait_for_text(self, text, seconds=PATIENCE_SECONDS):
        def said():
            return text in self.text() or self.poll() is not None

        wait_for(said, f"{text!r} of {self.argv[0]}, which says:\n{self.text()}", seconds)
        assert text in self.text(), self.text()


@dataclass
class Run:
    """A run directory and the processes on it."""

    forge: Forge
    home: Path
    settings: dict = field(default_factory=dict)
    roles: list[Role] = field(default_factory=list)
    directory: Path | str | None = None
    """Or the address of a place in object storage."""
    base: dict = field(default_factory=lambda: TINY)
    recipe: str = "ultimate_ttt"
    env: dict = field(default_factory=dict)

    def __post_init__(self):
        self.directory = self.directory or self.home / "run"
        self.home.mkdir(parents=True, exist_ok=True)

    @property
    def store(self):
        return Place.of(self.directory).store()

    def start(self, *argv, fault="", log=None, env=None):
        number = len(self.roles)
        path = self.home / (log or f"{number:03d}-{Path(argv[0]).stem}.log")
        argv = [str(part) for part in argv]
        pid = self.forge.ask(
            do="start",
            argv=argv,
            fault=fault,
            log=str(path),
            env={
                "XDG_STATE_HOME": str(self.home / "state"),
                "COLUMNS": "200",
                **self.env,
                **(env or {}),
            },
        )["pid"]
        role = Role(self.forge, pid, path, argv)
        self.roles.append(role)
        return role

    def trainer(self, *argv, fault="", directory=None, recipe=None, env=None, **settings):
        """Settings are dotted keys with `__` for the dot."""
        keys = {**self.base, **self.settings}
        keys |= {name.replace("__", "."): value for name, value in settings.items()}
        sets = [f"--set={key}={value}" for key, value in keys.items()]
        return self.start(
            "trainer",
            f"--shared-dir={directory or self.directory}",
            f"--recipe={recipe or self.recipe}",
            "--device=cpu",
            *argv,
            *sets,
            fault=fault,
            env=env,
        )

    def resume(self, max_loops, worker_id="w0"):
        """Trainer and worker of a run that was done; the worker comes when STOP is cleared."""
        trainer = self.trainer(pacing__max_loops=max_loops)
        wait_for(lambda: not stop_requested(self.store), "the trainer to clear STOP")
        return trainer, self.worker(worker_id)

    def worker(self, worker_id="w0", *argv, fault="", directory=None, env=None):
        return self.start(
            "worker",
            f"--shared-dir={directory or self.directory}",
            f"--worker-id={worker_id}",
            *(() if any("--threads" in str(part) for part in argv) else ("--threads=1",)),
            *argv,
            fault=fault,
            env=env,
        )

    def end(self):
        """Kills what still runs."""
        for role in self.roles:
            role.signal(signal.SIGKILL)
            role.wait()

    # -- what the files say ------------------------------------------------------------------

    def names(self, *prefixes):
        """Names of the shards under the prefixes."""
        found = []
        for prefix in prefixes:
            for entry in iterate(self.store, prefix):
                with contextlib.suppress(ValueError):
                    found.append(parse_shard_name(base_name(entry.key)) and base_name(entry.key))
        return found

    def iteration(self):
        """Committed loops; -1 before the first commit."""
        latest = read_latest(self.store)
        return -1 if latest is None else latest.summary["iteration"]

    def phase(self):
        """What the trainer says it does."""
        lease = read_lease(self.store, TRAINER_LEASE) or {}
        return lease.get("progress", {}).get("phase", "")

    def audit(self, finished=None):
        report = audit(self.store, shard_account, finished)
        assert report.is_sound, report.text()
        return report

    def wait_for_shards(self, number=1):
        """Until at least so many shards wait in data/."""
        return wait_for(lambda: len(self.names(DATA)) >= number, f"{number} shards in data/")

    def wait_for_loop(self, number, seconds=PATIENCE_SECONDS):
        return wait_for(lambda: self.iteration() >= number, f"loop {number}", seconds)


class Watcher(threading.Thread):
    """Notes every shard that is ever delivered, from what it sees in the directory."""

    def __init__(self, run):
        super().__init__(daemon=True)
        self.run_kit = run
        self.contents = {}
        self.done = threading.Event()

    def run(self):
        while not self.done.is_set():
            self.look()
            time.sleep(0.01)
        self.look()

    def look(self):
        store = self.run_kit.store
        for prefix in (DATA, CONSUMED):
            for entry in iterate(store, prefix):
                name = base_name(entry.key)
                if name in self.contents:
                    continue
                with contextlib.suppress(RunError, ValueError):
                    parse_shard_name(name)
                    self.contents[name] = shard_account(store.read(entry.key))

    def delivered(self):
        """What was delivered: every shard a worker noted in its series must have been seen."""
        self.done.set()
        self.join()
        logs = self.run_kit.directory / "logs"
        for path in logs.glob("series-worker_*-000001.jsonl"):
            worker = path.name.removeprefix("series-").rsplit("-", 1)[0]
            for entry in read_series(logs, worker):
                if entry["kind"] == "batch":
                    content = self.contents.get(entry["name"])
                    assert content is not None, f"{entry['name']} was delivered and is nowhere"
                    assert len(content.game_numbers) == entry["games"]
        return list(self.contents.values())
