"""The ledger: which batches and which games of which worker are counted.

It is part of the trainer's checkpoint, so a batch is counted exactly when the checkpoint that holds
its games is committed. Games that workers number by themselves are counted per worker; those of a
synchronous run, whose numbers are dealt, per iteration: a game may be played twice there, after a
re-deal, and is counted once. Size: per worker a few ranges and the checksums of its last batches,
per iteration a range.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from zerofleet.run.documents import check_format
from zerofleet.run.errors import DamagedError
from zerofleet.run.ranges import RangeSet, ranges_of

FORMAT = 1
NUM_CHECKSUMS = 64
"""Checksums kept per worker: a redone move or a redelivery is of one of the last batches. A batch
that comes again without its checksum is a conflict: not counted twice, only not recognised."""
_CHECKSUM_DIGITS = 32


class Verdict(Enum):
    """What the ledger says about a shard that arrives."""

    NEW = "new"
    """Count it."""
    DUPLICATE = "duplicate"
    """The very same shard is counted: finish its move, do not count it."""
    CONFLICT = "conflict"
    """Its batch or one of its games is counted with other bytes: reject it."""


@dataclass
class WorkerLedger:
    """What is counted of one worker."""

    batches: RangeSet = field(default_factory=RangeSet)
    games: RangeSet = field(default_factory=RangeSet)
    """Of the worker's own numbering."""
    num_dealt_games: int = 0
    """Games of synchronous iterations that were counted from this worker's shards."""
    checksums: dict[int, str] = field(default_factory=dict)
    """sha256 (first 32 hex digits) of the highest counted batches."""
    num_positions: int = 0

    @property
    def num_games(self) -> int:
        """Games counted."""
        return len(self.games) + self.num_dealt_games


class Ledger:
    """Counted batches and games of all workers of a run."""

    def __init__(self) -> None:
        self.workers: dict[str, WorkerLedger] = {}
        self.iterations: dict[int, RangeSet] = {}
        """Dealt games counted, by iteration of a synchronous run."""

    @property
    def num_batches(self) -> int:
        """Batches counted, of all workers."""
        return sum(len(worker.batches) for worker in self.workers.values())

    @property
    def num_games(self) -> int:
        """Games counted, of all workers."""
        return sum(worker.num_games for worker in self.workers.values())

    @property
    def num_positions(self) -> int:
        """Positions counted, of all workers."""
        return sum(worker.num_positions for worker in self.workers.values())

    def is_counted(self, worker: str, batch: int) -> bool:
        """True if that batch is counted, whatever its bytes."""
        found = self.workers.get(worker)
        return found is not None and batch in found.batches

    def judge(self, worker: str, batch: int, sha256: str) -> tuple[Verdict, str]:
        """What to do with a shard by its identity and bytes, and why, before it is opened."""
        found = self.workers.get(worker)
        if found is None or batch not in found.batches:
            return Verdict.NEW, ""
        counted = found.checksums.get(batch)
        if counted == sha256[:_CHECKSUM_DIGITS]:
            return Verdict.DUPLICATE, f"batch {batch} of worker {worker} is counted already"
        already = f"batch {batch} of worker {worker} is counted already"
        if counted is None:
            return Verdict.CONFLICT, (
                f"{already}, so long ago that its checksum is no longer kept: an old file that "
                "came again, or two workers use one id"
            )
        return Verdict.CONFLICT, (
            f"{already} (with {counted}), this file has sha256 {sha256[:_CHECKSUM_DIGITS]}: two "
            "workers may use one id"
        )

    def judge_games(self, worker: str, game_numbers: Iterable[int]) -> tuple[Verdict, str]:
        """What to do with a new shard by the numbers of its games, and why."""
        try:
            arriving = ranges_of(game_numbers)
        except ValueError as error:
            return Verdict.CONFLICT, f"in the shard of worker {worker} game {error}"
        found = self.workers.get(worker)
        for first, last in arriving if found is not None else ():
            if found is not None and found.games.overlaps(first, last):
                return Verdict.CONFLICT, (
                    f"games of worker {worker} numbered within {first} to {last} are counted "
                    "already in another batch"
                )
        return Verdict.NEW, ""

    def new_games(self, iteration: int, game_numbers: Iterable[int]) -> list[int]:
        """Those of a synchronous iteration's games that are not counted yet."""
        counted = self.iterations.get(iteration, RangeSet())
        return [number for number in game_numbers if number not in counted]

    def count(
        self,
        worker: str,
        batch: int,
        sha256: str,
        game_numbers: Iterable[int],
        num_positions: int,
        iteration: int | None = None,
    ) -> None:
        """Counts a shard; ValueError if it or one of its games is counted already.

        Args:
          game_numbers: of a synchronous run only those that are new (`new_games`).
          iteration: of a synchronous run; None where the worker numbers its games.
        """
        arriving = ranges_of(game_numbers)
        entry = self.workers.setdefault(worker, WorkerLedger())
        games = entry.games
        if iteration is not None:
            games = self.iterations.setdefault(iteration, RangeSet())
        if batch in entry.batches or any(games.overlaps(*pair) for pair in arriving):
            raise ValueError(f"batch {batch} of worker {worker} or a game in it is counted already")
        entry.batches.add(batch, batch)
        for first, last in arriving:
            games.add(first, last)
        if iteration is not None:
            entry.num_dealt_games += len(arriving)
        entry.checksums[batch] = sha256[:_CHECKSUM_DIGITS]
        entry.num_positions += num_positions
        while len(entry.checksums) > NUM_CHECKSUMS:
            del entry.checksums[min(entry.checksums)]

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` reads it."""
        return {
            "format": FORMAT,
            "workers": {
                worker: {
                    "batches": entry.batches.to_json(),
                    "games": entry.games.to_json(),
                    "num_dealt_games": entry.num_dealt_games,
                    "checksums": {str(batch): entry.checksums[batch] for batch in entry.checksums},
                    "num_positions": entry.num_positions,
                }
                for worker, entry in sorted(self.workers.items())
            },
            "iterations": {str(i): games.to_json() for i, games in self.iterations.items()},
        }

    @staticmethod
    def from_json(document: dict[str, Any], where: str = "ledger") -> "Ledger":
        """Reads what `to_json` wrote; DamagedError naming `where` if it is something else."""
        check_format(document, where, FORMAT)
        ledger = Ledger()
        try:
            for worker, entry in document["workers"].items():
                ledger.workers[worker] = WorkerLedger(
                    RangeSet((first, last) for first, last in entry["batches"]),
                    RangeSet((first, last) for first, last in entry["games"]),
                    int(entry.get("num_dealt_games", 0)),
                    {int(batch): str(sha) for batch, sha in entry["checksums"].items()},
                    int(entry["num_positions"]),
                )
            for iteration, games in document.get("iterations", {}).items():
                ledger.iterations[int(iteration)] = RangeSet((a, b) for a, b in games)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DamagedError(f"{where}: not a ledger: {error!r}") from error
        return ledger
