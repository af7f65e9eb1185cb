"""Collecting: from files in data/ to positions that count, or to rejected/ with the reason.

A shard passes these gates in order, and only what passes all of them counts:

1. its name is a shard's name, its size within bounds;
2. the ledger knows neither its identity (worker, batch) nor, with other bytes, its checksum;
3. it decodes, and its meta repeats what its name says, of this run, its game and its models;
4. its game numbers are not counted already; in a synchronous run, where a game may have been dealt
   twice, those that are counted are left out, and a shard that has no others is refused;
5. every move of every game replays legally and every result is the rules'.

Accepted shards stay in data/ until the checkpoint that counts them is committed.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from zerofleet.games.spec import join_spec
from zerofleet.records.errors import ShardError
from zerofleet.records.read import decode_shard
from zerofleet.records.shard import GameRecords, ShardMeta
from zerofleet.records.validate import check_identity
from zerofleet.replay.window import PositionBatch
from zerofleet.roles.config import GameConfig
from zerofleet.run.consumed import consume
from zerofleet.run.errors import KeyMissingError
from zerofleet.run.faults import fault_point
from zerofleet.run.layout import DATA, base_name, parse_shard_name
from zerofleet.run.ledger import Ledger, Verdict
from zerofleet.run.many import in_order
from zerofleet.run.models import read_manifest
from zerofleet.run.rejected import quarantine
from zerofleet.run.store import Entry, Store, iterate, patiently, read_or_none

MAX_SHARD_BYTES = 256 * 2**20
"""Larger files are refused unread; at 10 bytes a position a shard this size holds 25 million."""


if TYPE_CHECKING:
    from zerofleet.replay.samples import SampleBatch

Positions: TypeAlias = "PositionBatch | SampleBatch"
ReadPositions = Callable[[ShardMeta, GameRecords, str], Positions]
"""Replays the games of the shard of that name and returns what is learned from; ShardError."""


@dataclass(frozen=True)
class AcceptedShard:
    """A shard whose games count once the next checkpoint is committed."""

    name: str
    meta: ShardMeta
    games: GameRecords
    positions: Positions
    """The positions to learn from."""
    sha256: str
    skipped: tuple[int, ...] = ()
    """Numbers of games that were counted from another shard; `games` is without them."""


class Collector:
    """Takes the shards of a run out of data/, each once."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        *,
        game: GameConfig,
        run_id: str,
        model_kind: str,
        read_positions: ReadPositions,
        on_rejected: Callable[[str, str], None],
        max_shard_bytes: int = MAX_SHARD_BYTES,
    ) -> None:
        """Prepares to collect.

        Args:
          run_id: games of another run are refused; empty: a run from before runs had ids.
          model_kind: the ending of the files that workers play with.
        """
        self._store = store
        self._ledger = ledger
        self._game = game
        self._run_id = run_id
        self._model_kind = model_kind
        self._read_positions = read_positions
        self._on_rejected = on_rejected
        self._max_shard_bytes = max_shard_bytes
        self._accepted: set[str] = set()
        self._found: list[AcceptedShard] = []
        self._models: dict[int, str] = {}
        self._iteration: tuple[int, int] | None = None

    def expect_iteration(self, iteration: int, num_games: int) -> None:
        """From now on only games 0 .. num_games - 1 of this synchronous iteration count."""
        self._iteration = (iteration, num_games)

    def poll(self, stop: Callable[[], bool] = lambda: False) -> list[AcceptedShard]:
        """New shards, validated; damaged ones are in rejected/ when it returns.

        Raises: StoreError if the store is away; what was accepted before is in the next result.
        """
        listed = [e for e in iterate(self._store, DATA) if base_name(e.key) not in self._accepted]
        with contextlib.closing(in_order(self._read, listed)) as read:
            for entry, data in zip(listed, read, strict=True):
                name = base_name(entry.key)
                if stop():
                    break
                if data is None:
                    continue  # a late listing; it is in consumed/ or rejected/ already
                try:
                    shard = self._examine(name, data)
                except ShardError as error:
                    quarantine(self._store, name, error.reason)
                    self._on_rejected(name, error.reason)
                    continue
                except KeyMissingError:
                    continue
                if shard is not None:
                    self._found.append(shard)
        found, self._found = self._found, []
        return found

    def _read(self, entry: Entry) -> bytes | ShardError | None:
        """The bytes of a listed shard; why it is refused unread; None if it is gone."""
        name = base_name(entry.key)
        # Gate 1: name and size.
        try:
            parse_shard_name(name)
        except ValueError as error:
            return ShardError(name, str(error))
        if entry.size_bytes > self._max_shard_bytes:
            return ShardError(
                name,
                f"{entry.size_bytes:,} bytes; at most {self._max_shard_bytes:,} are accepted: "
                "use fewer --games-per-batch",
            )
        return read_or_none(self._store, entry.key)

    def finish(self, shards: Iterable[tuple[str, str]]) -> None:
        """Moves committed shards, (name, sha256), to consumed/.

        Redone at start for those a crash left behind: then another file may lie in data/ under the
        name of one that was moved. It stays there, to be judged as any other.
        """
        for name in in_order(self._finish, shards):
            self._accepted.discard(name)
        fault_point("trainer.after_moves")

    def _finish(self, shard: tuple[str, str]) -> str:
        name, sha256 = shard
        fault_point("trainer.before_move")
        with contextlib.suppress(KeyMissingError):  # moved before the crash
            if name in self._accepted or self._is_pending(name, sha256):
                consume(self._store, name)
        return name

    def _is_pending(self, name: str, sha256: str) -> bool:
        data = patiently(lambda: self._store.read(DATA + name))
        return hashlib.sha256(data).hexdigest() == sha256

    def _examine(self, name: str, data: bytes | ShardError) -> AcceptedShard | None:
        if isinstance(data, ShardError):
            raise data
        said = parse_shard_name(name)
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
        numbers, skipped = self._new_games(meta, games, name)
        if skipped:
            games = games.take(np.flatnonzero(np.isin(games.game_number, numbers)))
        # Gate 5: rules.
        positions = self._read_positions(meta, games, name)
        fault_point("trainer.after_validate")
        # The ledger in memory counts it from here; on disk only the commit does.
        self._ledger.count(
            said.worker, said.batch, sha256, numbers, len(positions), iteration=meta.iteration
        )
        self._accepted.add(name)
        return AcceptedShard(name, meta, games, positions, sha256, tuple(skipped))

    def _new_games(
        self, meta: ShardMeta, games: GameRecords, name: str
    ) -> tuple[list[int], list[int]]:
        """The numbers of the games that count, and of those that were counted before."""
        numbers: list[int] = games.game_number.tolist()
        if self._iteration is None:
            if meta.iteration is not None:
                raise ShardError(name, f"of iteration {meta.iteration}; this run deals no games")
            verdict, why = self._ledger.judge_games(meta.worker_id, numbers)
            if verdict is not Verdict.NEW:
                raise ShardError(name, why)
            return numbers, []
        iteration, num_games = self._iteration
        if meta.iteration is not None and meta.iteration < iteration:
            raise ShardError(
                name,
                f"late: all games of iteration {meta.iteration} are counted already, these from "
                "the worker they were dealt to next",
            )
        if meta.iteration != iteration or not all(0 <= n < num_games for n in numbers):
            raise ShardError(
                name,
                f"expected games 0 to {num_games - 1} of iteration {iteration}, got {min(numbers)} "
                f"to {max(numbers)} of iteration {meta.iteration}",
            )
        new = self._ledger.new_games(iteration, numbers)
        if not new:
            raise ShardError(
                name, "late: all of its games are counted from the worker they were dealt to next"
            )
        return new, sorted(set(numbers) - set(new))

    def _check_run(self, meta: ShardMeta, name: str) -> None:
        game = join_spec(meta.game, meta.game_options)
        expected = join_spec(self._game.public_name, self._game.options)
        if game != expected:
            raise ShardError(name, f"games of {game}; this run learns {expected}")
        if self._run_id and meta.run_id != self._run_id:
            raise ShardError(
                name,
                f"of another run, {meta.run_id or 'without an id'}; this one is {self._run_id}: a "
                "worker of an earlier run in this place delivered it, or somebody copied it here",
            )
        if meta.model_version not in self._models:
            versions = read_manifest(self._store)["versions"]
            self._models = {
                int(v): entry["files"][self._model_kind]["sha256"] for v, entry in versions.items()
            }
        sha256 = self._models.get(meta.model_version)
        if sha256 is None:
            raise ShardError(
                name,
                f"played by model version {meta.model_version}, which this run never published; "
                "the shard may be of another run",
            )
        if meta.model_sha256 != sha256:
            raise ShardError(
                name,
                f"played by a model with sha256 {meta.model_sha256[:16]}..., version "
                f"{meta.model_version} of this run is {sha256[:16]}...: it is of another run",
            )
