"""Refused shards: kept under their own name, each beside the reason."""

from zerofleet.run.faults import fault_point
from zerofleet.run.layout import DATA, REJECTED, base_name, reason_key
from zerofleet.run.store import Store, exists, iterate, move


def quarantine(store: Store, name: str, reason: str, *, data: bytes | None = None) -> str:
    """Moves data/<name> to rejected/ and writes why; returns its key there.

    Safe to redo: the reason is written first. If another shard of that name was rejected before,
    this one gets a number after its name, so that neither is lost. With `data` those bytes are
    kept, and data/<name>, which is another shard of that name, stays where it is.
    """
    source = DATA + name
    target = name
    number = 2
    while exists(store, REJECTED + target) and not _is_same(store, source, REJECTED + target, data):
        target = f"{name}.{number}"
        number += 1
    store.put(reason_key(target), f"{reason.strip()}\n".encode())
    fault_point("reject.after_reason")
    if data is None:
        move(store, source, REJECTED + target)
    else:
        store.put_if_absent(REJECTED + target, data)
    fault_point("reject.after_move")
    return REJECTED + target


def read_rejected(store: Store) -> dict[str, str]:
    """Reason by name of every rejected shard."""
    reasons = {}
    for entry in iterate(store, REJECTED):
        name = base_name(entry.key)
        if name.endswith(".reason.txt"):
            reasons[name.removesuffix(".reason.txt")] = store.read(entry.key).decode().strip()
    return reasons


def _is_same(store: Store, source: str, target: str, data: bytes | None) -> bool:
    """True if `target` is this very shard, or was before a crash and `source` is gone."""
    if data is not None:
        return store.read(target) == data
    sizes = [store.list(key, limit=1).entries for key in (source, target)]
    if not sizes[0] or sizes[0][0].key != source:
        return True
    # The sizes first: a shard can be rejected because it is too large to read.
    return sizes[0][0].size_bytes == sizes[1][0].size_bytes and (
        store.read(source) == store.read(target)
    )
