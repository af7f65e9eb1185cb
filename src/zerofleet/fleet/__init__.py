"""Starts processes and moves files: on this host, over SSH, on a cluster."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zerofleet.fleet.control import Fleet

__all__ = ["Fleet"]


def __getattr__(name: str) -> Any:
    # Lazy: what runs on the hosts of a fleet starts quickly.
    if name == "Fleet":
        return importlib.import_module("zerofleet.fleet.control").Fleet
    raise AttributeError(f"module 'zerofleet.fleet' has no attribute {name!r}")
