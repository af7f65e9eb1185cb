"""A run's statistics as TensorBoard scalars."""

import io
import itertools
import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zerofleet.arena.lines import short_opponent
from zerofleet.arena.stats import IterationStats
from zerofleet.run.words import parse_version_name

_file_numbers = itertools.count(1)
"""Of the files of this process."""


def scalars_of(entry: IterationStats) -> dict[str, float]:
    """Returns the numbers of one iteration by their TensorBoard tag."""
    scalars: dict[str, float] = {f"loss/{k}": float(v) for k, v in _numbers(entry.get("losses"))}
    scalars |= {f"games/{k}": float(v) for k, v in _numbers(entry.get("game_stats"))}
    scalars |= {f"elo/{k}": float(v) for k, v in _numbers(entry.get("elo"))}
    for match in entry.get("game_stats", {}).get("matches", []):
        if parse_version_name(match["opponent"]) is None:
            scalars[f"score/vs_{short_opponent(match['opponent'])}"] = match["score"]
    for measured in entry.get("game_stats", {}).get("scores", [])[:1]:  # the version's own
        scalars |= {f"score/{k}": float(v) for k, v in _numbers(measured)}
    scalars |= {f"gate/{k}": float(v) for k, v in _numbers(entry.get("gate"))}
    for key in ("games", "positions", "window", "training_seconds", "seconds"):
        if key in entry:
            scalars[f"loop/{key}"] = float(entry[key])
    if "samples" in entry and entry.get("positions"):
        scalars["loop/reuse"] = entry["samples"] / entry["positions"]
    return scalars


def _numbers(section: Any) -> list[tuple[str, float]]:
    return [(k, v) for k, v in (section or {}).items() if isinstance(v, int | float)]


class TensorBoardWriter:
    """Writes iterations, in any order: a rated loop comes after those that followed it.

    Everything is in the file when `write` returns. tensorboard's own writer has a thread, whose
    errors nobody can catch.
    """

    def __init__(self, directory: Path):
        """Nothing is written yet.

        Raises: ImportError, naming the extra, where tensorboard is not installed.
        """
        try:
            from tensorboard.compat.proto.event_pb2 import Event
            from tensorboard.compat.proto.summary_pb2 import Summary
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError as error:
            raise ImportError(
                f"TensorBoard files need tensorboard ({error}): pip install zerofleet[train]"
            ) from error
        self._event, self._summary, self._records = Event, Summary, RecordWriter
        self._directory = directory
        self._path: Path | None = None

    def write(self, entry: IterationStats, *, wall_time: float) -> None:
        """Writes one iteration. Raises: OSError; it may be written again later."""
        values = [
            self._summary.Value(tag=tag, simple_value=value)
            for tag, value in scalars_of(entry).items()
        ]
        event = self._event(
            wall_time=wall_time,
            step=entry.get("iteration", 0),
            summary=self._summary(value=values),
        )
        if self._path is None:
            self._path = self._new_path()
            self._append(self._event(wall_time=wall_time, file_version="brain.Event:2"))
        self._append(event)

    def _append(self, event: Any) -> None:
        assert self._path is not None
        packed = io.BytesIO()
        self._records(packed).write(event.SerializeToString())
        try:
            with self._path.open("ab") as file:
                file.write(packed.getvalue())
        except OSError:
            self._path = None  # it may end with half a record, behind which nobody reads on
            raise

    def _new_path(self) -> Path:
        self._directory.mkdir(parents=True, exist_ok=True)
        number = next(_file_numbers)
        name = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{number}"
        return self._directory / f"events.out.tfevents.{name}"


class TensorBoardReport:
    """A role's `report` that writes each loop as TensorBoard scalars and passes every event on.

    Without tensorboard it only passes on: the files are an extra look at `training_stats.json`.
    """

    def __init__(self, directory: Path, then: Callable[[Mapping[str, Any]], None]):
        """The event file begins with the first loop; a restart begins one more beside it."""
        self._directory = directory
        self._then = then
        self._writer: TensorBoardWriter | None = None
        self._is_installed = True

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Passes the event on, then writes it if it is a loop."""
        self._then(event)
        if event.get("kind") != "loop" or not self._is_installed:
            return
        try:
            if self._writer is None:
                self._writer = TensorBoardWriter(self._directory)
            self._writer.write(event["entry"], wall_time=time.time())
        except ImportError:
            self._is_installed = False
        except OSError as error:  # a full disk must not end the training
            text = f"TensorBoard: loop {event['entry'].get('iteration')} is not written: {error}"
            self._then({"kind": "note", "text": text})
