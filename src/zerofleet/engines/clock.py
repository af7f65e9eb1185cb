"""The clock of a game as a player sees it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """The time that both sides of a game have left, in seconds."""

    left: tuple[float, float]
    """By player: that of the side that moves first, then that of the other one."""
    increment: float
    """Added after each move."""
