"""SIGTERM and Ctrl-C as a wish to stop, noticed between the steps of a role."""

import signal
import threading
from types import FrameType


class StopSignals:
    """A context in which SIGTERM and SIGINT set `stopped`; a second Ctrl-C interrupts at once."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._old: dict[int, object] = {}
        self.reason = ""

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._old[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    @property
    def stopped(self) -> bool:
        """True once a signal came or `stop` was called."""
        return self._event.is_set()

    def stop(self) -> None:
        """Asks to stop from within the process."""
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Sleeps for `seconds` or until asked to stop; True if asked."""
        return self._event.wait(seconds)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._event.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.reason = signal.Signals(number).name
        self._event.set()
