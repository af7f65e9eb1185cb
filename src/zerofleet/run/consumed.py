"""consumed/: counted shards that are still in the window."""

from collections.abc import Container

from zerofleet.run.layout import CONSUMED, DATA, base_name, parse_shard_name
from zerofleet.run.ledger import Ledger
from zerofleet.run.many import delete_many
from zerofleet.run.store import Store, iterate, move


def consume(store: Store, name: str) -> None:
    """Moves a counted shard out of data/; safe to redo."""
    move(store, DATA + name, CONSUMED + name)


def restore_uncounted(store: Store, ledger: Ledger) -> list[str]:
    """Moves shards from consumed/ that the ledger does not know back to data/; returns their names.

    Shards move only after the commit that counts them, so this finds none unless `latest.json` was
    put back, by a person or by a trainer that was frozen in its last write. Called at start.
    """
    restored = []
    for entry in list(iterate(store, CONSUMED)):
        name = base_name(entry.key)
        try:
            shard = parse_shard_name(name)
        except ValueError:
            continue
        if not ledger.is_counted(shard.worker, shard.batch):
            move(store, entry.key, DATA + name)
            restored.append(name)
    return restored


def delete_outside_window(store: Store, window: Container[str]) -> int:
    """Deletes shards of consumed/ whose names are not in `window`; returns how many.

    Called after the commit that moved the window on (`replay.keep: window`).
    """
    keys = [entry.key for entry in iterate(store, CONSUMED)]
    return delete_many(store, [key for key in keys if base_name(key) not in window])
