"""What ends a game of a match besides its rules: length, clocks, and agreement of the players."""

import re
from dataclasses import dataclass, field

from zerofleet.engines.clock import Clock

PLAYED = "played"
LENGTH_BOUND = "length bound"
ILLEGAL_ACTION = "illegal action"
ERROR = "error"
TIMEOUT = "timeout"
ADJUDICATED = "adjudicated"


class RuleError(ValueError):
    """A text that names no clock and no adjudication; says what was expected."""


@dataclass(frozen=True)
class TimeControl:
    """Time for the whole game and an increment after each move, in seconds."""

    seconds: float
    increment: float = 0.0

    def __str__(self) -> str:
        return f"{self.seconds:g}+{self.increment:g}"


@dataclass(frozen=True)
class Adjudication:
    """A game ends when both players have said the same for so many moves each.

    Moves of players that do not say what they think never end a game.
    """

    win_value: float | None = None
    """The side with at least this value, [0, 1], wins; None: never."""
    win_moves: int = 4
    draw_value: float | None = None
    """Values within this of 0 make a draw; None: never."""
    draw_moves: int = 8
    draw_after_plies: int = 0
    """No draws before."""


@dataclass(frozen=True)
class MatchRules:
    """Of all games of a match."""

    max_plies: int | None = None
    """Games of this length are drawn; None: the game's own bound."""
    time_control: TimeControl | None = None
    adjudication: Adjudication = Adjudication()


@dataclass
class Referee:
    """Keeps time and score of one game in progress."""

    rules: MatchRules
    left: list[float] = field(default_factory=lambda: [0.0, 0.0])
    _wins: list[int] = field(default_factory=lambda: [0, 0])
    _draws: int = 0

    def __post_init__(self) -> None:
        if self.rules.time_control is not None:
            self.left = [self.rules.time_control.seconds] * 2

    @property
    def clock(self) -> Clock | None:
        """What the side to move sees."""
        control = self.rules.time_control
        if control is None:
            return None
        return Clock((self.left[0], self.left[1]), control.increment)

    def press(self, side: int, seconds: float) -> bool:
        """Takes the time of a move off the clock. False: the side has lost on time."""
        control = self.rules.time_control
        if control is None:
            return True
        self.left[side] -= seconds
        if self.left[side] < 0:
            return False
        self.left[side] += control.increment
        return True

    def hear(self, side: int, value: float | None, num_plies: int) -> float | None:
        """Hears what a side thinks (mover's view) after its move, the `num_plies`-th of the game.

        Returns: the points of player 0 if the game ends by it.
        """
        a = self.rules.adjudication
        if value is None:
            self._wins, self._draws = [0, 0], 0
            return None
        value_p0 = value if side == 0 else -value
        for winner, seen in enumerate((value_p0, -value_p0)):
            is_won = a.win_value is not None and seen >= a.win_value
            self._wins[winner] = self._wins[winner] + 1 if is_won else 0
            if is_won and self._wins[winner] >= 2 * a.win_moves:
                return 1.0 - winner
        is_even = a.draw_value is not None and abs(value) <= a.draw_value
        self._draws = self._draws + 1 if is_even and num_plies > a.draw_after_plies else 0
        return 0.5 if is_even and self._draws >= 2 * a.draw_moves else None


_NUMBER = r"(\d+(?:\.\d+)?)"
_TIME = re.compile(rf"{_NUMBER}(?:\+{_NUMBER})?")
_WIN = re.compile(rf"{_NUMBER}(?:,(\d+))?")
_DRAW = re.compile(rf"{_NUMBER}(?:,(\d+))?(?:,(\d+))?")


def parse_time_control(text: str) -> TimeControl:
    """Reads `10+0.1`, seconds. Raises RuleError."""
    match = _TIME.fullmatch(text)
    if match is None or float(match[1]) <= 0:
        raise RuleError(f"expected seconds for a game and for each move, 10+0.1; came {text!r}")
    return TimeControl(float(match[1]), float(match[2] or 0))


def parse_adjudication(win: str | None, draw: str | None) -> Adjudication:
    """Reads `0.95,4` (value, moves) and `0.05,8,40` (value, moves, after plies). RuleError."""
    found = Adjudication()
    values: dict[str, float | int] = {}
    if win is not None:
        match = _WIN.fullmatch(win)
        if match is None or not 0 < float(match[1]) <= 1 or match[2] == "0":
            raise RuleError(f"expected a value in 0..1 and a number of moves, 0.95,4; came {win!r}")
        values |= {"win_value": float(match[1]), "win_moves": int(match[2] or found.win_moves)}
    if draw is not None:
        match = _DRAW.fullmatch(draw)
        if match is None or not 0 <= float(match[1]) < 1 or match[2] == "0":
            raise RuleError(
                f"expected a value in 0..1, a number of moves and plies, 0.05,8,40; came {draw!r}"
            )
        values |= {
            "draw_value": float(match[1]),
            "draw_moves": int(match[2] or found.draw_moves),
            "draw_after_plies": int(match[3] or 0),
        }
    return Adjudication(**values)  # type: ignore[arg-type]
