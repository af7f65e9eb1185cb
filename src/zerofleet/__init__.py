"""Zerofleet trains game-playing networks from self-play, on one laptop or on a fleet."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zerofleet.games import load_game

__all__ = ["load_game"]


def __getattr__(name: str) -> Any:
    # Lazy, so that command lines that only move files do not load the core.
    if name == "load_game":
        from zerofleet.games import load_game

        return load_game
    raise AttributeError(f"module 'zerofleet' has no attribute {name!r}")
