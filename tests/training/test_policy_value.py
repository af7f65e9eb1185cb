"""The learner of nets of policy and value."""

import logging
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from sample_data import window
from zerofleet import load_game
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.build import build_model
from zerofleet.nets.config import MlpConfig, ResNetConfig
from zerofleet.nets.heads import score_value, wdl_value
from zerofleet.replay.batches import draw
from zerofleet.training.config import PolicyValueConfig
from zerofleet.training.errors import CheckpointError, TrainingError
from zerofleet.training.policy_value import PolicyValueLearner
from zerofleet.training.policy_value_checkpoint import (
    policy_value_learner_to_bytes,
    restore_policy_value_learner,
)
from zerofleet.training.schedule import policy_value_learning_rate

CONFIG = PolicyValueConfig(
    batch_size=64, compile=False, compute_dtype="float32", warmup_steps=10, learning_rate=3e-3
)
SMALL = ResNetConfig(num_blocks=1, num_filters=16, num_head_filters=4, num_head_units=16)


def learner(config=CONFIG, *, name="connect_four", net=SMALL, seed=0, net_seed=1):
    model = build_model(NetArchitecture.of(load_game(name), net), net_seed)
    return PolicyValueLearner(model, config, device="cpu", seed=seed)


def weights(made):
    return [t.clone() for t in made.average.model.state_dict().values()]


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_loop():
    made = learner()
    asked = []
    result = made.train_loop(
        window("connect_four"), 3, num_steps=40, on_progress=lambda *a: asked.append(a)
    )
    assert (result.iteration, result.num_steps, result.num_samples) == (3, 40, 40 * 64)
    assert made.num_steps == made.average.num_updates == 40
    assert [steps for steps, _ in asked] == [16, 32]
    assert made.train_loop(window("connect_four"), 4, num_steps=16).num_steps == 16
    assert asked[0][1] > asked[1][1]
    assert result.train.total == pytest.approx(result.train.policy + result.train.value)
    assert result.validation.policy > result.validation.policy_entropy > 0
    assert result.learning_rate == CONFIG.learning_rate
    assert result.gradient_norm > 0
    assert result.samples_per_second > 0
    assert made.train_loop(window("connect_four"), 5, num_steps=1).samples_per_second > 0


@pytest.mark.parametrize("net", [SMALL, MlpConfig(num_layers=2, num_units=32)])
def test_same_seed_same_weights(net):
    first, second, other = learner(net=net), learner(net=net), learner(net=net, seed=1)
    for made in (first, second, other):
        made.train_loop(window("connect_four"), 1, num_steps=8)
    assert same(weights(first), weights(second))
    assert not same(weights(first), weights(other))


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_restored_learner_goes_on_as_if_nothing_happened(optimizer):
    config = CONFIG.model_copy(update={"optimizer": optimizer})
    whole = learner(config)
    whole.train_loop(window("connect_four"), 1, num_steps=12)
    restored = learner(config, net_seed=9, seed=4)
    restore_policy_value_learner(restored, policy_value_learner_to_bytes(whole))
    assert restored.num_steps == 12
    results = [m.train_loop(window("connect_four"), 2, num_steps=5) for m in (whole, restored)]
    assert results[0].train == results[1].train
    assert results[0].validation == results[1].validation
    assert policy_value_learner_to_bytes(whole) == policy_value_learner_to_bytes(restored)


def test_another_optimizer_begins_anew(caplog):
    whole = learner()
    whole.train_loop(window("connect_four"), 1, num_steps=3)
    other = learner(CONFIG.model_copy(update={"optimizer": "sgd"}), net_seed=9)
    with caplog.at_level(logging.WARNING):
        restore_policy_value_learner(other, policy_value_learner_to_bytes(whole), source="7.pt")
    assert "7.pt was written by adamw; training goes on with sgd" in caplog.text
    assert same(weights(whole), weights(other))
    other.train_loop(window("connect_four"), 2, num_steps=2)


