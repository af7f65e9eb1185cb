"""training_stats.json: a JSON list with one entry per iteration, valid at every instant."""

import json
from collections.abc import Sequence
from typing import Any

from zerofleet.run.documents import encode
from zerofleet.run.errors import DamagedError
from zerofleet.run.faults import fault_point
from zerofleet.run.layout import TRAINING_STATS
from zerofleet.run.store import Store, read_or_none
from zerofleet.run.words import version_name

MAX_ENTRIES = 10_000
"""Above this the older half is thinned to every second entry; the series keep them all."""


def read_stats(store: Store) -> list[dict[str, Any]]:
    """All entries, ascending by iteration; empty if there is no file yet."""
    data = read_or_none(store, TRAINING_STATS)
    return [] if data is None else parse_stats(data)


def parse_stats(data: bytes) -> list[dict[str, Any]]:
    """The entries in the bytes of such a file; DamagedError if it is none."""
    try:
        entries = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{TRAINING_STATS}: expected a JSON list: {error}") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DamagedError(f"{TRAINING_STATS}: expected a JSON list of objects")
    return entries


def refitted(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries with the Elo that the newest rating gives to each version.

    Every rating fits all players of the run anew, so what is shown afterwards has one number for a
    version; the file keeps beside each what was known when it was written.
    """
    newest: Any = next(
        (r for e in reversed(entries) if (r := _section(e, "elo").get("ratings"))), {}
    )
    found = []
    for entry in entries:
        elo = _section(entry, "elo")
        version = entry.get("model_version")
        name = version_name(version) if type(version) is int else ""
        pair = newest.get(name) if elo and isinstance(newest, dict) else None
        if isinstance(pair, list) and len(pair) == 2:
            entry = {**entry, "elo": {**elo, "rating": pair[0], "error": pair[1]}}
        found.append(entry)
    return found


def _section(entry: dict[str, Any], key: str) -> dict[str, Any]:
    section = entry.get(key)
    return section if isinstance(section, dict) else {}


def append_stats(
    store: Store,
    entry: dict[str, Any],
    *,
    known: Sequence[dict[str, Any]] = (),
    max_entries: int = MAX_ENTRIES,
) -> list[dict[str, Any]]:
    """Adds the entry of `entry["iteration"]`, replacing one of that iteration: safe to redo.

    Args:
      known: all entries as this writer left them last. They are taken unless the file goes
        further: a predecessor that was frozen in its write may have put back what it knew.
    Returns: all entries, as they are now in the file.
    """
    iteration = entry["iteration"]
    found = read_stats(store)
    if known and _last_iteration(known) >= _last_iteration(found):
        found = list(known)
    entries = [old for old in found if old.get("iteration") != iteration]
    entries.append(entry)
    entries.sort(key=lambda old: old.get("iteration", 0))
    entries = thin(entries, max_entries)
    fault_point("stats.before_write")
    store.put(TRAINING_STATS, encode(entries))
    return entries


def _last_iteration(entries: Sequence[dict[str, Any]]) -> int:
    return max((entry.get("iteration", 0) for entry in entries), default=-1)


def thin(entries: list[dict[str, Any]], max_entries: int) -> list[dict[str, Any]]:
    """At most `max_entries` entries: the first, every second of the older half, the newer half."""
    while len(entries) > max_entries:
        middle = (len(entries) + 1) // 2
        entries = entries[:middle:2] + entries[middle:]
    return entries
