"""Leases: one live holder per worker id, one live trainer, numbers that are never used twice.

A lease is a JSON file with a session, a counter that rises every few seconds, and the next batch
and game number. Who may take it over: anyone, if its holder stopped or its process is gone on this
host; otherwise whoever has seen no change for a minute *on the own monotonic clock*. Times in files
and clocks of other hosts are never compared.

A holder that was taken for dead (frozen, cut off) finds another session at its next beat and stops
with LeaseLostError. One that was suspended between its read and its write notices afterwards and
stops too; the successor, whose lease that late write hid, knows it by its lower generation (each
takeover adds one) and writes its own again, numbers and all.
"""

import contextlib
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zerofleet.run.documents import check_format, decode_object, encode
from zerofleet.run.errors import DamagedError, RunError, StoreError
from zerofleet.run.faults import fault_point
from zerofleet.run.layout import CONFIG, WORKERS, worker_of_lease_key
from zerofleet.run.many import read_many
from zerofleet.run.process import ProcessIdentity
from zerofleet.run.store import Store, iterate, patiently, read_or_none

FORMAT = 1
BEAT_SECONDS = 2.0
"""How often a holder writes its lease, unless the run's configuration says otherwise."""
DEAD_AFTER_SECONDS = 60.0
"""Without a change for this long, on the observer's clock, the holder counts as dead; again unless
the run's configuration says otherwise."""
STATES = ("active", "syncing", "waiting", "error", "stopped")
"""What a holder may say about itself; offline is what a reader concludes."""


_NOTHING: tuple[str, dict[str, Any]] = ("", {})


class LeaseHeldError(RunError):
    """Another live process holds the lease."""


class LeaseStoppedError(RunError):
    """Told to stop while the holder of a lease was watched."""


class LeaseLostError(RunError):
    """Another session took the lease over; the holder must stop without writing more."""


