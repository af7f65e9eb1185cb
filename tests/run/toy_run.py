"""A worker and a trainer in miniature, with everything of a real run but games and nets.

`python toy_run.py DIRECTORY` plays four batches, one of them spooled and one damaged, and learns
from them two at a time. It may be killed anywhere and is then run again.
"""

import json
import sys
from pathlib import Path

from zerofleet.run.commit import commit, read_latest
from zerofleet.run.documents import encode, sha256_hex
from zerofleet.run.errors import StoreError
from zerofleet.run.layout import (
    CONSUMED,
    DATA,
    TRAINER_LEASE,
    base_name,
    shard_name,
    worker_lease_key,
)
from zerofleet.run.lease import Lease
from zerofleet.run.ledger import Verdict
from zerofleet.run.models import publish_model
from zerofleet.run.numbers import LEDGER, ShardContent, read_ledger
from zerofleet.run.rejected import quarantine
from zerofleet.run.spool import Spool
from zerofleet.run.stats import append_stats
from zerofleet.run.store import DirectoryStore, iterate, move

WORKER = "w0"
NUM_BATCHES = 4


def make_shard(worker, batch, games, num_positions=30):
    return encode(
        {"worker": worker, "batch": batch, "games": list(games), "num_positions": num_positions}
    )


def read_shard(data):
    value = json.loads(data)
    return ShardContent(
        value["worker"], value["batch"], tuple(value["games"]), value["num_positions"]
    )


class FiveCalls:
    """A store that can do nothing but the five calls, as object storage."""

    def __init__(self, store):
        self.list, self.read, self.delete = store.list, store.read, store.delete
        self.put, self.put_if_absent = store.put, store.put_if_absent


class RefusesOnce(FiveCalls):
    """Refuses the first new shard."""

    def __init__(self, store):
        super().__init__(store)
        self.refused = False

        def put_if_absent(key, data):
            if key.startswith(DATA) and not self.refused:
                self.refused = True
                raise StoreError("the mount is gone")
            return store.put_if_absent(key, data)

        self.put_if_absent = put_if_absent


def read_finished(root):
    path = root / "finished.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [read_shard(line) for line in lines]


def play(root):
    store = DirectoryStore(root / "run")
    lease = Lease.acquire(store, worker_lease_key(WORKER), settle_seconds=0)
    spool = Spool(RefusesOnce(store), root / "spool")
    while len(read_finished(root)) < NUM_BATCHES:
        reserved = lease.reserve(5)
        games = range(reserved.first_game, reserved.first_game + 5)
        data = make_shard(WORKER, reserved.batch, games)
        spool.submit(shard_name(1, WORKER, reserved.batch), data)
        with (root / "finished.jsonl").open("a") as file:
            file.write(json.dumps(json.loads(data)) + "\n")
        spool.flush(now=True)
    spool.flush(now=True)
    if not (root / "damaged").exists():
        store.put(DATA + shard_name(1, "evil", 1), b"damaged")
        (root / "damaged").touch()
    lease.release()


def derive(store, iteration):
    """What follows from a commit; redone at start."""
    net = b"net %d" % iteration
    publish_model(store, iteration, {"nnue": net}, "toy", copies={"model/nnue_model.nnue": net})
    append_stats(store, {"iteration": iteration})


def learn(root):
    store = FiveCalls(DirectoryStore(root / "run"))
    lease = Lease.acquire(store, TRAINER_LEASE, settle_seconds=0)
    latest = read_latest(store)
    iteration = latest.summary["iteration"] if latest else 0
    if iteration:
        derive(store, iteration)
    while list(iterate(store, DATA)):
        ledger = read_ledger(store)
        taken = []
        for entry in iterate(store, DATA):
            name, data = base_name(entry.key), store.read(entry.key)
            try:
                content = read_shard(data)
            except ValueError as error:
                quarantine(store, name, f"not a shard: {error}")
                continue
            verdict, why = ledger.judge(content.worker, content.batch, sha256_hex(data))
            if verdict is Verdict.CONFLICT:
                quarantine(store, name, why)
            elif verdict is Verdict.DUPLICATE:
                move(store, entry.key, CONSUMED + name)
            elif len(taken) < 2:
                assert ledger.judge_games(content.worker, content.game_numbers)[0] is Verdict.NEW
                ledger.count(
                    content.worker,
                    content.batch,
                    sha256_hex(data),
                    content.game_numbers,
                    content.num_positions,
                )
                taken.append(name)
        if taken:
            iteration += 1
            commit(
                store,
                {LEDGER: encode(ledger.to_json()), "trainer.pt": b"weights %d" % iteration},
                summary={"iteration": iteration},
                keep_last=1,
                guard=lease.confirm,
            )
            derive(store, iteration)
            for name in taken:
                move(store, DATA + name, CONSUMED + name)
    lease.release()


if __name__ == "__main__":
    play(Path(sys.argv[1]))
    learn(Path(sys.argv[1]))
    print("done")
