import pytest
from net_kit import MLP, SMALL, game_of

from zerofleet.games import load_game
from zerofleet.nets.architecture import ArchitectureError, NetArchitecture

HEADS = {
    "tic_tac_toe": ("conv", "wdl", 3),
    "connect_four": ("linear", "wdl", 3),  # 7 columns, 42 cells
    "othello": ("conv", "wdl", 3),  # 64 cells and a pass
    "go(size=7)": ("conv", "wdl", 3),
    "chess": ("conv", "wdl", 3),  # 73 planes
    "twenty48": ("linear", "score", 32),
    "python": ("conv", "wdl", 3),
}


@pytest.mark.parametrize("game", HEADS)
def test_heads_follow_from_the_game(game):
    arch = NetArchitecture.of(game_of(game), SMALL)
    assert (arch.policy_head, arch.value_head, arch.num_values) == HEADS[game]
    assert arch.real_planes == (game == "python")
    assert arch.score_base_scalar == (0 if game == "twenty48" else None)
    assert NetArchitecture.from_json(arch.to_json()) == arch


def test_fully_connected_layers_have_linear_heads():
    arch = NetArchitecture.of(load_game("tic_tac_toe"), MLP)
    assert (arch.policy_head, arch.value_head) == ("linear", "wdl")
    assert NetArchitecture.from_json(arch.to_json()).net == MLP


def test_heads_may_be_chosen():
    net = SMALL.model_copy(update={"policy_head": "linear", "value_head": "score"})
    arch = NetArchitecture.of(load_game("tic_tac_toe"), net)
    assert (arch.policy_head, arch.value_head, arch.num_values) == ("linear", "score", 32)


def test_a_conv_head_needs_actions_on_cells():
    net = SMALL.model_copy(update={"policy_head": "conv"})
    with pytest.raises(ArchitectureError, match=r"7 actions on 6 x 7 cells.*multiple of 42.*use"):
        NetArchitecture.of(load_game("connect_four"), net)


def test_several_actions_of_a_cell_are_planes_only_where_the_numbering_is_known():
    class Pieces:  # 9 cells, 2 actions each, in an order of its own
        spec, num_players, num_actions = "pieces", 2, 18
        observation_shape, num_scalars, score_scalar = (1, 3, 3), 0, None

    assert NetArchitecture.of(Pieces(), SMALL).policy_head == "linear"
    conv = SMALL.model_copy(update={"policy_head": "conv"})
    assert NetArchitecture.of(Pieces(), conv).policy_head == "conv"


def test_equal_architectures_have_one_text():
    game = load_game("go(size=9)")
    assert NetArchitecture.of(game, SMALL).to_json() == NetArchitecture.of(game, SMALL).to_json()
    assert "go(size=9)" in str(NetArchitecture.of(load_game("go"), SMALL)) or "go" in str(
        NetArchitecture.of(game, SMALL)
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [("{}", "Field required"), ("[", "Invalid JSON"), ('{"net": {"kind": "other"}}', "required")],
)
def test_other_texts_are_refused(text, told):
    with pytest.raises(ArchitectureError, match=f"7.safetensors: .*{told}.*install the version"):
        NetArchitecture.from_json(text, source="7.safetensors")