def test_a_wrong_state_changes_nothing():
    made = learner()
    before = policy_value_learner_to_bytes(made)
    wider = learner(net=SMALL.model_copy(update={"num_filters": 32}))
    with pytest.raises(CheckpointError, match=r'x\.pt: the net is .*"num_filters":32.*, expected'):
        restore_policy_value_learner(made, policy_value_learner_to_bytes(wider), source="x.pt")
    for data in (b"", b"junk", before[:-100]):
        with pytest.raises(CheckpointError, match="found something else"):
            restore_policy_value_learner(made, data)
    assert policy_value_learner_to_bytes(made) == before


def test_losses_that_are_no_numbers_end_the_loop():
    made = window("connect_four")
    broken = replace(made, samples=replace(made.samples, result=made.samples.result * np.inf))
    with pytest.raises(
        TrainingError,
        match=r"loop 4, batch 0: the policy loss is \d.*, the value loss nan.*v3",
    ):
        learner().train_loop(broken, 4, num_steps=20, last_good="v3")


def test_nothing_to_learn_from():
    made = window("connect_four")
    kept = np.ones(len(made), np.bool_)
    with pytest.raises(TrainingError, match="loop 1: 5 steps on 0 samples to train on, expected"):
        learner().train_loop(
            replace(made, samples=replace(made.samples, is_validation=kept)), 1, num_steps=5
        )


def test_stops_when_asked():
    asked = iter([False] * 4 + [True] * 100)
    made = learner()
    result = made.train_loop(
        window("connect_four"), 1, num_steps=50, should_stop=lambda: next(asked)
    )
    assert result.num_steps == made.num_steps == 4
    at_once = made.train_loop(window("connect_four"), 2, num_steps=5, should_stop=lambda: True)
    assert at_once.num_steps == 0
    assert math.isnan(at_once.train.total)


def test_trains_on_without_a_compiler(monkeypatch, caplog):
    """What torch raises where no compiler is installed."""
    from torch._inductor.exc import InvalidCxxCompiler

    def compile_nothing(function, **_):
        def fail(*_):
            raise InvalidCxxCompiler

        return fail

    monkeypatch.setattr(torch, "compile", compile_nothing)
    with caplog.at_level(logging.WARNING):
        made = learner(CONFIG.model_copy(update={"compile": True}))
        made.train_loop(window("connect_four"), 1, num_steps=3)
    plain = learner()
    plain.train_loop(window("connect_four"), 1, num_steps=3)
    assert same(weights(made), weights(plain))
    assert len(caplog.records) == 1
    assert "install a C++ compiler" in caplog.text


def test_the_compiled_step_is_the_same_step():
    results = []
    net = MlpConfig(num_layers=1, num_units=16)  # quick to compile
    for compiled in (True, False):
        made = learner(CONFIG.model_copy(update={"compile": compiled}), net=net)
        results.append(made.train_loop(window("connect_four"), 1, num_steps=6))
    assert results[0].train.total == pytest.approx(results[1].train.total, rel=1e-3)
    assert results[0].validation.total == pytest.approx(results[1].validation.total, rel=1e-3)


def test_bfloat16_learns_the_same():
    results = []
    for dtype in ("bfloat16", "float32"):
        made = learner(CONFIG.model_copy(update={"compute_dtype": dtype}), name="tic_tac_toe")
        results.append(made.train_loop(window("tic_tac_toe"), 1, num_steps=40))
        assert {p.dtype for p in made.average.model.parameters()} == {torch.float32}
    assert results[0].validation.total == pytest.approx(results[1].validation.total, rel=0.02)


def test_the_published_net_is_normalised_for_its_own_weights():
    """Its losses in evaluation are those it has when batches are normalised by themselves."""
    made = learner(CONFIG.model_copy(update={"average_decay": 0.98}), name="tic_tac_toe")
    for loop in range(3):
        made.train_loop(window("tic_tac_toe", 400), loop, num_steps=40)
    data = window("tic_tac_toe", 400)
    tensors = made._tensors(draw(data, data.training_rows))
    with torch.no_grad():
        evaluated = sum(made._losses_of(made.average.model, tensors))
        batchwise = sum(made._losses_of(made.average.model.train(), tensors))
    assert evaluated.item() == pytest.approx(batchwise.item(), rel=0.01)


