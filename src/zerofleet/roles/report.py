"""What a role tells people and machines: one event, printed by the caller and kept as a series."""

from collections.abc import Callable
from typing import Any

from zerofleet.games.user_class import explain

Event = dict[str, Any]
"""JSON-able; `kind` names it: started, batch, waiting, collected, loop, rated, rejected, ..."""

Report = Callable[[Event], None]
"""Receives the events of a role; `monitor/` has one that prints lines."""


def silent(event: Event) -> None:
    """A report for callers that only want the files."""


def told(error: BaseException) -> str | None:
    """What people are told of an error of ours, of a user's game, or of a file that cannot be used;
    None: any other is a bug."""
    if type(error).__module__.startswith("zerofleet."):
        return str(error)
    text = explain(error)
    if text is None and isinstance(error, OSError) and error.filename is not None:
        why = "expected a directory" if isinstance(error, FileExistsError) else error.strerror
        text = f"{error.filename}: {why}"
    return text


def error_text(error: BaseException) -> str:
    """The error in words, for a lease: where it is none of ours, with its type and notes."""
    notes = getattr(error, "__notes__", ())
    return told(error) or "\n".join([f"{type(error).__name__}: {error}", *notes])
