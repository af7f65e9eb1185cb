import numpy as np
import pytest
import torch

from learning_data import GAME, SMALL, model, positions
from zerofleet import _core
from zerofleet.nets.config import NnueConfig
from zerofleet.nets.export import dequantize, export_nnue, quantize
from zerofleet.nets.nnue import (
    QUANTISATION,
    NnueModel,
    evaluate_blocks,
    expand_bits,
    input_bytes,
    with_constant_feature,
)
from zerofleet.nets.nnue_file import from_bytes
from zerofleet.nets.reference import evaluate_integers

SIZES = [SMALL, NnueConfig(), NnueConfig(num_accumulators=64, num_hidden1=16, num_buckets=1)]


def encoded(game: str = GAME, num_buckets: int = 4):
    packed = positions(game=game).packed
    return packed, *_core.encode_features(game, packed, None, num_buckets)


def bits(packed, dtype=torch.float32):
    return expand_bits(with_constant_feature(packed, 199), torch.device("cpu"), dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_bits_are_expanded_as_numpy_does(dtype):
    packed = np.random.default_rng(0).integers(0, 256, (300, 25), np.uint8)
    found = expand_bits(packed, torch.device("cpu"), dtype)
    assert found.dtype == dtype
    np.testing.assert_array_equal(
        found.float(), np.unpackbits(packed, axis=1, bitorder="little").astype(np.float32)
    )


@pytest.mark.parametrize("game", ["ultimate_ttt", "connect_four", "tic_tac_toe"])
def test_imitation_in_float32_is_exactly_the_core(game):
    net = model(game=game)
    packed, mover, _, bucket = encoded(game)
    imitated = net.evaluate(mover, bucket) * 512
    core = _core.NnueNetwork(export_nnue(net)).evaluate(game, packed)
    np.testing.assert_array_equal(imitated, core)
    assert core.std() > 50  # the net says something


@pytest.mark.parametrize("config", SIZES, ids=str)
def test_imitation_is_exact_for_all_sizes(config):
    net = model(config)
    packed, mover, _, bucket = encoded(num_buckets=config.num_buckets)
    core = _core.NnueNetwork(export_nnue(net)).evaluate(GAME, packed)
    np.testing.assert_array_equal(net.evaluate(mover, bucket) * 512, core)


def test_integer_twin_is_the_core():
    net = model()
    packed, mover, opponent, bucket = encoded()
    views = [np.unpackbits(v, axis=1, bitorder="little")[:, :199] > 0 for v in (mover, opponent)]
    np.testing.assert_array_equal(
        evaluate_integers(quantize(net), *views, bucket),
        _core.NnueNetwork(export_nnue(net)).evaluate(GAME, packed),
    )


def test_evaluations_are_clamped_as_in_the_core():
    net = model()
    net.out_bias.data[:] = 58.5  # 29,952 of 30,000
    packed, mover, _, bucket = encoded()
    core = _core.NnueNetwork(export_nnue(net)).evaluate(GAME, packed)
    np.testing.assert_array_equal(net.evaluate(mover, bucket) * 512, core)
    assert core.max() == 30_000 > core.min()


def test_blocks_and_any_order_agree():
    net = model()
    _, mover, _, bucket = encoded()
    logits = net.evaluate(mover, bucket)
    rows = np.concatenate([np.flatnonzero(bucket == b)[:64] for b in (2, 0, 2, 1)])
    blocks = torch.tensor([2, 0, 2, 1])
    x = bits(mover[rows])
    found = evaluate_blocks(x, blocks, net.rounded_weights(), quantised=True)
    np.testing.assert_array_equal(found.detach(), logits[rows])


def test_gradients_match_plain_autograd():
    """The hand-written gradients (permutation, blocks, activation) against finite differences of
    the net without rounding."""
    net = model()
    _, mover, _, bucket = encoded()
    rows = np.concatenate([np.flatnonzero(bucket == b)[:32] for b in (0, 3, 0)])
    blocks = torch.tensor([0, 3, 0])
    x = bits(mover[rows])

    def total() -> torch.Tensor:
        weights = net.rounded_weights(quantised=False)
        return evaluate_blocks(x, blocks, weights, quantised=False).double().sum()

    total().backward()
    generator = torch.Generator().manual_seed(3)
    for name, parameter in net.named_parameters():
        direction = torch.randn(parameter.shape, generator=generator)
        direction /= direction.norm()
        slope = (parameter.grad * direction).sum().item()
        kept = parameter.data.clone()
        step = 1e-3
        parameter.data = kept + step * direction
        high = total().item()
        parameter.data = kept - step * direction
        low = total().item()
        parameter.data = kept
        measured = (high - low) / (2 * step)
        assert measured == pytest.approx(slope, rel=0.03, abs=0.02), name


def test_rounding_lets_gradients_through():
    net = model()
    _, mover, _, bucket = encoded()
    rows = np.flatnonzero(bucket == 1)[:128]
    x = bits(mover[rows], torch.bfloat16)
    evaluate_blocks(x, torch.tensor([1]), net.rounded_weights(), quantised=True).sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None
        touched = parameter.grad if parameter.dim() < 2 or "ft" in name else parameter.grad[1]
        assert touched.abs().max() > 0, name


def test_tolerances_over_ten_thousand_positions():
    """The figures of docs/training.md: what training sees against what the core computes."""
    network = _core.NnueNetwork.random(GAME, seed=4)
    net = dequantize(from_bytes(network.to_bytes()))
    packed = positions(num_games=230).packed[:10_000]
    assert len(packed) == 10_000
    mover, _, bucket = _core.encode_features(GAME, packed)
    core = network.evaluate(GAME, packed)
    assert core.std() > 100

    def differences(**how):
        return np.abs(net.evaluate(mover, bucket, **how) * 512 - core)

    assert differences().max() == 0
    in_training = differences(dtype=torch.bfloat16)
    assert in_training.mean() < 4
    assert in_training.max() < 40
    without_rounding = differences(quantised=False)
    assert without_rounding.mean() < 32
    assert without_rounding.max() < 160


def test_weights_are_clipped_to_what_files_hold():
    net = model()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_(0, 100.0)
    net.clip_to_range()
    export_nnue(net)
    for name, parameter in net.named_parameters():
        assert parameter.abs().max() <= QUANTISATION[name][1]


def test_constant_feature():
    assert [input_bytes(f) for f in (18, 84, 199, 8)] == [3, 11, 25, 2]
    views = with_constant_feature(np.zeros((2, 1), np.uint8), 8)
    np.testing.assert_array_equal(views, [[0, 1], [0, 1]])


def test_same_seed_same_net():
    first, second = (NnueModel(model().architecture, seed=5) for _ in range(2))
    assert export_nnue(first) == export_nnue(second)
    assert export_nnue(first) != export_nnue(NnueModel(first.architecture, seed=6))
