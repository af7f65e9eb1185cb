"""Ends a process whose work stands still: what hangs is not mended by waiting.

The heartbeat of a worker is a thread of its own and goes on while the games hang: in a driver, in
a library, in a loop without an end in somebody's game. Then nobody but the worker itself knows.
"""

import faulthandler
import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import NoReturn, Self

from zerofleet.games.user_class import relative

_BACKUP_SECONDS = 5.0
"""Where not even this thread runs, because a library holds the interpreter's lock for ever, a timer
of Python itself writes where it hangs and ends the process: so much later, or half as late."""
_LONGEST_TICK_SECONDS = 1.0
_LAST_WORDS_SECONDS = 10.0


class Watchdog:
    """A thread that ends the process, with exit status 1, after work has stood still for a time.

        with Watchdog(on_hung=tell) as watchdog:
            watchdog.limit(300)
            while ...:
                watchdog.alive()   # each round of work
                ...
                watchdog.rest()    # before waiting for others

    What hangs is written to standard error: all stacks, and at last one line for people.
    """

    def __init__(self, *, on_hung: Callable[[str], None] = lambda text: None) -> None:
        """`on_hung` is told that line before the process ends; where it hangs too, no matter."""
        self._limit_seconds = float("inf")
        self._on_hung = on_hung
        self._rounds = 0
        self._seen_rounds = 0
        self._still_seconds = 0.0
        self._at_work = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def limit(self, seconds: float) -> None:
        """Sets how long work may stand still; at first for ever."""
        self._limit_seconds = seconds
        self._set_backup()

    def alive(self) -> None:
        """Work goes on; from now on it may stand still for so long."""
        self._rounds += 1
        if not self._at_work:
            self._at_work = True
            self._set_backup()

    def rest(self) -> None:
        """No work is under way, until `alive` is called again."""
        self._at_work = False

    def __enter__(self) -> Self:
        self._thread.start()
        self._set_backup()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()
        faulthandler.cancel_dump_traceback_later()

    def is_hung(self, since: float) -> bool:
        """Looks at the work, `since` seconds after the last look; the thread does, all the time."""
        if self._at_work and self._seen_rounds == self._rounds:
            self._still_seconds += since
        else:
            self._seen_rounds, self._still_seconds = self._rounds, 0.0
        return self._still_seconds >= self._limit_seconds

    def _run(self) -> None:
        last, tick = time.monotonic(), _LONGEST_TICK_SECONDS
        while not self._closed.wait(tick):
            tick = min(_LONGEST_TICK_SECONDS, self._limit_seconds / 10)
            now = time.monotonic()
            # A process that was suspended did not stand still meanwhile.
            since, last = min(now - last, 5 * tick), now
            if self.is_hung(since):
                self._end()
            self._set_backup()

    def _set_backup(self) -> None:
        seconds = self._limit_seconds
        if not self._thread.is_alive():
            return
        if math.isfinite(seconds) and self._at_work:
            later = seconds + max(_BACKUP_SECONDS, seconds / 2)
            faulthandler.dump_traceback_later(later, exit=True)
        else:  # it would end one that was suspended while it waited
            faulthandler.cancel_dump_traceback_later()

    def _end(self) -> NoReturn:
        faulthandler.dump_traceback_later(_LAST_WORDS_SECONDS, exit=True)
        faulthandler.dump_traceback(all_threads=True)
        text = f"hung: stood still for {self._still_seconds:.0f} s {_place()}"
        print(f"zerofleet: {text}", file=sys.stderr, flush=True)
        self._on_hung(text)
        os._exit(1)


def _place() -> str:
    """Where the main thread is."""
    main = threading.main_thread().ident
    frame = sys._current_frames().get(main) if main is not None else None
    if frame is None:
        return "outside of Python"
    last = traceback.extract_stack(frame)[-1]
    return f"at {relative(last.filename)}:{last.lineno}, in {last.name}: {last.line}"
