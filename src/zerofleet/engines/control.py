"""When a search ends: so many simulations, a depth, a time, a word from another thread."""

import threading
import time


class Control:
    """The limits of one search. All of its methods may be called from any thread."""

    def __init__(
        self,
        *,
        simulations: int | None = None,
        depth: int | None = None,
        seconds: float | None = None,
        may_be_shorter: bool = False,
        hold: bool = False,
    ) -> None:
        """Without any limit the search goes on until it is stopped or its tree is full.

        Args:
          simulations: descents of this search; those kept from earlier moves do not count.
          depth: plies of the mean descent.
          seconds: from now or, if it is held, from `release`.
          may_be_shorter: the search may end before `seconds` are over if more would not change the
            move.
          hold: whatever the limits, the search does not end before `stop` or `release`.
        """
        self.simulations = simulations
        self.depth = depth
        self.seconds = seconds
        self.may_be_shorter = may_be_shorter
        self._changed = threading.Condition()
        self._held = hold
        self._stopped = False
        self._begun = time.monotonic()

    @property
    def held(self) -> bool:
        """No limit counts yet."""
        return self._held

    @property
    def stopped(self) -> bool:
        """`stop` was called."""
        return self._stopped

    @property
    def seconds_left(self) -> float | None:
        """Until the time is over; None if it is not limited, or not yet."""
        if self.seconds is None or self._held:
            return None
        return self._begun + self.seconds - time.monotonic()

    def stop(self) -> None:
        """Ends the search after the batch that is being evaluated."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def release(self) -> None:
        """From now on the limits count, and the time runs."""
        with self._changed:
            self._held = False
            self._begun = time.monotonic()
            self._changed.notify_all()

    def wait_while_held(self) -> None:
        """Returns after `stop` or `release`; at once if it is not held."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or not self._held)
