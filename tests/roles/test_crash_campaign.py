"""kill -9 at every step of the trainer and of the worker; then the run goes on.

The processes are real: `zerofleet trainer` and `zerofleet worker` die by SIGKILL at a fault point.
Meanwhile one process reads everything that is visible and another notes what is delivered. After
each kill the audit is sound; at the end every delivered game is counted, pending or rejected once.
"""

import pytest
import run_kit
from campaign import Chain

from zerofleet.run.faults import FAULT_POINTS


def passages(numbers, *names):
    return [f"{name}:{number}" for number in numbers for name in names]


COMMIT = [name for name in FAULT_POINTS if name.startswith("commit.")]
PUBLISH = [name for name in FAULT_POINTS if name.startswith("publish.")]
DEAL = "trainer.after_deal"  # of synchronous runs: tests/roles/test_synchronous.py
TRAINER = [n for n in FAULT_POINTS if n.startswith("trainer.") and n != DEAL]
MOVES, WINDOW = "trainer.after_moves", "trainer.after_window_checkpoint"
TREE_SEARCH = "worker.before_evaluate"  # tests/roles/test_worker_faults.py
WORKER = [n for n in FAULT_POINTS if n.startswith("worker.") and n != TREE_SEARCH]
LEASE = [name for name in FAULT_POINTS if name.startswith("lease.")]
ATOMIC = [name for name in FAULT_POINTS if name.startswith("atomic.")]
EXCLUSIVE = [name for name in FAULT_POINTS if name.startswith("exclusive.")]
SPOOL = [name for name in FAULT_POINTS if name.startswith("spool.")]
REJECT = [name for name in FAULT_POINTS if name.startswith("reject.")]

TRAINER_CHAINS = {
    # The first kills of a chain hit the bootstrap, the later ones loops and what a start redoes.
    "commit": passages((1, 2), *COMMIT) + passages((3, 5, 9), "commit.after_state"),
    "publish": passages((1, 2, 3), *PUBLISH),
    "loop": passages((1, 2), *(p for p in TRAINER if p not in (MOVES, WINDOW)))
    + passages((1, 2, 3), MOVES)
    + passages((1, 1, 1), WINDOW),  # written at each start, and minutes later again
    "reject": passages((1,), *REJECT) * 2,
    "stats": passages((1, 2, 3), "stats.before_write"),
    # By the 36th write a trainer has bootstrapped, learned twice and written each kind of file.
    **{point: passages(range(1, 37, 1 if "half" in point else 2), point) for point in ATOMIC},
    "exclusive": passages((1, 2, 3), *EXCLUSIVE),
}
WITHOUT_STORE = "exclusive.after_fsync:1:EIO,"  # the first delivery fails, so it goes to the spool
WORKER_CHAINS = {
    "worker": passages((1, 2, 4), *WORKER, *LEASE),
    "atomic": passages((1, 2, 3, 4, 6), *ATOMIC),
    "exclusive": passages((1, 2, 4), *EXCLUSIVE),
    # The first one makes the lease, which is created exclusively as well.
    "spool": ["worker.after_submit", *[WITHOUT_STORE + name for name in SPOOL] * 3],
}
NUM_KILLS = sum(map(len, (*TRAINER_CHAINS.values(), *WORKER_CHAINS.values())))


@pytest.fixture
def chain(run, request):
    if request.node.get_closest_marker("long"):
        run.base = run_kit.RATED
    # Deeper, so that a worker delivers about as fast as the trainer learns.
    run.settings |= {"search.depth": 4, "replay.keep": "all"}
    return Chain(run, run_kit.Watcher(run))


def kill_trainers(chain, faults):
    worker = chain.run.worker("w0")
    for fault in faults:
        chain.kill_trainer(fault)
    report = chain.finish(worker)
    assert report.num_rejected == sum(fault.startswith("reject.") for fault in faults)


def kill_workers(chain, faults):
    trainer = chain.run.trainer(pacing__max_loops=10_000)
    chain.run.wait_for_loop(0)
    for fault in faults:
        chain.kill_worker(fault)
    assert trainer.stop() == 0, trainer.text()
    chain.finish(chain.run.worker("w0"))


def test_trainer_killed_at_some_steps(chain):
    kill_trainers(
        chain,
        [
            "commit.before_latest",
            "publish.after_file",
            "commit.after_latest:2",
            "publish.after_manifest:2",
            "trainer.before_move",
            "reject.after_reason",
            "trainer.after_train",
            "atomic.half_temp:8",
        ],
    )


def test_worker_killed_at_some_steps(chain):
    kill_workers(
        chain,
        [
            "exclusive.after_fsync:2",
            "worker.before_submit",
            "worker.after_submit:2",
            WITHOUT_STORE + "spool.after_write",
        ],
    )


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", TRAINER_CHAINS)
def test_trainer_killed_at_every_step(chain, name):
    kill_trainers(chain, TRAINER_CHAINS[name])


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", WORKER_CHAINS)
def test_worker_killed_at_every_step(chain, name):
    kill_workers(chain, WORKER_CHAINS[name])


def test_the_campaign_is_complete():
    """Every fault point of a role is in it, and there are at least 100 kills."""
    faults = [f for chain in (*TRAINER_CHAINS.values(), *WORKER_CHAINS.values()) for f in chain]
    hit = {fault.split(",")[-1].split(":")[0] for fault in faults}
    others = ("mirror.", "import.", "gate.", "training.")  # have tests of their own that kill there
    elsewhere = {name for name in FAULT_POINTS if name.startswith(others)}
    elsewhere |= {
        TREE_SEARCH,
        DEAL,
        "move.after_put",
    }  # of stores that cannot rename: tests/run and tests/fleet
    assert hit == set(FAULT_POINTS) - elsewhere
    assert NUM_KILLS >= 100
