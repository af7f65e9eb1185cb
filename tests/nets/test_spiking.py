"""The spiking net: its neurons against snntorch's, its gradients, its batches, its spikes."""

import dataclasses

import numpy as np
import pytest
import torch
from net_kit import game_of, net_for, real_batch, states_of

from support import require
from zerofleet import _core, load_game
from zerofleet.games.chess import fen
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.build import build_model, folded
from zerofleet.nets.config import SpikingConfig
from zerofleet.nets.cuda_backend import CudaBackend
from zerofleet.nets.evaluator import NetEvaluator, make_evaluator
from zerofleet.nets.model_file import model_from_safetensors, model_to_safetensors
from zerofleet.nets.spiking import LifLayer, rate_code

snntorch = require("snntorch")

SMALL = SpikingConfig(
    num_steps=6, num_blocks=2, num_filters=16, num_head_filters=4, num_head_units=16
)
FULL = SpikingConfig(policy_head="linear", num_head_units=384)
"""The net of the recipe chess_spiking."""


def inputs_of(name: str, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    states = states_of(game_of(name), count)
    planes = np.stack([s.observation() for s in states])
    return torch.from_numpy(planes), torch.from_numpy(np.stack([s.scalars() for s in states]))


@pytest.mark.parametrize("surrogate", ["atan", "fast_sigmoid"])
@pytest.mark.parametrize(("beta", "threshold"), [(0.5, 1.0), (0.9, 0.7), (1.0, 1.0), (0.0, 0.3)])
def test_neurons_are_those_of_snntorch(beta, threshold, surrogate):
    config = SpikingConfig(beta=beta, threshold=threshold, surrogate=surrogate)
    current = torch.randn(8 * 3, 2, 4, 4, generator=torch.Generator().manual_seed(1))
    oracle, potential, expected = snntorch.Leaky(beta=beta, threshold=threshold), None, []
    potential = torch.zeros(3, 2, 4, 4)
    for step in current.chunk(8):
        spike, potential = oracle(step, potential)
        expected.append(spike)
    layer = LifLayer(config)
    assert torch.equal(layer(current, 8), torch.cat(expected))
    assert 0.05 < torch.cat(expected).mean() < 0.95
    layer.fold()
    assert torch.equal(layer(current, 8), torch.cat(expected))


def test_a_neuron_by_hand():
    """Threshold 1, half of the potential left: u = .8, 1.2 -> spike, .4 (1.2/2 + .8 - 1), 1.0."""
    layer = LifLayer(SpikingConfig(beta=0.5, threshold=1.0))
    spikes = layer(torch.tensor([0.8, 0.8, 0.8, 0.8, 0.9]).view(5, 1, 1, 1), 5)
    assert spikes.flatten().tolist() == [0, 1, 0, 0, 1]


def test_the_net_of_the_recipe_has_five_and_a_half_million_parameters(capsys):
    model = build_model(NetArchitecture.of(load_game("chess"), FULL), 1).eval()
    policy, value = model(*inputs_of("chess", 2))
    assert (policy.shape, value.shape) == ((2, 4672), (2, 3))
    found = sum(p.numel() for p in model.parameters())
    # Convolutions without biases, each with a norm of two numbers a channel; then linear layers.
    convs = [(117 + 2, 64, 9), *[(64, 64, 9)] * 6, (64, 16, 1), (64, 16, 1)]
    linear = [(16 * 64, 4672), (16 * 64, 384), (384, 3)]
    expected = sum(i * o * k + 2 * o for i, o, k in convs) + sum(i * o + o for i, o in linear)
    assert found == expected
    assert 5.4e6 < found < 5.6e6
    with capsys.disabled():
        print(f"\n{model.architecture}: {found:,} parameters")


@pytest.mark.parametrize("encoding", ["direct", "rate"])
def test_gradients_reach_every_layer_at_every_step(encoding):
    config = SMALL.model_copy(update={"encoding": encoding})
    game = load_game("chess")
    model = build_model(NetArchitecture.of(game, config), 3).train()
    currents = []

    def keep(module, args):
        args[0].retain_grad()
        currents.append(args[0])

    for module in model.modules():
        if isinstance(module, LifLayer):
            module.register_forward_pre_hook(keep)
    policy, value = model(*inputs_of("chess", 8))
    loss = policy.log_softmax(1)[:, 5].mean() + value.log_softmax(1)[:, 0].mean()
    loss.backward()
    assert len(currents) == 5
    for current in currents:
        by_step = torch.stack(current.grad.chunk(config.num_steps)).flatten(1)
        assert by_step.isfinite().all()
        assert (by_step.abs().sum(dim=1) > 0).all()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_the_step_before_matters():
    """The gradient of a later spike goes back through the potential to an earlier current."""
    layer = LifLayer(SpikingConfig(beta=0.5))
    current = torch.full((4, 1, 1, 1), 0.3, requires_grad=True)
    layer(current, 4)[3].sum().backward()
    assert (current.grad.flatten()[:3] > 0).all()
    # Each step further back counts half as much: beta.
    ratio = current.grad.flatten()[1:] / current.grad.flatten()[:-1]
    torch.testing.assert_close(ratio, torch.full((3,), 2.0))


@pytest.mark.parametrize("backend", ["torch-f32", "openvino-bf16"])
def test_one_position_is_answered_as_among_64(backend):
    if backend.startswith("openvino"):
        require("openvino")
    data = model_to_safetensors(net_for("chess", SMALL))
    evaluator = make_evaluator(data, backend=backend, max_batch=64)
    batch = real_batch("chess", 64)
    together = evaluator(batch)
    assert together.value.std() > 0.001
    for row in (0, 17, 63):
        first, end = batch.legal_start[row : row + 2]
        alone = evaluator(
            dataclasses.replace(
                batch,
                planes=batch.planes[row : row + 1],
                scalars=batch.scalars[row : row + 1],
                legal_start=np.array([0, end - first]),
                legal_action=batch.legal_action[first:end],
            )
        )
        np.testing.assert_array_equal(alone.prior, together.prior[first:end])
        assert alone.value[0] == together.value[row]


@pytest.mark.parametrize("backend", ["torch-bf16", "openvino-bf16", "cuda"])
def test_every_backend_agrees_with_float32(backend):
    """bfloat16 moves a spike here and there; the GPU's code, here on a processor, none."""
    if backend.startswith("openvino"):
        require("openvino")
    model = net_for("chess", SMALL)
    data, batch = model_to_safetensors(model), real_batch("chess", 40)
    exact = make_evaluator(data, backend="torch-f32", max_batch=64)(batch)
    if backend == "cuda":
        arch = model.architecture
        made = CudaBackend(model, (64,), device="cpu", dtype=torch.float32)
        codec = _core.NetCodec(arch.num_cells, model.scalar_repeat, 1)
        found, tolerance = NetEvaluator(model, made, codec, (64,))(batch), 2e-5
    else:
        found, tolerance = make_evaluator(data, backend=backend, max_batch=64)(batch), 0.03
    np.testing.assert_allclose(found.prior, exact.prior, rtol=0, atol=tolerance)
    np.testing.assert_allclose(found.value, exact.value, rtol=0, atol=tolerance)


@pytest.mark.parametrize("game", ["tic_tac_toe", "connect_four", "twenty48", "python", "chess"])
def test_it_is_an_ordinary_net_of_any_game(game):
    model = net_for(game, SMALL)
    again = model_from_safetensors(model_to_safetensors(model))
    inputs = inputs_of(game, 5)
    for expected, found in zip(model(*inputs), again(*inputs), strict=True):
        assert torch.equal(expected, found)
    quick = folded(model)
    for expected, found in zip(model(*inputs), quick(*inputs), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_a_rate_is_the_share_of_the_steps_with_a_spike():
    x = torch.tensor([0.0, 0.1, 0.25, 0.5, 0.97, 1.0, -3.0, 7.0])
    steps = torch.stack(list(rate_code(x, 16)))
    assert set(steps.unique().tolist()) == {0.0, 1.0}
    assert steps.sum(0).tolist() == [0, 2, 4, 8, 16, 16, 0, 16]
    # Evenly spaced: a spike in every fourth step, and so on.
    assert steps[:, 2].nonzero().flatten().tolist() == [1, 5, 9, 13]


def test_spikes_are_counted():
    model = net_for("chess", SMALL)
    seen = []
    for module in model.modules():
        if isinstance(module, LifLayer):
            module.register_forward_hook(lambda module, args, out: seen.append(out))
    planes, scalars = inputs_of("chess", 6)
    with torch.no_grad(), model.counting() as count:
        model(planes[:4], scalars[:4])
        model(planes[4:], scalars[4:])
    stats = count.of(6)
    assert len(stats.layer_rates) == 5
    assert stats.num_neurons == 5 * 16 * 64
    assert stats.spikes_per_inference == pytest.approx(sum(float(s.sum()) for s in seen) / 6)
    share = sum(float(s.sum()) for s in seen) / sum(s.numel() for s in seen)
    assert stats.sparsity == pytest.approx(1 - share)
    assert 0.2 < stats.sparsity < 0.99
    before = len(seen)
    model(planes, scalars)  # is not counted any more
    assert len(seen) > before
    assert count.of(6) == stats


def test_nets_that_are_gone_leave_no_neurons():
    before = len(snntorch.SpikingNeuron.instances)
    net_for("tic_tac_toe", SMALL)
    assert len(snntorch.SpikingNeuron.instances) == before


@pytest.mark.parametrize(
    ("position", "promotions"),
    [
        ("1n1n4/P1P5/8/8/8/8/7k/K7 w - - 0 1", 4 * 5),  # a7: a8 b8; c7: c8 b8 d8
        ("7K/8/8/8/8/8/p1p5/1N1N3k b - - 0 1", 4 * 5),
    ],
    ids=["white", "black"],
)
def test_moves_and_actions_are_one_to_one_underpromotions_included(position, promotions):
    chess = require("chess")  # python-chess
    game = load_game("chess")
    state, board = game.parse(position), chess.Board(position)
    legal = state.legal_actions()
    assert all(0 <= action < 4672 for action in legal)
    uci = {game.action_to_text(state, action): action for action in legal}
    assert len(uci) == len(legal)
    moves = {board.uci(move): move for move in board.legal_moves}
    assert sum(move.promotion is not None for move in moves.values()) == promotions
    found = {}
    for action in legal:
        after = state.copy()
        after.apply(action)
        text = game.action_to_text(state, action)
        assert game.action_from_text(state, text) == action
        found[action] = fen(after)
    expected = set()
    for move in board.legal_moves:
        board.push(move)
        expected.add(board.fen())
        board.pop()
    assert set(found.values()) == expected
    assert len(set(found.values())) == len(legal)
