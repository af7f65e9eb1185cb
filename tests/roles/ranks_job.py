"""One rank of a group that goes through everything ranks do together: `ranks_job.py OUT`.

Rank 0 writes what came out to OUT/<name>.pt, every rank what it saw to OUT/seen-<rank>.json.
"""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # tests/

import numpy as np
import ranks_kit
import torch

from zerofleet.replay import batches
from zerofleet.replay.samples import SampleBatch, SampleWindow
from zerofleet.roles.data import share_batch
from zerofleet.training.errors import TrainingError
from zerofleet.training.group import Place, RankGroup
from zerofleet.training.ranks import check_same_weights


def shared_data(group):
    batch = None
    if group.is_main:
        made = ranks_kit.data()
        batch = SampleBatch("games", 1, made.samples)
    batch = share_batch(group, batch)
    return SampleWindow.from_sources(ranks_kit.GAME, [batch], max_positions=1_000_000)


def main(out):
    group = RankGroup.join(Place.from_environment(), device="cpu", timeout_seconds=60)
    seen = {"group": str(group), "rank": group.rank, "backend": group.backend}
    seen["sum"] = group.sum(torch.tensor([1.0 + group.rank])).item()
    seen["largest"] = group.largest(10 * group.rank)
    if group.is_main:
        time.sleep(0.2)  # the others wait for it
    seen["json"] = group.broadcast_json({"a": [1, "b"]} if group.is_main else None)
    arrays = {"x": np.arange(6.0).reshape(2, 3), "empty": np.zeros((0, 4), np.uint8)}
    found = group.broadcast_arrays(arrays if group.is_main else None)
    seen["arrays"] = all(
        np.array_equal(found[n], a) and found[n].dtype == a.dtype for n, a in arrays.items()
    )
    window = shared_data(group)
    for case in ranks_kit.CASES:
        made = ranks_kit.learner(case, group)
        group.is_mixed = case == "float32"  # as if one had another device
        asked = []
        if case == "memory":
            # Only one of them has little; both take as little.
            ranks_kit.limit_memory(made, 5 if group.rank == 1 else 1000, asked)
        result = made.train_loop(window, 1, num_steps=ranks_kit.NUM_STEPS)
        seen[case] = {
            "losses": [result.train.policy, result.train.value, result.train.policy_entropy],
            "validation": result.validation.total,
            "samples": result.num_samples,
            "micro_batch": made.gradients.micro_batch,
            "asked": sorted(set(asked)),
        }
        states = ranks_kit.state(made)
        sums = torch.stack([t.double().sum() for t in states.values()])
        seen[case]["equal"] = bool((group.gather(sums) == sums).all())
        if group.is_main:
            torch.save(states, out / f"{case}.pt")
    # One bit of a weight of rank 1 falls over.
    if group.rank == 1:
        with torch.no_grad():
            made.model.policy.bias.view(torch.int64)[3] ^= 1
    try:
        check_same_weights(group, made.model, "step 50")
    except TrainingError as error:
        seen["mismatch"] = str(error)
    # Rank 0 has a slow disk, say.
    drawn = batches.draw

    def slow(*args, **kwargs):
        time.sleep(0.05 if group.rank == 0 else 0)
        return drawn(*args, **kwargs)

    batches.draw = slow
    pace = ranks_kit.learner("float32", group).train_loop(window, 1, num_steps=30).pace
    seen["slowest"], seen["imbalance"] = pace.slowest, pace.imbalance
    (out / f"seen-{group.rank}.json").write_text(json.dumps(seen))
    group.close()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
