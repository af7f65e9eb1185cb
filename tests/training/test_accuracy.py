"""The accuracy of first choices against a count of one position after the other."""

import numpy as np
import pytest
import torch

from sample_data import window
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.build import build_model
from zerofleet.nets.config import MlpConfig
from zerofleet.replay.batches import draw
from zerofleet.training import accuracy
from zerofleet.training.accuracy import policy_accuracy
from zerofleet.training.config import PolicyValueConfig
from zerofleet.training.policy_value import PolicyValueLearner


def learner_of(game, **options):
    net = MlpConfig(num_layers=1, num_units=16)
    config = PolicyValueConfig(batch_size=32, compile=False, compute_dtype="float32", **options)
    return PolicyValueLearner(build_model(NetArchitecture.of(game, net), seed=3), config)


def test_it_counts_first_choices() -> None:
    samples = window("connect_four")
    learner = learner_of(samples.game)
    start = samples.samples.policy_start
    right, uniform = [], []
    for row in samples.validation_rows:
        if start[row + 1] == start[row]:
            continue  # no policy was learned
        one = draw(samples, np.array([row]))
        planes = torch.from_numpy(one.planes_BHWC).permute(0, 3, 1, 2).float()
        with torch.no_grad():
            logits = learner.average.model(planes, torch.from_numpy(one.scalars_BS))[0][0].numpy()
        legal = np.flatnonzero(one.legal_BA[0])
        best = np.flatnonzero(one.policy_BA[0] == one.policy_BA[0].max())
        right.append(legal[logits[legal].argmax()] in best)
        uniform.append(len(best) / len(legal))
    found = policy_accuracy(learner, samples)
    assert found is not None
    assert found.num_samples == len(right) > 50
    assert found.top1 == pytest.approx(np.mean(right))
    assert found.uniform == pytest.approx(np.mean(uniform))


def test_bounds(monkeypatch) -> None:
    samples = window("connect_four")
    monkeypatch.setattr(accuracy, "MAX_SAMPLES", 10)
    found = policy_accuracy(learner_of(samples.game), samples)
    assert found is not None
    assert found.num_samples == 10
    assert (
        policy_accuracy(learner_of(samples.game), window("connect_four", validation_share=0.0))
        is None
    )
