"""Numbers a worker id has used already, found without its lease.

The lease keeps them; but somebody may have deleted it, and a batch number that comes again would be
rejected by the ledger. So a worker that finds no lease starts above what the run holds of its id.
"""

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from zerofleet.run.commit import read_latest
from zerofleet.run.documents import decode_object
from zerofleet.run.errors import DamagedError, RunError
from zerofleet.run.layout import CONSUMED, DATA, REJECTED, base_name, parse_shard_name
from zerofleet.run.ledger import Ledger
from zerofleet.run.store import Store, iterate

LEDGER = "ledger.json"
"""Name of the ledger among the files of a checkpoint."""


@dataclass(frozen=True)
class ShardContent:
    """What accounting needs to know of a shard."""

    worker: str
    batch: int
    game_numbers: tuple[int, ...]
    num_positions: int
    iteration: int | None = None
    """Of a synchronous run, whose game numbers count within it; None: within the worker."""


ReadShard = Callable[[bytes], ShardContent]
"""Reads a shard's accounts; raises ValueError if it is damaged. Level 0 knows no numpy."""


def read_ledger(store: Store) -> Ledger:
    """The committed ledger; an empty one before the first commit. A trainer may be at work."""
    latest = read_latest(store)
    while latest is not None:
        try:
            return Ledger.from_json(decode_object(latest.read(store, LEDGER), LEDGER), LEDGER)
        except DamagedError:
            # A commit since we read latest.json has deleted the ledger it named?
            before, latest = latest, read_latest(store)
            if latest is not None and latest.commit == before.commit:
                raise
    return Ledger()


def first_free_numbers(
    store: Store,
    worker: str,
    read_shard: ReadShard | None = None,
    *,
    undelivered: Iterable[tuple[str, bytes]] = (),
) -> tuple[int, int]:
    """(batch, game number) above everything the run holds of `worker`; (1, 0) if that is nothing.

    Lists data/, consumed/ and rejected/ once and, with `read_shard`, opens this worker's pending
    shards for their game numbers; call it at start only, and only when there is no lease.

    Args:
      undelivered: (name, bytes) of shards in the worker's spool.
    """
    batch, game = 1, 0
    counted = read_ledger(store).workers.get(worker)
    if counted is not None:
        batch = (counted.batches.highest or 0) + 1
        game = -1 if counted.games.highest is None else counted.games.highest
        game += 1
    for key in _keys(store, (DATA, CONSUMED, REJECTED)):
        try:
            name = parse_shard_name(base_name(key))
        except ValueError:
            continue
        if name.worker != worker:
            continue
        batch = max(batch, name.batch + 1)
        if read_shard is not None and key.startswith(DATA):
            with contextlib.suppress(RunError, ValueError):
                game = max(game, _first_free_game(read_shard(store.read(key))))
    for spooled, data in undelivered:
        batch = max(batch, parse_shard_name(spooled).batch + 1)
        if read_shard is not None:
            with contextlib.suppress(ValueError):
                game = max(game, _first_free_game(read_shard(data)))
    return batch, game


def _first_free_game(content: ShardContent) -> int:
    """Above the games of a shard; 0 for those that the trainer numbers."""
    return 0 if content.iteration is not None else 1 + max(content.game_numbers, default=-1)


def _keys(store: Store, prefixes: Iterable[str]) -> Iterable[str]:
    for prefix in prefixes:
        for entry in iterate(store, prefix):
            yield entry.key
