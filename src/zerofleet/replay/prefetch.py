"""Prepares items ahead in a thread of its own."""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def prefetched(items: Iterable[T], num_ahead: int) -> Iterator[T]:
    """Yields the items in order while a thread makes up to `num_ahead` of them ahead.

    What making them raises is raised here; the thread ends when the iterator is closed.
    """
    ready: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(num_ahead)
    stop = threading.Event()

    def put(item: tuple[T] | BaseException | None) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def prepare() -> None:
        try:
            for item in items:
                if not put((item,)):
                    return
            put(None)
        except BaseException as error:  # handed to the thread that asked
            put(error)

    thread = threading.Thread(target=prepare, name="sampler", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item[0]
    finally:
        stop.set()
        thread.join()