def boot_clock() -> float:
    """Seconds on a clock that goes on while the machine sleeps, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True)
class Reservation:
    """Numbers that belong to the caller for ever, used or not."""

    batch: int
    """The batch number."""
    first_game: int
    """The first game number; the following ones of the reservation come after it."""


class LeaseWatch:
    """Says of leases whether their holders live, from changes seen on its own clock."""

    def __init__(
        self,
        dead_after_seconds: float = DEAD_AFTER_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.dead_after_seconds = dead_after_seconds
        self._clock = clock
        self._seen: dict[str, tuple[tuple[Any, Any], float, bool]] = {}
        self._documents: dict[str, tuple[str, dict[str, Any] | DamagedError]] = {}

    def read(self, store: Store) -> list[tuple[str, dict[str, Any] | DamagedError]]:
        """(key, document) of all workers' leases, in order; the error in place of one that is none.

        Only those that have changed since the last call are read: one listing says which.
        Raises: StoreError if the store is away.
        """
        listed = [entry for entry in iterate(store, WORKERS) if worker_of_lease_key(entry.key)]
        old, now = self._documents, {}
        changed = [e.key for e in listed if not e.mark or old.get(e.key, _NOTHING)[0] != e.mark]
        fresh = dict(read_many(store, changed))
        for entry in listed:
            document = old.get(entry.key, _NOTHING)[1]
            if entry.key in fresh:
                data = fresh[entry.key]
                if data is None:
                    continue
                try:
                    document = _parse(data, entry.key)
                except DamagedError as error:
                    document = error
            # What was read may be newer than the mark; then it is read once more.
            now[entry.key] = (entry.mark, document)
        self._documents = now
        return [(key, document) for key, (_, document) in now.items()]

    def observe(self, key: str, document: dict[str, Any]) -> bool:
        """True if the holder counts as alive; call it at each poll with what the lease says."""
        mark = (document.get("session"), document.get("counter"))
        now = self._clock()
        seen = self._seen.get(key)
        if seen is None:
            self._seen[key] = (mark, now, False)
        elif seen[0] != mark:
            self._seen[key] = (mark, now, True)
        if document.get("state") == "stopped" or ProcessIdentity.from_json(document).is_gone():
            return False
        return now - self._seen[key][1] < self.dead_after_seconds

    def silent_seconds(self, key: str) -> float:
        """How long the lease has not changed under our eyes; 0 if it was never observed."""
        seen = self._seen.get(key)
        return 0.0 if seen is None else self._clock() - seen[1]

    def has_changed(self, key: str) -> bool:
        """True once the lease changed while it was watched, which proves that its holder lives."""
        seen = self._seen.get(key)
        return seen is not None and seen[2]

    def is_proven(self, key: str, document: dict[str, Any]) -> bool:
        """True if it is certain that the holder lives (or did a moment ago), not only likely."""
        holder = ProcessIdentity.from_json(document)
        return self.has_changed(key) or (holder.is_comparable() and not holder.is_gone())


class Lease:
    """A lease that this process holds; safe to use from several threads."""

    def __init__(self, store: Store, key: str, document: dict[str, Any], fence_seconds: float):
        self._store = store
        self._document = document
        self._fence_seconds = fence_seconds
        self._lock = threading.RLock()
        self._lost = ""
        self.key = key
        self.session: str = document["session"]

    @classmethod
    def acquire(
        cls,
        store: Store,
        key: str,
        *,
        info: dict[str, Any] | None = None,
        dead_after_seconds: float = DEAD_AFTER_SECONDS,
        settle_seconds: float = 0.5,
        minimum_batch: int = 1,
        minimum_game: int = 0,
        on_wait: Callable[[str], None] | None = None,
        pause: Callable[[float], object] = time.sleep,
    ) -> "Lease":
        """Takes the lease, watching a holder that may be dead for up to `dead_after_seconds`.

        Args:
          info: what else the lease shows: threads, depth, device.
          settle_seconds: how long a taker waits before it looks whether another one came after it.
          minimum_batch, minimum_game: lower bounds of the first numbers, for a lease that was
            deleted by hand while the run still holds shards of this id (`numbers.py`).
          on_wait: told once, in words, if the holder has to be watched.
          pause: waits so many seconds; true if told to stop meanwhile.
        Raises: LeaseHeldError as soon as the holder shows that it is alive; LeaseStoppedError.
        """
        watch = LeaseWatch(dead_after_seconds)
        first = True
        while True:
            data = read_or_none(store, key)
            if data is None:
                document = _new_document(None, info, minimum_batch, minimum_game)
                if store.put_if_absent(key, encode(document)):
                    return cls(store, key, document, dead_after_seconds / 2)
                continue
            old = _parse(data, key)
            alive = watch.observe(key, old)
            if alive and (watch.has_changed(key) or _is_this_process(old)):
                raise LeaseHeldError(_held_message(key, old))
            if not alive:
                break
            if first and on_wait is not None:
                on_wait(
                    f"{key}: held by {_holder(old)}; watching it for up to "
                    f"{dead_after_seconds:.0f} s for a sign of life"
                )
            first = False
            if pause(min(1.0, dead_after_seconds / 10)):
                raise LeaseStoppedError(f"{key}: told to stop while its holder was watched")
        document = _new_document(old, info, minimum_batch, minimum_game)
        store.put(key, encode(document))
        # Two takers of one dead lease both get here; the later write stays and the other one,
        # which has used no number yet, gives up.
        time.sleep(settle_seconds)
        now = _parse(store.read(key), key)
        if now["session"] != document["session"]:
            raise LeaseHeldError(_held_message(key, now))
        return cls(store, key, document, dead_after_seconds / 2)

    @property
    def next_batch(self) -> int:
        """The batch number the next reservation gets."""
        return int(self._document["next_batch"])

    @property
    def next_game(self) -> int:
        """The first game number of the next reservation."""
        return int(self._document["next_game"])

    @property
    def lost(self) -> str:
        """Why the lease is lost; empty while it is held."""
        return self._lost

    def set_dead_after(self, seconds: float) -> None:
        """Tells the holder after which silence others take it for dead, once the run says so."""
        self._fence_seconds = seconds / 2

    def beat(self, **changes: Any) -> None:
        """Raises the counter and writes `changes`: state, error, rates, info, model_version...

        Raises: LeaseLostError if another session holds the lease; StoreError if the store cannot be
        reached, in which case the next beat tries again.
        """
        state = changes.get("state")
        if state is not None and state not in STATES:
            raise ValueError(f"state {state!r} is not one of {', '.join(STATES)}")
        with self._lock:
            self._write(changes)

    def confirm(self) -> None:
        """Raises LeaseLostError unless this session holds the lease at this moment.

        A commit hangs on it: a service that does not answer is asked for a minute.
        """
        patiently(self._confirm)

    def _confirm(self) -> None:
        with self._lock:  # between two tries a heartbeat may have it
            self._check_held()

    def reserve(self, num_games: int) -> Reservation:
        """Reserves one batch number and `num_games` game numbers, durable when it returns."""
        if num_games < 0:
            raise ValueError(f"num_games has to be >= 0, got {num_games}")
        fault_point("lease.before_reserve")
        with self._lock:
            reserved = Reservation(self.next_batch, self.next_game)
            self._write(
                {
                    "next_batch": reserved.batch + 1,
                    "next_game": reserved.first_game + num_games,
                }
            )
        fault_point("lease.after_reserve")
        return reserved

    def release(self, error: str = "") -> None:
        """Says that the holder stopped; its id is free at once. Does nothing if it is lost.

        Never fails: a lease that cannot be written now ends by itself, a little later.
        """
        with self._lock, contextlib.suppress(LeaseLostError, StoreError):
            self._write({"state": "stopped", "error": error})

    def _check_held(self) -> None:
        if self._lost:
            raise LeaseLostError(self._lost)
        data = read_or_none(self._store, self.key)
        if data is None:
            return  # Deleted by hand: the next write puts it back, numbers and all.
        with contextlib.suppress(DamagedError):
            found = _parse(data, self.key)
            mine = self._document["generation"]
            if found["session"] != self.session and found["generation"] >= mine:
                self._lost = (
                    f"{self.key}: taken over by {_holder(found)}, session {found['session'][:8]}; "
                    f"this session {self.session[:8]} stops"
                )
                raise LeaseLostError(self._lost)

    def _write(self, changes: dict[str, Any]) -> None:
        # Step 1. Is it still ours?
        before = boot_clock()
        self._check_held()
        # Step 2. Write; the document changes only if that succeeds.
        document = {**self._document, **changes, "counter": self._document["counter"] + 1}
        self._refuse_stale(before)
        self._store.put(self.key, encode(document))
        # Step 3. If we slept between 1 and 2, our write may have hidden a successor.
        self._refuse_stale(before)
        self._document = document

    def _refuse_stale(self, before: float) -> None:
        elapsed = boot_clock() - before
        if elapsed > self._fence_seconds:
            self._lost = (
                f"{self.key}: this process was suspended, or its store silent, for {elapsed:.0f} s "
                "while it wrote its lease; another one may hold it, so it stops"
            )
            raise LeaseLostError(self._lost)


class Heartbeat:
    """Beats a lease from a thread of its own until it is closed or the lease is lost."""

    def __init__(
        self,
        lease: Lease,
        *,
        interval_seconds: float = BEAT_SECONDS,
        on_lost: Callable[[], None] | None = None,
        measure: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        """Begins with the context.

        Args:
          on_lost: called once from the thread, for instance to set the core's stop flag.
          measure: called from the thread before each beat: what else that beat writes.
        """
        self._lease = lease
        self._interval_seconds = interval_seconds
        self._on_lost = on_lost
        self._measure = measure
        self._changes: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._store_error = ""
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def update(self, **changes: Any) -> None:
        """Sets what the next beat writes: state, error, rates, ..."""
        with self._lock:
            self._changes.update(changes)
        if "state" in changes:
            self._wake.set()

    def set_pace(self, *, interval_seconds: float, dead_after_seconds: float) -> None:
        """Beats at the pace of the run's configuration, from now on.

        A worker takes its lease before it can read that configuration.
        """
        self._interval_seconds = interval_seconds
        self._lease.set_dead_after(dead_after_seconds)
        self._wake.set()

    def check(self) -> None:
        """Raises LeaseLostError if the lease is lost; roles call it between their steps."""
        if self._lease.lost:
            raise LeaseLostError(self._lease.lost)

    @property
    def store_error(self) -> str:
        """Why the last beat could not be written; empty if it was."""
        return self._store_error

    def close(self) -> None:
        """Ends the thread; the lease itself is left as it is (see `Lease.release`)."""
        self._closed = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=self._interval_seconds + 5)

    def _run(self) -> None:
        while not self._closed:
            with self._lock:
                changes, self._changes = self._changes, {}
            try:
                measured = self._measure() if self._measure is not None else {}
                self._lease.beat(**{**measured, **changes})
                self._store_error = ""
            except LeaseLostError:
                if self._on_lost is not None:
                    self._on_lost()
                return
            except StoreError as error:
                self._store_error = str(error)
                with self._lock:
                    self._changes = {**changes, **self._changes}
            self._wake.wait(self._interval_seconds)
            self._wake.clear()


def _new_document(
    old: dict[str, Any] | None, info: dict[str, Any] | None, batch: int, game: int
) -> dict[str, Any]:
    """A new session's lease; numbers go on from the old one's."""
    return {
        "format": FORMAT,
        "session": uuid.uuid4().hex,
        "generation": old["generation"] + 1 if old else 0,
        "counter": 0,
        "next_batch": max(batch, old["next_batch"] if old else batch),
        "next_game": max(game, old["next_game"] if old else game),
        "state": "syncing",
        "error": "",
        "rates": {},
        "info": info or {},
        **ProcessIdentity.current().to_json(),
    }


def _parse(data: bytes, key: str) -> dict[str, Any]:
    document = decode_object(data, key)
    check_format(document, key, FORMAT)
    if not isinstance(document.get("session"), str):
        raise DamagedError(f"{key}: not a lease: it has no session")
    for field in ("generation", "counter", "next_batch", "next_game"):
        if not isinstance(document.get(field), int):
            raise DamagedError(f"{key}: not a lease: expected a number as {field}")
    return document


def read_lease(store: Store, key: str) -> dict[str, Any] | None:
    """The lease's document, or None if there is none; DamagedError if it is not one."""
    data = read_or_none(store, key)
    return None if data is None else _parse(data, key)


def configured_dead_after(store: Store) -> float:
    """Seconds after which the roles of a run count as dead, as its config.json says.

    The default if there is none yet, or none that can be read: the trainer says what is wrong.
    """
    with contextlib.suppress(RunError, AttributeError, TypeError, ValueError):
        data = read_or_none(store, CONFIG)
        if data is not None:
            fleet = decode_object(data, CONFIG).get("fleet", {})
            return float(fleet.get("dead_after_seconds", DEAD_AFTER_SECONDS))
    return DEAD_AFTER_SECONDS


def _is_this_process(document: dict[str, Any]) -> bool:
    return ProcessIdentity.from_json(document) == ProcessIdentity.current()


def _holder(document: dict[str, Any]) -> str:
    return f"process {document.get('pid')} on host {document.get('host')}"


def _held_message(key: str, document: dict[str, Any]) -> str:
    what = "another --worker-id" if key.startswith("workers/") else "another --shared-dir"
    return (
        f"{key}: held by {_holder(document)} (session {document['session'][:8]}), which is alive; "
        f"stop that process or use {what}"
    )
