"""The games that `zerofleet train` plays at its end become the rating of the run's last version."""

import contextlib
from typing import cast

from zerofleet.arena.published import write_games
from zerofleet.arena.rating import VersionRating
from zerofleet.arena.scores import VersionScores
from zerofleet.arena.stats import IterationStats, is_rated
from zerofleet.fleet.status import collect, write_status_text
from zerofleet.games.protocol import Game
from zerofleet.run.documents import encode
from zerofleet.run.errors import RunError, StoreError
from zerofleet.run.layout import RATING, TRAINER_LEASE
from zerofleet.run.lease import Lease, LeaseWatch, configured_dead_after, read_lease
from zerofleet.run.stats import append_stats, read_stats
from zerofleet.run.store import Store


def keep_final_rating(store: Store, game: Game, rating: VersionRating | VersionScores) -> None:
    """Adds the rating to the entry of its version in `training_stats.json`, with the games and
    `logs/rating.json` beside it, as after any other rating.

    Only a trainer writes these; so its lease is held meanwhile, and shows afterwards what it did.

    Raises: LeaseHeldError if a trainer is at work on the run again; StoreError, DamagedError.
    """
    shown = read_lease(store, TRAINER_LEASE) or {}
    lease = Lease.acquire(
        store,
        TRAINER_LEASE,
        info=shown.get("info"),
        dead_after_seconds=configured_dead_after(store),
    )
    try:
        with contextlib.suppress(StoreError):  # for those who look on
            lease.beat(state="active", progress=shown.get("progress", {}))
        found = rating.entry()
        write_games(store, game, rating, final=True)
        lease.confirm()
        append_stats(store, dict(_completed(_entry_of(store, rating.version), found)))
        store.put(RATING, encode({"model_version": rating.version, "entry": found}))
    finally:
        lease.release()
    with contextlib.suppress(RunError):  # a picture for people
        write_status_text(store, collect(store, LeaseWatch()))


def _entry_of(store: Store, version: int) -> IterationStats:
    """The entry that has the version's rating already, or the newest one: a gate may have kept the
    version for several iterations."""
    entries = cast("list[IterationStats]", read_stats(store))
    rated = [e for e in entries if is_rated(e) and e.get("model_version") == version]
    return (rated or entries)[-1]


def _completed(entry: IterationStats, found: IterationStats) -> IterationStats:
    stats = {**entry.get("game_stats", {}), **found["game_stats"]}
    stats.pop("rating_error", None)
    return cast(IterationStats, {**entry, **found, "game_stats": stats})