def test_no_decay_on_what_is_no_matrix():
    made = learner()
    decayed, plain = made.optimizer.param_groups
    assert decayed["weight_decay"] == CONFIG.weight_decay
    assert plain["weight_decay"] == 0
    assert all(p.ndim > 1 for p in decayed["params"])
    assert all(p.ndim == 1 for p in plain["params"])
    assert len(decayed["params"]) + len(plain["params"]) == len(list(made.model.parameters()))


def test_learning_rates():
    config = PolicyValueConfig(learning_rate=0.1, warmup_steps=4)
    rates = [policy_value_learning_rate(config, step) for step in (0, 1, 3, 4, 10**6)]
    assert rates == pytest.approx([0.02, 0.04, 0.08, 0.1, 0.1])
    config = config.model_copy(update={"decay_steps": 100, "final_learning_rate_share": 0.1})
    rates = [policy_value_learning_rate(config, step) for step in (3, 4, 54, 104, 10**6)]
    assert rates == pytest.approx([0.08, 0.1, 0.055, 0.01, 0.01])


# What is learned.


def test_policy_and_value_of_tic_tac_toe_are_learned():
    """From games of search without a net, which finds out by looking a few moves ahead.

    A policy that knows nothing but the legal moves has the loss `uniform`, a value that knows
    nothing but how often the mover wins has `ignorant`; no net can have less than the entropy of
    the targets.
    """
    data = window("tic_tac_toe", 3000, simulations=64, validation_share=0.2)
    config = CONFIG.model_copy(update={"batch_size": 128, "learning_rate": 5e-3})
    made = learner(config, name="tic_tac_toe", net=MlpConfig(num_layers=2, num_units=64))
    losses = made.train_loop(data, 1, num_steps=300).validation
    rows = data.validation_rows
    tensors = made._tensors(draw(data, rows))
    uniform = tensors.legal_BA.sum(1).log().mean().item()
    ignorant = torch.special.entr(tensors.value_BK.mean(0)).sum().item()
    assert losses.policy - losses.policy_entropy < 0.7 * (uniform - losses.policy_entropy)
    assert losses.value < ignorant - 0.12
    # The sign of the value for either player, where search is sure.
    with torch.no_grad():
        _, logits = made._logits(made.average.model, tensors.planes_BCHW, tensors.scalars_BS)
    value, searched = wdl_value(logits).numpy(), data.samples.search_value[rows]
    stones = np.unpackbits(data.samples.planes[rows], axis=-1).sum(-1)
    is_first = stones[:, 0] == stones[:, 1]
    for mover in (is_first, ~is_first):
        sure = mover & (np.abs(searched) > 0.5)
        assert sure.sum() > 100
        assert (np.sign(value) == np.sign(searched))[sure].mean() > 0.8


def test_scores_of_2048_are_learned_in_order():
    """The score head knows more than the score so far and the mean of what is still gained."""
    data = window("twenty48(size=3)", 400, simulations=16, validation_share=0.2)
    config = CONFIG.model_copy(update={"batch_size": 128, "lambda_search": 0.0})
    made = learner(config, name="twenty48(size=3)", net=MlpConfig(num_layers=2, num_units=64))
    before = made.validation_losses(data)
    result = made.train_loop(data, 1, num_steps=400)
    assert result.validation.value < 0.85 * before.value
    rows, training = data.validation_rows, data.training_rows
    tensors = made._tensors(draw(data, rows))
    reached = tensors.scalars_BS[:, 0].numpy()
    with torch.no_grad():
        _, logits = made._logits(made.average.model, tensors.planes_BCHW, tensors.scalars_BS)
        value = score_value(logits, tensors.scalars_BS[:, 0]).numpy()
    final = data.samples.result[rows]
    assert (value >= reached - 1e-6).all()
    mean_gain = (data.samples.result[training] - data.samples.scalars[training, 0]).mean()
    assert ((value - final) ** 2).mean() < 0.75 * ((reached + mean_gain - final) ** 2).mean()
    assert ((value - final) ** 2).mean() < 0.9 * final.var()
    assert rank_correlation(value, final) > max(0.3, rank_correlation(reached, final))


def rank_correlation(a, b):
    return np.corrcoef(np.argsort(np.argsort(a)), np.argsort(np.argsort(b)))[0, 1]
