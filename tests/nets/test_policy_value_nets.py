import numpy as np
import pytest
import torch
from net_kit import MLP, SMALL, game_of, net_for, real_batch, states_of
from torch import nn

from zerofleet.games import load_game
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.build import build_model, folded
from zerofleet.nets.config import ResNetConfig
from zerofleet.nets.heads import score_centres, score_value, two_hot, wdl_value
from zerofleet.nets.layers import GlobalPoolingBias, SqueezeExcitation

GAMES = ["tic_tac_toe", "connect_four", "othello(size=6)", "go(size=7)", "twenty48", "python"]


def inputs_of(name: str, count: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    states = states_of(game_of(name), count)
    planes = np.stack([s.observation() for s in states])
    return torch.from_numpy(planes), torch.from_numpy(np.stack([s.scalars() for s in states]))


@pytest.mark.parametrize("config", [SMALL, MLP], ids=["resnet", "mlp"])
@pytest.mark.parametrize("game", GAMES)
def test_every_game_gets_logits_of_its_actions_and_values(game, config):
    model = net_for(game, config)
    arch = model.architecture
    policy, value = model(*inputs_of(game))
    assert policy.shape == (5, game_of(game).num_actions)
    assert value.shape == (5, 3 if arch.value_head == "wdl" else 32)
    assert len({tuple(row) for row in policy.round(decimals=6).tolist()}) > 1


@pytest.mark.parametrize("config", [SMALL, MLP], ids=["resnet", "mlp"])
def test_joined_inputs_mean_the_same(config):
    model = net_for("twenty48", config)
    planes, scalars = inputs_of("twenty48")
    repeated = scalars.repeat_interleave(model.scalar_repeat, dim=1)
    joined = torch.cat([planes.flatten(1), repeated], dim=1).view(-1, *model.input_shape)
    for expected, found in zip(model(planes, scalars), model.evaluate(joined), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("game", ["go(size=7)", "connect_four"])
def test_folded_batch_norm_answers_the_same(game):
    model = net_for(game)
    inference = folded(model)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in inference.modules())
    assert any(isinstance(m, nn.BatchNorm2d) for m in model.modules())
    for expected, found in zip(model(*inputs_of(game)), inference(*inputs_of(game)), strict=True):
        assert expected.std() > 0.01
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_the_seed_and_nothing_else_decides_the_weights():
    arch = NetArchitecture.of(load_game("tic_tac_toe"), SMALL)
    torch.manual_seed(1)
    first = build_model(arch, 7).state_dict()
    torch.manual_seed(2)
    before = torch.get_rng_state()
    again, other = build_model(arch, 7).state_dict(), build_model(arch, 8).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["stem.conv.weight"], other["stem.conv.weight"])


@pytest.mark.parametrize("game", ["go(size=9)", "chess", "twenty48"])
def test_a_new_net_is_nearly_indifferent(game):
    model = build_model(NetArchitecture.of(load_game(game), ResNetConfig()), 1).eval()
    policy, value = model(*inputs_of(game))
    assert policy.abs().max() < 1.0
    if model.architecture.value_head == "wdl":
        assert wdl_value(value).abs().max() < 0.2


def test_a_block_sees_the_whole_board_only_through_pooling():
    """A stone in one corner changes the far one at once with pooling or squeeze-excitation."""
    x = torch.zeros(2, 32, 9, 9)
    x[1, :, 0, 0] = 1.0
    for part in (SqueezeExcitation(32), GlobalPoolingBias(32)):
        y = part(x + 1.0)
        assert not torch.allclose(y[0, :, 8, 8], y[1, :, 8, 8])
    plain = SMALL.model_copy(update={"squeeze_excitation": False, "global_pooling_every": 0})
    block = net_for("go(size=9)", plain).blocks[0]
    y = block(x)
    assert torch.equal(y[0, :, 8, 8], y[1, :, 8, 8])
    assert not torch.equal(y[0, :, 2, 2], y[1, :, 2, 2])


def test_global_pooling_comes_every_so_many_blocks():
    net = net_for("go(size=9)", ResNetConfig(num_blocks=7, num_filters=8, global_pooling_every=3))
    pools = [isinstance(block.pooling, GlobalPoolingBias) for block in net.blocks]
    assert pools == [False, False, True, False, False, True, False]


def test_the_pass_is_the_last_action():
    model = net_for("go(size=7)")
    with torch.no_grad():
        model.policy.extra.bias.fill_(100.0)
    policy, _ = model(*inputs_of("go(size=7)"))
    assert policy.argmax(dim=1).tolist() == [49] * 5


def test_an_action_of_a_conv_head_is_plane_times_cells_plus_cell():
    head = net_for("chess").policy
    x = torch.randn(1, 32, 8, 8, generator=torch.Generator().manual_seed(1))
    planes = head.planes(torch.relu(head.read(x)))
    assert torch.equal(head(x)[0, 5 * 64 + 3 * 8 + 2], planes[0, 5, 3, 2])


def test_two_hot_has_the_gain_as_its_mean():
    centres = score_centres(32)
    assert centres[0] == 0
    assert centres[-1] == 2
    assert (np.diff(centres, n=2) > -1e-6).all()  # wider and wider
    gain = torch.tensor([0.0, 0.001, 0.5, 1.999, 2.0, float(centres[7])])
    target = two_hot(gain, 32)
    torch.testing.assert_close(target @ torch.from_numpy(centres), gain, rtol=0, atol=1e-6)
    assert ((target > 0).sum(dim=1) <= 2).all()
    torch.testing.assert_close(target.sum(dim=1), torch.ones(6))
    assert torch.equal(two_hot(torch.tensor([-0.5, 9.0]), 32).argmax(dim=1), torch.tensor([0, 31]))


def test_values_of_heads():
    logits = torch.log(torch.tensor([[0.7, 0.1, 0.2], [0.25, 0.5, 0.25]]))
    torch.testing.assert_close(wdl_value(logits), torch.tensor([0.5, 0.0]))
    sure = torch.log(two_hot(torch.tensor([0.3, 1.9]), 32) + 1e-30)
    torch.testing.assert_close(
        score_value(sure, torch.tensor([-0.9, 0.5])), torch.tensor([-0.6, 1.0]), atol=1e-5, rtol=0
    )


def test_the_score_scalar_is_the_search_value_of_the_score_so_far():
    game = load_game("twenty48")
    for state in states_of(game, 50):
        score = int(state.text().split("score ")[1].split()[0])
        assert state.scalars()[game.score_scalar] == pytest.approx(game.search_value(score))
    assert load_game("chess").score_scalar is None
    assert real_batch("twenty48", 3).scalars.shape == (3, 1)
