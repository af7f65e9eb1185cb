"""What a role tells people and machines: one event, printed by the caller and kept as a series."""

from collections.abc import Callable
from typing import Any

Event = dict[str, Any]
"""JSON-able; `kind` names it: started, batch, waiting, collected, loop, rated, rejected, ..."""

Report = Callable[[Event], None]
"""Receives the events of a role; `monitor/` has one that prints lines."""


def silent(event: Event) -> None:
    """A report for callers that only want the files."""
