"""Dealing through files, while the store comes and goes."""

import pytest

from zerofleet.roles.dealing import Dealing
from zerofleet.run.errors import StoreError
from zerofleet.run.layout import WORKERS, worker_lease_key
from zerofleet.run.lease import Lease, LeaseLostError, LeaseWatch
from zerofleet.run.shares import Share, read_share, write_share
from zerofleet.run.store import DirectoryStore


class LostStore(DirectoryStore):
    """A mount that is away for some files."""

    away = ""

    def read(self, key):
        if self.away and key.startswith(self.away):
            raise StoreError(f"{key}: stale file handle")
        return super().read(key)


@pytest.mark.parametrize("away", [worker_lease_key("w1"), WORKERS])
def test_nobody_is_gone_because_leases_cannot_be_read(tmp_path, away):
    store, told = LostStore(tmp_path), []
    leases = [Lease.acquire(store, worker_lease_key(name)) for name in ("w0", "w1")]
    dealing = Dealing(
        store,
        Share(1, 1, 10),
        watch=LeaseWatch(),
        num_workers=2,
        tell=lambda kind, **values: told.append((kind, values)),
    )
    dealing.look()
    dealing.deal(range(10))
    dealt = read_share(store, 1)
    assert {name: len(share) for name, share in dealt.workers.items()} == {"w0": 5, "w1": 5}
    store.away = away
    dealing.look()
    dealing.deal(range(10))
    assert read_share(store, 1) == dealt
    store.away = ""
    dealing.look()
    dealing.deal(range(10))
    assert read_share(store, 1) == dealt
    assert [kind for kind, _ in told] == ["generating", "dealt"]
    # Who is really gone is still seen.
    leases[1].release("ValueError: x")
    dealing.look()
    dealing.deal(range(10))
    assert {name: len(share) for name, share in read_share(store, 1).workers.items()} == {"w0": 10}
    assert "ValueError: x" in told[2][1]["text"]


def test_a_share_that_a_predecessor_put_back_is_written_again(tmp_path, monkeypatch):
    monkeypatch.setattr("zerofleet.roles.dealing.RULE_SECONDS", 0.0)
    store = DirectoryStore(tmp_path)
    leases = [Lease.acquire(store, worker_lease_key(name)) for name in ("w0", "w1")]
    settings = {"watch": LeaseWatch(), "num_workers": 2, "tell": lambda kind, **values: None}
    dealing = Dealing(store, Share(1, 1, 10), **settings)
    dealing.look()
    dealing.deal(range(10))
    frozen = read_share(store, 1)
    successor = Dealing(store, frozen, **settings)
    leases[1].release()
    successor.look()
    successor.deal(range(10))
    dealt = read_share(store, 1)
    assert dealt != frozen
    write_share(store, frozen)  # it wakes up in the middle of its write
    successor.deal(range(10))
    assert read_share(store, 1) == dealt

    def refuse():
        raise LeaseLostError("taken over")

    dealing._confirm = refuse  # as that of the predecessor does
    dealing.deal([])
    assert read_share(store, 1) == dealt
