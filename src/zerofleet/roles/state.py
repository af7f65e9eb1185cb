"""The trainer's state: what one commit holds, how it is restored, what derives from it.

A commit (run/commit.py) has these files:

    learner.pt    weights, optimizer, counters (training/checkpoint.py)
    model.nnue    the published network of this state, and model.pt, the same for people
    ledger.json   every batch and game counted so far
    window.json   the sources of the window, oldest first: [name, model version, positions],
                  and the shards this commit counts, [name, sha256], which move to consumed/
    seed.npz      the seed data, if any

and a summary {iteration, model_version, seeded, entry}, where `entry` is this iteration's entry of
training_stats.json without its rating. Positions are not in it: the window is rebuilt from the
shards it names, which lie in data/ or consumed/.
"""

import json
from dataclasses import dataclass
from typing import Any

from zerofleet.arena.stats import IterationStats
from zerofleet.records.read import decode_shard
from zerofleet.replay.shards import positions_of_shard
from zerofleet.replay.window import PositionBatch, SourceInWindow
from zerofleet.run.commit import Checkpoint, FileRef
from zerofleet.run.documents import decode_object
from zerofleet.run.errors import DamagedError, KeyMissingError
from zerofleet.run.layout import CONSUMED, DATA
from zerofleet.run.ledger import Ledger
from zerofleet.run.numbers import LEDGER
from zerofleet.run.store import Store

LEARNER = "learner.pt"
MODEL_NNUE = "model.nnue"
MODEL_PT = "model.pt"
WINDOW = "window.json"
SEED = "seed.npz"


@dataclass(frozen=True)
class TrainerState:
    """What the trainer goes on from; `files` are bytes, or refs to files of an earlier commit."""

    iteration: int
    """Training loops done; 0 after the bootstrap."""
    model_version: int
    ledger: Ledger
    sources: tuple[SourceInWindow, ...]
    """Of the window, oldest first."""
    new_shards: tuple[tuple[str, str], ...]
    """(name, sha256) of the shards that this commit counts."""
    entry: IterationStats
    """This iteration's statistics without its rating."""
    seeded: bool
    """Version 1 was trained on seed data."""
    files: dict[str, bytes | FileRef]
    """learner.pt, model.nnue, model.pt and seed.npz."""

    @property
    def untrained_version(self) -> int | None:
        """The version with random weights: the first one, unless it was trained on seed data."""
        return None if self.seeded else 1

    def commit_files(self) -> dict[str, bytes | FileRef]:
        """All files of the commit."""
        sources = [[s.name, s.model_version, s.num_positions] for s in self.sources]
        return {
            **self.files,
            LEDGER: _json(self.ledger.to_json()),
            WINDOW: _json({"format": 1, "sources": sources, "new_shards": list(self.new_shards)}),
        }

    def summary(self) -> dict[str, Any]:
        """The summary of the commit."""
        return {
            "iteration": self.iteration,
            "model_version": self.model_version,
            "seeded": self.seeded,
            "entry": self.entry,
        }


def restore(store: Store, checkpoint: Checkpoint) -> TrainerState:
    """The committed state, its checksums verified. Raises DamagedError."""
    window = decode_object(checkpoint.read(store, WINDOW), WINDOW)
    summary = checkpoint.summary
    files: dict[str, bytes | FileRef] = {
        name: checkpoint.read(store, name) for name in (LEARNER, MODEL_NNUE, MODEL_PT)
    }
    if SEED in checkpoint.files:
        files[SEED] = checkpoint.files[SEED]
    try:
        return TrainerState(
            iteration=int(summary["iteration"]),
            model_version=int(summary["model_version"]),
            ledger=Ledger.from_json(decode_object(checkpoint.read(store, LEDGER), LEDGER), LEDGER),
            sources=tuple(SourceInWindow(*source) for source in window["sources"]),
            new_shards=tuple((str(name), str(sha)) for name, sha in window["new_shards"]),
            entry=summary["entry"],
            seeded=bool(summary["seeded"]),
            files=files,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(
            f"checkpoint {checkpoint.commit}: not a trainer's state: {error!r}"
        ) from None


def read_shard_positions(
    store: Store, name: str, *, validation_share: float, untrained_version: int | None
) -> PositionBatch:
    """The training positions of a counted shard, from data/ or consumed/.

    Raises: KeyMissingError if it is in neither; ShardError if it is damaged.
    """
    try:
        data = store.read(CONSUMED + name)
    except KeyMissingError:
        data = store.read(DATA + name)
    meta, games = decode_shard(data, name=name)
    return positions_of_shard(
        meta,
        games,
        name=name,
        validation_share=validation_share,
        untrained_version=untrained_version,
    )


def _json(value: Any) -> bytes:
    return (json.dumps(value) + "\n").encode()
