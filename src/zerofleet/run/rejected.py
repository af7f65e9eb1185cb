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
    target = name
    number = 2
    while exists(store, REJECTED + target) and (
        store.read(REJECTED + target) != data if data is not None else exists(store, DATA + name)
    ):
        target = f"{name}.{number}"
        number += 1
    store.put(reason_key(target), f"{reason.strip()}\n".encode())
    fault_point("reject.after_reason")
    if data is None:
        move(store, DATA + name, REJECTED + target)
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
