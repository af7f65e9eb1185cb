"""The clocks of a game of Go as GTP sets them: main time, then Canadian byo-yomi.

Source: the specification of GTP, version 2, draft 2, sections 4.2 and 6.3.9.
"""

from dataclasses import dataclass

_LEAST_MOVES_LEFT = 12
_SHARE_OF_BOARD = 0.75
"""Of the points: so many plies a game is taken to last."""
_MOST_SHARE = 0.5
"""Of the time that is left."""


@dataclass
class Clock:
    """What one side has left."""

    seconds: float
    stones: int
    """To be played in this time; 0: it is main time."""


class GtpClock:
    """Both sides' clocks. Without `set` there is no limit."""

    def __init__(self, num_points: int) -> None:
        """`num_points` of the board tell how long a game lasts."""
        self._num_points = num_points
        self._byo_seconds, self._byo_stones = 0, 0
        self._clocks: list[Clock] | None = None

    def set(self, main_seconds: int, byo_seconds: int, byo_stones: int) -> None:
        """Both sides get this time; byo-yomi of some seconds for no stones is no limit at all."""
        self._byo_seconds, self._byo_stones = byo_seconds, byo_stones
        self._clocks = None
        if byo_seconds == 0 or byo_stones > 0:
            self._clocks = [self._fresh(main_seconds) for _ in range(2)]

    def set_left(self, colour: int, seconds: int, stones: int) -> None:
        """What one side has left, as the program says."""
        if self._clocks is None:
            self._clocks = [Clock(seconds, stones), Clock(seconds, stones)]
        self._clocks[colour] = Clock(seconds, stones)

    def spend(self, colour: int, seconds: float) -> None:
        """A move took so long; the program may say how much is left, or never."""
        if self._clocks is None:
            return
        clock = self._clocks[colour]
        clock.seconds -= seconds
        if clock.stones == 0 and clock.seconds <= 0:
            self._clocks[colour] = self._fresh(0)
        elif clock.stones > 0:
            clock.stones -= 1
            if clock.stones == 0:
                self._clocks[colour] = self._fresh(0)

    def move_seconds(self, colour: int, plies: int) -> float | None:
        """For the next move of a side, `plies` moves into the game; None: as long as one likes."""
        if self._clocks is None:
            return None
        clock = self._clocks[colour]
        left = max(0.0, clock.seconds)
        if clock.stones > 0:
            return 0.9 * left / clock.stones
        moves = max(_LEAST_MOVES_LEFT, (_SHARE_OF_BOARD * self._num_points - plies) / 2)
        later = 0.9 * self._byo_seconds / self._byo_stones if self._byo_stones else 0.0
        # With byo-yomi to come, a move may take at least as long as it will then.
        return min(max(left / moves, later), max(_MOST_SHARE * left, min(left, later)))

    def _fresh(self, main_seconds: float) -> Clock:
        if main_seconds > 0:
            return Clock(main_seconds, 0)
        return Clock(self._byo_seconds, self._byo_stones)
