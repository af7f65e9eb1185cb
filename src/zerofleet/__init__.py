"""Zerofleet trains game-playing networks from self-play, on one laptop or on a fleet."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zerofleet.fleet.devices import DeviceManager
    from zerofleet.games import load_game
    from zerofleet.parallel import ParallelTrainer

__all__ = ["DeviceManager", "ParallelTrainer", "load_game"]

_ROOMS = {
    "DeviceManager": "zerofleet.fleet.devices",
    "ParallelTrainer": "zerofleet.parallel",
    "load_game": "zerofleet.games",
}


def __getattr__(name: str) -> Any:
    # Lazy, so that command lines that only move files do not load the core.
    if name in _ROOMS:
        return getattr(importlib.import_module(_ROOMS[name]), name)
    raise AttributeError(f"module 'zerofleet' has no attribute {name!r}")
