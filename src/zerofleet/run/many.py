"""The same call for many keys: several at a time where calls mostly wait.

A local disk answers in microseconds, and threads would only be in each other's way. Over NFS, from
object storage or through an actor a call takes a millisecond to a hundred of them, and a thousand
leases read one after the other would take a minute. So the first few calls are timed.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from zerofleet.run.store import Store, read_or_none

_T = TypeVar("_T")
_R = TypeVar("_R")

NUM_TIMED = 4
WORTHWHILE_SECONDS = 0.001
"""Mean of the timed calls from which on they are made side by side."""
NUM_PARALLEL = 48
NUM_AHEAD = 4 * NUM_PARALLEL
"""So many results at most are held before they are taken: shards are large."""


def in_order(call: Callable[[_T], _R], items: Iterable[_T]) -> Generator[_R, None, None]:
    """The results of `call`, in the order of the items; what it raises is raised at its place.

    `call` may run in other threads, also for items whose results are not taken in the end.
    """
    remaining = iter(items)
    seconds = 0.0
    for number, item in enumerate(remaining, start=1):
        began = time.monotonic()
        result = call(item)
        seconds += time.monotonic() - began
        yield result
        if number % NUM_TIMED == 0:
            if seconds / NUM_TIMED >= WORTHWHILE_SECONDS:
                break
            seconds = 0.0
    else:
        return
    yield from _side_by_side(call, remaining)


def _side_by_side(call: Callable[[_T], _R], items: Iterator[_T]) -> Iterator[_R]:
    pool = ThreadPoolExecutor(NUM_PARALLEL, thread_name_prefix="store")
    waiting: deque[Future[_R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(call, item))
            if len(waiting) >= NUM_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def read_many(store: Store, keys: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
    """(key, value) for each key, in order; None where it is gone. Raises: StoreError."""
    return in_order(lambda key: (key, read_or_none(store, key)), keys)


def delete_many(store: Store, keys: Iterable[str]) -> int:
    """Deletes all of them; returns how many."""
    return sum(1 for _ in in_order(store.delete, keys))
