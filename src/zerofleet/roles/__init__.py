"""What each process of a run does from start to stop: worker and trainer."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zerofleet.roles.worker import Worker

__all__ = ["Worker"]


def __getattr__(name: str) -> Any:
    # Lazy: whoever reads a configuration does not load the core.
    if name == "Worker":
        return importlib.import_module("zerofleet.roles.worker").Worker
    raise AttributeError(f"module 'zerofleet.roles' has no attribute {name!r}")
