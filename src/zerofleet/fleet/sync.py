"""The mirror: keeps the run directory of another host in step with the run.

Out go config, shares, the newest model and STOP; in come shards, leases and logs. Every step is
safe to repeat: a shard is deleted at the remote only after it is durable here, and version.txt is
the last thing that changes there. Delivering a shard twice is harmless, the ledger knows it.

Two workers with one id cannot see each other through a mirror, so the mirror finds them by their
sessions: the one that is alive here stays, the other one's lease is replaced by a notice, and it
stops at its next beat.
"""

import contextlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from zerofleet.run.documents import encode, sha256_hex
from zerofleet.run.errors import DamagedError, KeyMissingError
from zerofleet.run.faults import fault_point
from zerofleet.run.layout import (
    CONFIG,
    DATA,
    LOGS,
    MODEL,
    MODEL_MANIFEST,
    MODEL_VERSION,
    MODEL_VERSIONS,
    SHARES,
    STOP,
    WORKERS,
    base_name,
    parse_shard_name,
    worker_of_lease_key,
)
from zerofleet.run.lease import LeaseWatch, configured_dead_after, read_lease
from zerofleet.run.models import read_manifest, read_version
from zerofleet.run.rejected import quarantine
from zerofleet.run.store import DirectoryStore, Store, iterate, read_or_none

WORKER_KINDS = ("nnue", "safetensors")
"""Model files a worker loads; nothing else is sent."""
LONGEST_INTAKE_SECONDS = 10.0
"""Of a round: a host that was away brings much."""


@runtime_checkable
class DistantStore(Protocol):
    """A store over a slow link, which need not carry the same bytes twice."""

    def send(self, key: str, data: bytes) -> None:
        """Creates or replaces `key`; goes on where an earlier try was cut."""
        ...

    def read_from(self, key: str, start: int) -> bytes:
        """The bytes of `key` from `start` on."""
        ...


@dataclass
class MirrorCounts:
    """What the mirror did so far."""

    num_shards_in: int = 0
    num_bytes_in: int = 0
    num_models_out: int = 0
    num_doubled_ids: int = 0
    model_version: int = 0
    """The version that went out last."""
    model_seconds: float = 0.0
    """What that took."""


