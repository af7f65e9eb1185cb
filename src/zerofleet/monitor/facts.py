"""What a dashboard shows of a run beside its view: files that wait, versions, errors, the log."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zerofleet.monitor.console import event_line
from zerofleet.run.errors import RunError
from zerofleet.run.layout import DATA, LOGS, MODEL_MANIFEST, REJECTED, base_name
from zerofleet.run.series import tail_stored_series
from zerofleet.run.stop import stop_requested
from zerofleet.run.store import Store, iterate, read_or_none

_MAX_REASONS = 20
_MAX_LINES = 200
_REASON = ".reason.txt"


@dataclass(frozen=True)
class LogLine:
    """One event of the trainer in words."""

    time: float
    """Seconds since 1970 by the trainer's clock; 0: it does not say."""
    kind: str
    text: str


@dataclass(frozen=True)
class Version:
    """One published version of the model, as the manifest has it."""

    number: int
    iteration: int | None
    architecture: str
    size_bytes: int
    """Of the file that plays."""


@dataclass(frozen=True)
class RunFacts:
    """A run at one moment, beside its `RunView`."""

    num_pending: int = 0
    """Shards in data/ that the trainer has not taken."""
    pending_bytes: int = 0
    num_rejected: int = 0
    rejected: Sequence[tuple[str, str]] = ()
    """Name and reason of the last refused shards by name."""
    versions: Sequence[Version] = ()
    """Ascending."""
    log: Sequence[LogLine] = ()
    """Oldest first."""
    is_stopping: bool = False
    """STOP is there."""
    problems: Sequence[str] = ()
    """Files that could not be read."""


class FactsReader:
    """Reads the facts of one run again and again; never writes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._manifest: tuple[bytes | None, tuple[Version, ...]] = (None, ())
        self._reasons: dict[str, str] = {}

    def read(self) -> RunFacts:
        """Returns the facts as they are now; what cannot be read is a problem in them."""
        problems: list[str] = []
        pending: list[int] = []
        rejected: list[str] = []
        stopping = False
        try:
            pending = [entry.size_bytes for entry in iterate(self._store, DATA)]
            names = [base_name(entry.key) for entry in iterate(self._store, REJECTED)]
            rejected = sorted(n.removesuffix(_REASON) for n in names if n.endswith(_REASON))
            self._read_reasons(rejected[-_MAX_REASONS:])
            stopping = stop_requested(self._store)
        except RunError as error:
            problems.append(str(error))
        return RunFacts(
            num_pending=len(pending),
            pending_bytes=sum(pending),
            num_rejected=len(rejected),
            rejected=[(name, self._reasons.get(name, "")) for name in rejected[-_MAX_REASONS:]],
            versions=self._versions(problems),
            log=self._log(problems),
            is_stopping=stopping,
            problems=problems,
        )

    def _read_reasons(self, names: Sequence[str]) -> None:
        known = self._reasons
        self._reasons = {}
        for name in names:
            reason = known.get(name)
            if reason is None:
                data = read_or_none(self._store, f"{REJECTED}{name}{_REASON}") or b""
                reason = data[:2000].decode("utf-8", "replace").strip()
            self._reasons[name] = reason

    def _versions(self, problems: list[str]) -> tuple[Version, ...]:
        try:
            data = read_or_none(self._store, MODEL_MANIFEST)
            if data != self._manifest[0]:
                self._manifest = (data, () if data is None else _parse_manifest(data))
        except (RunError, ValueError, RecursionError) as error:
            problems.append(f"{MODEL_MANIFEST}: {error}")
        return self._manifest[1]

    def _log(self, problems: list[str]) -> list[LogLine]:
        try:
            events = tail_stored_series(self._store, "trainer", max_bytes=1 << 16)
        except OSError as error:
            problems.append(f"{LOGS}: {error.strerror}")
            return []
        except RunError as error:
            problems.append(str(error))
            return []
        return log_lines(events)[-_MAX_LINES:]


def log_lines(events: Sequence[Mapping[str, Any]]) -> list[LogLine]:
    """The events of a series that have a line for people."""
    lines = []
    for event in events:
        try:
            text = event_line(event)
        except (KeyError, TypeError, ValueError, AttributeError):
            text = json.dumps(event)[:400]  # of another version, or of another hand
        at = event.get("time")
        if text:
            seconds = float(at) if isinstance(at, int | float) else 0.0
            lines.append(LogLine(seconds, str(event.get("kind", "")), text))
    return lines


def clock_text(seconds: float) -> str:
    """The local time of day of a log line, `14:05:09`; blanks where it is not known."""
    return time.strftime("%H:%M:%S", time.localtime(seconds)) if seconds else " " * 8


def _parse_manifest(data: bytes) -> tuple[Version, ...]:
    document = json.loads(data)
    versions = document.get("versions") if isinstance(document, dict) else None
    found = []
    for number, entry in (versions or {}).items() if isinstance(versions, dict) else ():
        if not number.isdecimal() or not isinstance(entry, dict):
            continue
        files, info = entry.get("files"), entry.get("info")
        sizes = [
            described["size_bytes"]
            for kind, described in (files if isinstance(files, dict) else {}).items()
            if kind != "pt" and isinstance(described, dict) and "size_bytes" in described
        ]
        iteration = info.get("iteration") if isinstance(info, dict) else None
        found.append(
            Version(
                number=int(number),
                iteration=iteration if isinstance(iteration, int) else None,
                architecture=str(entry.get("architecture", "")),
                size_bytes=sizes[0] if sizes and isinstance(sizes[0], int) else 0,
            )
        )
    return tuple(sorted(found, key=lambda version: version.number))
