"""What test_ranks.py and the ranks it starts (ranks_job.py) both need: data, nets, trainings."""

from dataclasses import replace

import numpy as np
import torch

from sample_data import window
from zerofleet import load_game
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.build import build_model
from zerofleet.nets.config import MlpConfig, ResNetConfig
from zerofleet.training.config import PolicyValueConfig
from zerofleet.training.policy_value import PolicyValueLearner

GAME = "connect_four"
NUM_STEPS = 50
PLAIN = MlpConfig(num_layers=2, num_units=24)
WITH_NORM = ResNetConfig(num_blocks=1, num_filters=8, num_head_filters=4, num_head_units=8)
CONFIG = PolicyValueConfig(
    batch_size=33,  # an odd number: ranks get 16 and 17
    compile=False,
    compute_dtype="float64",
    optimizer="sgd",
    learning_rate=0.05,
    warmup_steps=5,
)
CASES = {
    "float64": (PLAIN, CONFIG),
    "float32": (PLAIN, CONFIG.model_copy(update={"compute_dtype": "float32"})),
    "norm": (WITH_NORM, CONFIG),
    "memory": (PLAIN, CONFIG),
}


def data():
    """A window in which every fifth sample has no policy."""
    made = window(GAME)
    samples = made.samples
    counts = np.diff(samples.policy_start)
    kept = np.repeat(np.arange(len(counts)) % 5 != 0, counts)
    counts[::5] = 0
    return replace(
        made,
        samples=replace(
            samples,
            policy_start=np.concatenate([[0], np.cumsum(counts)]),
            policy_action=samples.policy_action[kept],
            policy_prob=samples.policy_prob[kept],
        ),
    )


def learner(case, group=None):
    net, config = CASES[case]
    model = build_model(NetArchitecture.of(load_game(GAME), net), seed=1)
    return PolicyValueLearner(model, config, device="cpu", group=group)


def limit_memory(made, num_rows, asked=None):
    """The device has memory for so many samples of a step; more raise what a GPU raises."""
    forward = made.model.forward

    def limited(planes, scalars):
        if asked is not None and torch.is_grad_enabled():
            asked.append(len(planes))
        if torch.is_grad_enabled() and len(planes) > num_rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return forward(planes, scalars)

    made.model.forward = limited


def state(made):
    return {
        f"{part}.{name}": tensor.clone()
        for part, model in (("model", made.model), ("average", made.average.model))
        for name, tensor in model.state_dict().items()
    }


def largest_difference(a, b, *, only=""):
    assert a.keys() == b.keys()
    names = [name for name in a if only in name and a[name].is_floating_point()]
    return max(float((a[name].double() - b[name].double()).abs().max()) for name in names)