class Mirror:
    """Keeps `remote` in step with `main`; one mirror per remote."""

    def __init__(
        self,
        main: Store,
        remote: Store,
        name: str,
        *,
        watch: LeaseWatch | None = None,
        log_seconds: float = 30.0,
        trust_seconds: float = 0.0,
        keep_versions: int | None = None,
        only_worker: str | None = None,
        on_event: Callable[[str], None] | None = None,
        on_syncing: Callable[[bool], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is moved yet.

        Args:
          name: tells the remotes of a run apart; it is written into the leases that come in.
          trust_seconds: for so long what was sent counts as still being there.
          keep_versions: so many versions of the net stay at the remote; None: all.
          only_worker: games, lease and logs of this worker alone come in, whatever else is there: a
            host that is not ours to trust writes no other files here.
          on_syncing: told True when a version begins to go out, False when it is there.
        """
        self._main = main
        self._remote = remote
        self._name = name
        self._watch = watch or LeaseWatch()
        self._log_seconds = log_seconds
        self._on_event = on_event or (lambda text: None)
        self._clock = clock
        self._trust_seconds = trust_seconds
        self._keep_versions = keep_versions
        self._only_worker = only_worker
        self._on_syncing = on_syncing or (lambda begins: None)
        self._logs_at = float("-inf")
        self._sent: dict[str, str] = {}
        self._sent_since = float("-inf")
        self.counts = MirrorCounts()

    def step(self) -> bool:
        """One round in both directions; StoreError if one side cannot be reached.

        Returns: False if more games are there than a round brings.
        """
        self._watch.dead_after_seconds = configured_dead_after(self._main)
        # A lease says that a share is delivered; so it arrives after the shards that it means.
        leases = self._read_leases()
        is_complete = self._shards_in()
        for key, theirs in leases.items():
            if not is_complete:
                theirs.pop("finished_share", None)
            self._lease_in(key, theirs)
        self._out()
        if self._clock() >= self._logs_at:
            self._logs_in()
            self._logs_at = self._clock() + self._log_seconds
        return is_complete

    # Out.

    def _out(self) -> None:
        if self._clock() - self._sent_since >= self._trust_seconds:
            self._sent.clear()
            self._sent_since = self._clock()
        self._same(CONFIG)
        self._shares_out()
        self._model_out()
        self._same(STOP)
        if read_or_none(self._main, STOP) is None:
            self._sent.pop(STOP, None)
            self._remote.delete(STOP)

    def _same(self, key: str) -> None:
        """Makes the remote's `key` equal to ours, if we have it."""
        data = read_or_none(self._main, key)
        if data is None:
            return
        sha256 = sha256_hex(data)
        if self._sent.get(key) == sha256:
            return
        if read_or_none(self._remote, key) != data:
            self._remote.put(key, data)
        self._sent[key] = sha256

    def _shares_out(self) -> None:
        keys = {entry.key for entry in iterate(self._main, SHARES)}
        for key in sorted(keys):
            self._same(key)
        sent = ",".join(sorted(keys))
        if self._keep_versions is not None and self._sent.get(SHARES) != sent:
            for entry in list(iterate(self._remote, SHARES)):
                if entry.key not in keys:
                    self._remote.delete(entry.key)
            self._sent[SHARES] = sent

    def _model_out(self) -> None:
        version = read_version(self._main)
        if version == 0 or self._sent.get(MODEL_VERSION) == str(version):
            return
        try:
            if read_version(self._remote) == version:
                self._sent[MODEL_VERSION] = str(version)
                self.counts.model_version = version
                return
        except DamagedError:
            pass  # The remote's version.txt is spoilt; it is replaced below.
        began = self._clock()
        self._on_syncing(True)
        manifest = read_manifest(self._main)
        for kind, described in manifest["versions"][str(version)]["files"].items():
            if kind in WORKER_KINDS:
                self._file_out(MODEL + described["file"])
        self._remote.put(MODEL_MANIFEST, encode(manifest))
        fault_point("mirror.before_version")
        self._remote.put(MODEL_VERSION, f"{version}\n".encode())
        fault_point("mirror.after_version")
        self._sent[MODEL_VERSION] = str(version)
        self.counts.num_models_out += 1
        self.counts.model_version = version
        self.counts.model_seconds = self._clock() - began
        self._on_syncing(False)
        if self._keep_versions is not None:
            self._prune_versions(version - self._keep_versions)

    def _file_out(self, key: str) -> None:
        if not isinstance(self._remote, DistantStore):
            self._same(key)
            return
        data = self._main.read(key)
        # What is there was checked when it arrived, and never changes.
        there = {entry.key: entry.size_bytes for entry in self._remote.list(key, limit=1).entries}
        if there.get(key) != len(data):
            self._remote.send(key, data)

    def _prune_versions(self, newest: int) -> None:
        for entry in list(iterate(self._remote, MODEL_VERSIONS)):
            number = base_name(entry.key).partition(".")[0]
            if number.isdigit() and int(number) <= newest:
                self._remote.delete(entry.key)

    # In.

    def _shards_in(self) -> bool:
        """False if there are more than fit into a round: what goes out does not wait for ever."""
        end = self._clock() + LONGEST_INTAKE_SECONDS
        for entry in list(iterate(self._remote, DATA)):
            if self._clock() > end:
                return False
            name = base_name(entry.key)
            try:
                is_welcome = self._is_welcome(parse_shard_name(name).worker)
                if not is_welcome or entry.key != DATA + name:
                    continue
                data = self._remote.read(entry.key)
            except (ValueError, KeyMissingError):
                continue  # No shard, or gone since the listing.
            if not self._main.put_if_absent(DATA + name, data):
                self._clash(name, data)
            fault_point("mirror.after_copy_in")
            self._remote.delete(entry.key)
            fault_point("mirror.after_delete")
            self.counts.num_shards_in += 1
            self.counts.num_bytes_in += len(data)
        return True

    def _clash(self, name: str, data: bytes) -> None:
        """A shard of this name is pending here: the same one again, or that of a doubled id."""
        with contextlib.suppress(KeyMissingError):
            if self._main.read(DATA + name) == data:
                return
            quarantine(
                self._main,
                name,
                f"{name}: came through mirror {self._name} with other bytes than the pending shard "
                "of that name: two workers use one id",
                data=data,
            )
            return
        # The trainer took the pending one meanwhile; its ledger judges ours.
        self._main.put_if_absent(DATA + name, data)

    def _read_leases(self) -> dict[str, dict[str, Any]]:
        leases = {}
        for entry in list(iterate(self._remote, WORKERS)):
            if not self._is_welcome(worker_of_lease_key(entry.key) or ""):
                continue
            try:
                theirs = read_lease(self._remote, entry.key)
            except DamagedError as error:
                self._on_event(f"mirror {self._name}: {error}")
                continue
            if theirs is not None:
                leases[entry.key] = theirs
        return leases

    def _lease_in(self, key: str, theirs: dict[str, Any]) -> None:
        worker = worker_of_lease_key(key)
        if worker is None:
            return
        try:
            ours = read_lease(self._main, key)
        except DamagedError as error:
            self._on_event(f"mirror {self._name}: {error}")
            return
        if ours is None:
            if not theirs.get("notice"):
                self._main.put_if_absent(key, encode({**theirs, "via": self._name}))
            return
        alive = self._watch.observe(key, ours)
        is_from_here = ours.get("via") == self._name
        if theirs.get("notice"):
            # Ours still beats: pass that on, so that a restarted double sees a live holder.
            if alive and theirs.get("counter") != ours["counter"]:
                self._notify(key, theirs, ours)
        elif theirs["session"] == ours["session"]:
            if theirs["counter"] > ours["counter"]:
                self._main.put(key, encode({**theirs, "via": self._name}))
        elif alive and not is_from_here:
            self.counts.num_doubled_ids += 1
            self._on_event(
                f"worker id {worker} is used twice: on host {ours.get('host')} and, behind mirror "
                f"{self._name}, on host {theirs.get('host')}; the latter is told to stop"
            )
            self._notify(key, theirs, ours)
        elif theirs["next_batch"] < ours["next_batch"] or theirs["next_game"] < ours["next_game"]:
            # A dead worker's id came up on a host that does not know which numbers it used: that
            # session ends too, and the next one there goes on from the right numbers.
            self._on_event(
                f"worker {worker} behind mirror {self._name} began at batch "
                f"{theirs['next_batch']} though {ours['next_batch']} is next; it starts again"
            )
            self._notify(key, theirs, {**ours, "state": "stopped"})
        else:
            self._main.put(key, encode({**theirs, "via": self._name}))

    def _notify(self, key: str, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
        """Puts our lease over theirs, with a generation that outranks both."""
        generation = theirs["generation"]
        if not theirs.get("notice"):
            generation = max(generation, ours["generation"]) + 1
        notice = {
            **ours,
            "generation": generation,
            "next_batch": max(ours["next_batch"], theirs["next_batch"]),
            "next_game": max(ours["next_game"], theirs["next_game"]),
            "notice": True,
        }
        self._remote.put(key, encode(notice))

    def _is_welcome(self, worker: str) -> bool:
        return self._only_worker in (None, worker)

    def _is_welcome_log(self, key: str) -> bool:
        name, worker = key.removeprefix(LOGS), self._only_worker
        if worker is None:
            return True
        return name in (f"worker_{worker}.log", f"worker_{worker}.log.1") or bool(
            re.fullmatch(rf"series-worker_{re.escape(worker)}-\d{{6}}\.jsonl", name)
        )

    def _logs_in(self) -> None:
        """Copies logs that grew. They are append-only, so the size says whether one did."""
        known = {entry.key: entry.size_bytes for entry in iterate(self._main, LOGS)}
        for entry in list(iterate(self._remote, LOGS)):
            if not self._is_welcome_log(entry.key):
                continue
            size = known.get(entry.key, 0)
            if entry.key in known and size == entry.size_bytes:
                continue
            with contextlib.suppress(KeyMissingError, OSError):  # a log is no reason to stop
                if (
                    isinstance(self._remote, DistantStore)
                    and isinstance(self._main, DirectoryStore)
                    and 0 < size < entry.size_bytes
                ):
                    more = self._remote.read_from(entry.key, size)
                    with self._main.path(entry.key).open("ab") as file:
                        file.write(more)
                else:
                    self._main.put(entry.key, self._remote.read(entry.key))
