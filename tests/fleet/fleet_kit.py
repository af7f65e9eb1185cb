"""A fleet over real SSH servers, driven from a test."""

import contextlib
import os
import shutil
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from run_kit import PATIENCE_SECONDS
from ssh_hosts import SshHost

from zerofleet.fleet import Fleet
from zerofleet.fleet.plan import begin_plan
from zerofleet.fleet.ssh_fleet import SshFleet
from zerofleet.fleet.supervisor import RestartPolicy
from zerofleet.run.layout import worker_lease_key
from zerofleet.run.lease import read_lease
from zerofleet.run.store import DirectoryStore

QUICK = RestartPolicy(first_pause_seconds=0.2, longest_pause_seconds=1.0, max_failures=3)


def wait_for(condition, what, seconds=PATIENCE_SECONDS):
    """Returns the first true value of `condition()`; looks seldom, for a look costs something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds:.0f} s for {what}")


@dataclass
class FleetKit:
    """Hosts, a fleet file and a main node in a thread."""

    home: Path
    run_dir: Path
    hosts: dict[str, SshHost] = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    """Keys of the fleet file beside workers:."""
    entries: dict = field(default_factory=dict)
    """Keys of a worker's entry: name -> {...}."""
    main: "MainNode | None" = None
    policy: RestartPolicy = QUICK

    @property
    def file(self):
        return self.home / "fleet.yaml"

    @property
    def known_hosts(self):
        return self.home / "known_hosts"

    @property
    def store(self):
        return DirectoryStore(self.run_dir)

    @property
    def fleet(self):
        return Fleet(self.run_dir)

    def add_host(self, name, **entry):
        host = SshHost(self.home / name)
        self.hosts[name] = host
        self.entries[name] = {**self.entry(), **entry}
        with self.known_hosts.open("a") as file:
            file.write(host.known_hosts_line())
        return host.start()

    @staticmethod
    def entry():
        """Keys of every worker."""
        slow = f"{Path(__file__).parent / 'slow_worker.py'}:SlowWorker"
        return {"threads": 1, "worker_class": slow}

    def write(self):
        document = {
            "workers": [self.hosts[n].spec(n, **entry) for n, entry in self.entries.items()],
            "known_hosts": str(self.known_hosts),
            "sync_seconds": 0.5,  # a round costs some processor time
            **self.options,
        }
        self.file.write_text(yaml.safe_dump(document))
        return self.file

    def up(self):
        """A main node; the one before has to be gone."""
        begin_plan(self.store, self.write())
        self.main = MainNode(self)
        return self.main

    def status(self, name):
        """A worker as `fleet status` sees it, or None."""
        return next((w for w in self.fleet.status().workers if w.name == name), None)

    def wait_for_label(self, name, text):
        def shows():
            worker = self.status(name)
            return worker if worker is not None and text in worker.label else None

        try:
            return wait_for(shows, f"{text!r} of {name}")
        except AssertionError as error:
            raise AssertionError(f"{error}, which is {self.status(name)}") from None

    def lease(self, name):
        return read_lease(self.store, worker_lease_key(name)) or {}

    def batches(self, name):
        """Shards that a worker says it has delivered."""
        return (self.lease(name).get("totals") or {}).get("batches", 0)

    def wait_for_games(self, name, more=1):
        before = self.batches(name)
        return wait_for(lambda: self.batches(name) >= before + more, f"games of {name}")

    def processes(self, name):
        """Worker processes of a host, by their directory."""
        root = str(self.hosts[name].home / "work").encode()
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (path / "cmdline").read_bytes().split(b"\0")
                if b"worker" in words and root in words and b"nice" not in words[0]:
                    found.append(int(path.name))
        return found

    def end(self):
        if self.main is not None:
            self.main.leave()
        for name, host in self.hosts.items():
            host.stop()
            for pid in self.processes(name):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


class MainNode(threading.Thread):
    """Polls a fleet as `zerofleet fleet up` does."""

    def __init__(self, kit):
        super().__init__(daemon=True)
        self.events = []
        self.group = SshFleet(kit.run_dir, on_event=self.events.append, policy=kit.policy)
        self.done = threading.Event()
        self.error = None
        self.start()

    def run(self):
        try:
            while not self.done.is_set():
                self.group.poll()
                time.sleep(0.05)
        except Exception as error:
            self.error = error

    def text(self):
        return "\n".join(f"[{e.name}] {e.kind}: {e.text}" for e in list(self.events))

    def wait_for(self, text, count=1):
        try:
            wait_for(lambda: self.text().count(text) >= count, repr(text))
        except AssertionError as error:
            raise AssertionError(f"{error}; so far:\n{self.text()}") from None

    def stop(self):
        """As Ctrl-C does."""
        self.done.set()
        self.join()
        self.group.stop(20.0)

    def leave(self):
        """As SIGKILL does, as far as the hosts can tell."""
        self.done.set()
        self.join()
        self.group.close()


def copy_run(source, target):
    """A run of one's own, without what the trainer's process left."""
    shutil.copytree(source, target)
    return target
