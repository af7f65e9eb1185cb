"""Collecting: from files in data/ to positions that count, or to rejected/ with the reason.

A shard passes these gates in order, and only what passes all of them counts:

1. its name is a shard's name, its size within bounds;
2. the ledger knows neither its identity (worker, batch) nor, with other bytes, its checksum;
3. it decodes, and its meta repeats what its name says about this run's game and models;
4. none of its game numbers is counted already;
5. every move of every game replays legally and every result is the rules'.

Accepted shards stay in data/ until the checkpoint that counts them is committed.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from zerofleet.records.errors import ShardError
from zerofleet.records.read import decode_shard
from zerofleet.records.shard import GameRecords, ShardMeta
from zerofleet.records.validate import check_identity
from zerofleet.replay.shards import positions_of_shard
from zerofleet.replay.window import PositionBatch
from zerofleet.run.consumed import consume
from zerofleet.run.errors import KeyMissingError
from zerofleet.run.faults import fault_point
from zerofleet.run.layout import DATA, base_name, parse_shard_name
from zerofleet.run.ledger import Ledger, Verdict
from zerofleet.run.models import read_manifest
from zerofleet.run.rejected import quarantine
from zerofleet.run.store import Store, iterate

MAX_SHARD_BYTES = 256 * 2**20
"""Larger files are refused unread; at 10 bytes a position a shard this size holds 25 million."""


@dataclass(frozen=True)
class AcceptedShard:
    """A shard whose games count once the next checkpoint is committed."""

    name: str
    meta: ShardMeta
    games: GameRecords
    positions: PositionBatch
    """The positions to learn from."""
    sha256: str


class Collector:
    """Takes the shards of a run out of data/, each once."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        *,
        game: str,
        validation_share: float,
        untrained_version: int | None,
        on_rejected: Callable[[str, str], None],
        max_shard_bytes: int = MAX_SHARD_BYTES,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._game = game
        self._validation_share = validation_share
        self._untrained_version = untrained_version
        self._on_rejected = on_rejected
        self._max_shard_bytes = max_shard_bytes
        self._accepted: set[str] = set()
        self._found: list[AcceptedShard] = []
        self._models: dict[int, str] = {}

    def poll(self, stop: Callable[[], bool] = lambda: False) -> list[AcceptedShard]:
        """New shards, validated; damaged ones are in rejected/ when it returns.

        Raises: StoreError if the store is away; what was accepted before is in the next result.
        """
        for entry in iterate(self._store, DATA):
            name = base_name(entry.key)
            if stop():
                break
            if name in self._accepted:
                continue
            try:
                shard = self._examine(name, entry.key, entry.size_bytes)
            except ShardError as error:
                quarantine(self._store, name, error.reason)
                self._on_rejected(name, error.reason)
                continue
            except KeyMissingError:
                continue  # a late listing; it is in consumed/ or rejected/ already
            if shard is not None:
                self._found.append(shard)
        found, self._found = self._found, []
        return found

    def finish(self, shards: Iterable[tuple[str, str]]) -> None:
        """Moves committed shards, (name, sha256), to consumed/.

        Redone at start for those a crash left behind: then another file may lie in data/ under the
        name of one that was moved. It stays there, to be judged as any other.
        """
        for name, sha256 in shards:
            fault_point("trainer.before_move")
            with contextlib.suppress(KeyMissingError):  # moved before the crash
                if name in self._accepted or self._is_pending(name, sha256):
                    consume(self._store, name)
            self._accepted.discard(name)
        fault_point("trainer.after_moves")

    def _is_pending(self, name: str, sha256: str) -> bool:
        return hashlib.sha256(self._store.read(DATA + name)).hexdigest() == sha256

    def _examine(self, name: str, key: str, size_bytes: int) -> AcceptedShard | None:
        # Gate 1: name and size.
        try:
            said = parse_shard_name(name)
        except ValueError as error:
            raise ShardError(name, str(error)) from None
        if size_bytes > self._max_shard_bytes:
            raise ShardError(
                name,
                f"{size_bytes:,} bytes; at most {self._max_shard_bytes:,} are accepted: "
                "use fewer --games-per-batch",
            )
        data = self._store.read(key)
        fault_point("trainer.after_read")
        sha256 = hashlib.sha256(data).hexdigest()
        # Gate 2: identity.
        verdict, why = self._ledger.judge(said.worker, said.batch, sha256)
        if verdict is Verdict.DUPLICATE:
            consume(self._store, name)
            return None
        if verdict is Verdict.CONFLICT:
            raise ShardError(name, why)
        # Gate 3: content.
        meta, games = decode_shard(data, name=name, max_bytes=self._max_shard_bytes)
        check_identity(
            meta, name=name, model_version=said.version, worker=said.worker, batch=said.batch
        )
        self._check_run(meta, name)
        # Gate 4: games.
        verdict, why = self._ledger.judge_games(said.worker, games.game_number.tolist())
        if verdict is not Verdict.NEW:
            raise ShardError(name, why)
        # Gate 5: rules.
        positions = positions_of_shard(
            meta,
            games,
            name=name,
            validation_share=self._validation_share,
            untrained_version=self._untrained_version,
        )
        fault_point("trainer.after_validate")
        # The ledger in memory counts it from here; on disk only the commit does.
        self._ledger.count(
            said.worker, said.batch, sha256, games.game_number.tolist(), len(positions)
        )
        self._accepted.add(name)
        return AcceptedShard(name, meta, games, positions, sha256)

    def _check_run(self, meta: ShardMeta, name: str) -> None:
        if meta.game != self._game:
            raise ShardError(name, f"games of {meta.game}; this run learns {self._game}")
        if meta.model_version not in self._models:
            versions = read_manifest(self._store)["versions"]
            self._models = {
                int(v): entry["files"]["nnue"]["sha256"] for v, entry in versions.items()
            }
        expected = self._models.get(meta.model_version)
        if expected is None:
            raise ShardError(
                name,
                f"played by model version {meta.model_version}, which this run never published; "
                "the shard may be of another run",
            )
        if meta.model_sha256 != expected:
            raise ShardError(
                name,
                f"played by a model with sha256 {meta.model_sha256[:16]}..., version "
                f"{meta.model_version} of this run is {expected[:16]}...: it is of another run",
            )
