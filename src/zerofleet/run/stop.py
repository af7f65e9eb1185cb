"""STOP: the file that ends a run. The trainer creates it; so may a person (`touch STOP`)."""

from zerofleet.run.layout import STOP
from zerofleet.run.store import Store, read_or_none

TIME_IS_OVER = "the time given with --minutes is over"
"""What STOP says after a run that was given so long, and no longer."""


def request_stop(store: Store, reason: str = "stop requested") -> None:
    """Asks every role of the run to stop; the first reason stays."""
    store.put_if_absent(STOP, f"{reason}\n".encode())


def clear_stop(store: Store) -> None:
    """Removes the STOP of an earlier run; only the trainer does, at start, holding its lease."""
    store.delete(STOP)


def stop_requested(store: Store) -> bool:
    """True if STOP is there, even empty."""
    return read_or_none(store, STOP) is not None
