"""The trainer's state: what one commit holds, how it is restored, what derives from it.

A commit (run/commit.py) has these files:

    learner.pt    weights, optimizer, counters (training/checkpoint.py)
    model.nnue    the published network of this state (model.safetensors if trees are searched),
                  and model.pt, the same for people
    ledger.json   every batch and game counted so far
    window.json   the sources of the window, oldest first: [name, model version, positions]; the
                  parts of those that are iterations of a synchronous run: [shard, numbers of its
                  games that were counted from another one]; and the shards this commit counts,
                  [name, sha256], which move to consumed/
    seed.npz      the seed data, if any

and a summary {run_id, iteration, model_version, seeded, entry}, where `entry` is this iteration's
entry of training_stats.json without its rating. Positions are not in it: the window is rebuilt from
the shards it names, which lie in data/ or consumed/.
"""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zerofleet.arena.stats import IterationStats
from zerofleet.records.read import decode_shard
from zerofleet.records.shard import GameRecords, ShardMeta
from zerofleet.replay.window import SourceInWindow
from zerofleet.run.commit import Checkpoint, FileRef
from zerofleet.run.documents import decode_object
from zerofleet.run.errors import DamagedError, KeyMissingError
from zerofleet.run.layout import CONSUMED, DATA, MODEL
from zerofleet.run.ledger import Ledger
from zerofleet.run.models import RUN_ID, publish_model
from zerofleet.run.numbers import LEDGER
from zerofleet.run.store import Store, patiently

LEARNER = "learner.pt"
MODEL_NNUE = "model.nnue"
MODEL_SAFETENSORS = "model.safetensors"
MODEL_PT = "model.pt"
MODEL_FILES = (MODEL_NNUE, MODEL_SAFETENSORS, MODEL_PT)
WINDOW = "window.json"
SEED = "seed.npz"


Parts = tuple[tuple[str, tuple[int, ...]], ...]
"""(shard, numbers of its games that were counted from another one) of an iteration."""


@dataclass(frozen=True)
class TrainerState:
    """What the trainer goes on from; `files` are bytes, or refs to files of an earlier commit."""

    iteration: int
    """Training loops done; after the bootstrap 0, or those of the checkpoint it began with."""
    model_version: int
    ledger: Ledger
    sources: tuple[SourceInWindow, ...]
    """Of the window, oldest first."""
    new_shards: tuple[tuple[str, str], ...]
    """(name, sha256) of the shards that this commit counts."""
    entry: IterationStats
    """This iteration's statistics without its rating."""
    seeded: bool
    """Version 1 was trained, on seed data or by another run."""
    files: dict[str, bytes | FileRef]
    """learner.pt, model.nnue, model.pt and seed.npz."""
    parts: dict[str, Parts] = field(default_factory=dict)
    """Shards of the sources in the window that are no shards themselves but iterations."""
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Made when the run begins; empty in runs from before there was one."""

    @property
    def untrained_version(self) -> int | None:
        """The version with random weights: the first one, unless it was trained before."""
        return None if self.seeded else 1

    @property
    def shards_in_window(self) -> set[str]:
        """Names of all shards the window is made of."""
        return {shard for source in self.sources for shard, _ in self.parts_of(source.name)}

    def parts_of(self, source: str) -> Parts:
        """The shards of a source of the window."""
        return self.parts.get(source, ((source, ()),))

    @property
    def model_files(self) -> list[str]:
        """Names of the files of its model version."""
        return [name for name in MODEL_FILES if name in self.files]

    def publish(
        self,
        store: Store,
        architecture: str,
        *,
        known: dict[str, Any] | None = None,
        **info: Any,
    ) -> None:
        """Publishes its model version, with copies for people; see `publish_model`.

        Args:
          info: more of it for the manifest.
        """
        files = {n: data for n in self.model_files if isinstance(data := self.files[n], bytes)}
        prefix = "nnue_" if MODEL_NNUE in files else ""
        publish_model(
            store,
            self.model_version,
            {name.rpartition(".")[2]: data for name, data in files.items()},
            architecture,
            copies={f"{MODEL}{prefix}{n}": files[n] for n in (MODEL_NNUE, MODEL_PT) if n in files},
            info={"iteration": self.iteration, RUN_ID: self.run_id, **info},
            known=known,
        )

    def commit_files(self) -> dict[str, bytes | FileRef]:
        """All files of the commit."""
        sources = [[s.name, s.model_version, s.num_positions] for s in self.sources]
        return {
            **self.files,
            LEDGER: _json(self.ledger.to_json()),
            WINDOW: _json(
                {
                    "format": 1,
                    "sources": sources,
                    "parts": self.parts,
                    "new_shards": list(self.new_shards),
                }
            ),
        }

    def summary(self) -> dict[str, Any]:
        """The summary of the commit."""
        return {
            "run_id": self.run_id,
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
        name: checkpoint.read(store, name)
        for name in (LEARNER, *MODEL_FILES)
        if name in checkpoint.files
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
            parts={
                name: tuple((shard, tuple(games)) for shard, games in parts)
                for name, parts in window.get("parts", {}).items()
            },
            run_id=str(summary.get("run_id", "")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(
            f"checkpoint {checkpoint.commit}: not a trainer's state: {error!r}"
        ) from None


def read_counted_shard(
    store: Store, name: str, skipped: tuple[int, ...] = ()
) -> tuple[ShardMeta, GameRecords]:
    """Meta and games of a counted shard, from data/ or consumed/, without the skipped games.

    Raises: KeyMissingError if it is in neither; ShardError if it is damaged.
    """
    try:
        data = store.read(CONSUMED + name)
    except KeyMissingError:
        data = patiently(lambda: store.read(DATA + name))
    meta, games = decode_shard(data, name=name)
    if skipped:
        games = games.take(np.flatnonzero(~np.isin(games.game_number, skipped)))
    return meta, games


def _json(value: Any) -> bytes:
    return (json.dumps(value) + "\n").encode()
