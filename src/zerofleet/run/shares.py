"""Shares: which games of a synchronous iteration each worker is to play.

`shares/iter_00007.json` is written by the trainer alone, whole, with a revision that rises. A game
is numbered within its iteration and depends on nothing but the run's seed, iteration, number and
model, so it does not matter who plays it, nor whether two do: it is counted once. That makes a
re-deal safe at any moment, after a worker died, stalled or came late.

A range carries the revision it was dealt in. A worker that has played a number plays it again only
if it is dealt to it again later: its shard was refused, or is lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zerofleet.run.documents import check_format, decode_object, encode
from zerofleet.run.errors import DamagedError
from zerofleet.run.layout import SHARES, base_name, check_worker_id
from zerofleet.run.store import Store, iterate, read_or_none

FORMAT = 1


@dataclass(frozen=True)
class DealtRange:
    """Games first .. last, both included."""

    first: int
    last: int
    revision: int
    """Of the share in which they were dealt."""

    def __len__(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class WorkerShare:
    """What one worker is to play."""

    session: str
    """Session of the worker's lease: a later one has forgotten what this one has played."""
    ranges: tuple[DealtRange, ...]

    def __len__(self) -> int:
        return sum(len(dealt) for dealt in self.ranges)


@dataclass(frozen=True)
class Share:
    """All games of one iteration, dealt."""

    iteration: int
    model_version: int
    """The version that plays all of them."""
    num_games: int
    """Numbered 0 .. num_games - 1."""
    revision: int = 0
    """0: not dealt yet."""
    workers: Mapping[str, WorkerShare] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "format": FORMAT,
            "iteration": self.iteration,
            "model_version": self.model_version,
            "num_games": self.num_games,
            "revision": self.revision,
            "workers": {
                name: {
                    "session": share.session,
                    "ranges": [[r.first, r.last, r.revision] for r in share.ranges],
                }
                for name, share in sorted(self.workers.items())
            },
        }


def share_key(iteration: int) -> str:
    """Key of an iteration's share."""
    return f"{SHARES}iter_{iteration:05d}.json"


def write_share(store: Store, share: Share) -> None:
    """Replaces the iteration's share."""
    store.put(share_key(share.iteration), encode(share.to_json(), indent=None))


def read_share(store: Store, iteration: int) -> Share | None:
    """The share of an iteration, None before it is dealt; DamagedError if it is something else."""
    key = share_key(iteration)
    data = read_or_none(store, key)
    if data is None:
        return None
    document = decode_object(data, key)
    check_format(document, key, FORMAT)
    try:
        return Share(
            iteration=int(document["iteration"]),
            model_version=int(document["model_version"]),
            num_games=int(document["num_games"]),
            revision=int(document["revision"]),
            workers={
                check_worker_id(name): WorkerShare(
                    str(entry["session"]), tuple(DealtRange(*r) for r in entry["ranges"])
                )
                for name, entry in document["workers"].items()
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedError(f"{key}: not a share: {error!r}") from error


def prune_shares(store: Store, before: int) -> None:
    """Deletes the shares of iterations below `before`."""
    for entry in list(iterate(store, SHARES)):
        name = base_name(entry.key)
        digits = name.removeprefix("iter_").removesuffix(".json")
        if name == f"iter_{digits}.json" and digits.isdigit() and int(digits) < before:
            store.delete(entry.key)


def newest_share(store: Store) -> Share | None:
    """The share of the latest iteration that was dealt; None before the first."""
    newest = 0
    for entry in iterate(store, SHARES):
        digits = base_name(entry.key).removeprefix("iter_").removesuffix(".json")
        newest = max(newest, int(digits) if digits.isdigit() else 0)
    return read_share(store, newest) if newest else None
