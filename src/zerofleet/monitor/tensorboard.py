"""A run's statistics as TensorBoard scalars."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zerofleet.arena.lines import short_opponent
from zerofleet.arena.stats import IterationStats


def scalars_of(entry: IterationStats) -> dict[str, float]:
    """Returns the numbers of one iteration by their TensorBoard tag."""
    scalars: dict[str, float] = {f"loss/{k}": float(v) for k, v in _numbers(entry.get("losses"))}
    scalars |= {f"games/{k}": float(v) for k, v in _numbers(entry.get("game_stats"))}
    scalars |= {f"elo/{k}": float(v) for k, v in _numbers(entry.get("elo"))}
    for match in entry.get("game_stats", {}).get("matches", []):
        if not match["opponent"].startswith("v0"):
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
    """Writes iterations, in any order: a rated loop comes after those that followed it."""

    def __init__(self, directory: Path):
        """Opens an event file.

        Raises: ImportError, naming the extra, where tensorboard is not installed.
        """
        try:
            from tensorboard.compat.proto.event_pb2 import Event
            from tensorboard.compat.proto.summary_pb2 import Summary
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError as error:
            raise ImportError(
                f"TensorBoard files need tensorboard ({error}): pip install zerofleet[train]"
            ) from error
        self._event, self._summary = Event, Summary
        directory.mkdir(parents=True, exist_ok=True)
        self._writer = EventFileWriter(str(directory))

    def write(self, entry: IterationStats, *, wall_time: float) -> None:
        """Writes one iteration."""
        values = [
            self._summary.Value(tag=tag, simple_value=value)
            for tag, value in scalars_of(entry).items()
        ]
        event = self._event(
            wall_time=wall_time,
            step=entry.get("iteration", 0),
            summary=self._summary(value=values),
        )
        self._writer.add_event(event)
        self._writer.flush()

    def close(self) -> None:
        """Makes everything durable and closes the file."""
        self._writer.close()


class TensorBoardReport:
    """A role's `report` that writes each loop as TensorBoard scalars and passes every event on.

    Without tensorboard it only passes on: the files are an extra look at `training_stats.json`.
    """

    def __init__(self, directory: Path, then: Callable[[Mapping[str, Any]], None]):
        """The event file is opened with the first loop; a restart opens one more beside it."""
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
            self._is_installed = False
            self._then({"kind": "note", "text": f"no more TensorBoard files: {error}"})
