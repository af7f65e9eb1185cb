"""What a check finds, and how checks are run.

A check is a function without arguments that yields findings; whatever part of the system wants one
writes it beside the others and hands it to `run_checks`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "failure"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    """What, in a word or two: GPU, port, disk."""
    text: str
    """What was found: numbers, names, addresses."""
    status: Status = "ok"
    """warning: it works, worse than it could. failure: what was asked for will not work."""
    remedy: str = ""
    """Of a warning or failure: what to do, in one sentence."""


Check = Callable[[], Iterable[Finding]]

_MARKS: dict[Status, str] = {"ok": "ok", "warning": "note", "failure": "FAIL"}


def run_checks(checks: Sequence[Check], tell: Callable[[str], None]) -> int:
    """Runs the checks and tells each finding at once; returns the number of failures.

    A check that cannot be done is a failure, and the others are done nevertheless.
    """
    failures = 0
    for check in checks:
        try:
            for finding in check():
                failures += finding.status == "failure"
                _tell(finding, tell)
        except Exception as error:
            failures += 1
            name = re.sub("^check_", "", getattr(check, "__name__", "check")).replace("_", " ")
            text = f"could not be checked: {type(error).__name__}: {error}"
            _tell(Finding(name, text, "failure", "report this as a bug"), tell)
    return failures


def _tell(finding: Finding, tell: Callable[[str], None]) -> None:
    tell(f"{_MARKS[finding.status]:<5} {finding.name:<12} {finding.text}")
    if finding.remedy:
        tell(f"{'':<5} {'':<12} -> {finding.remedy}")
