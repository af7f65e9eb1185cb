"""What options of training on finished games mean on this host: threads, precision, rates, nets."""

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from zerofleet import load_game
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.build import build_model
from zerofleet.roles import distributed
from zerofleet.roles.config import load_recipe, recipe_names, resolve
from zerofleet.roles.distributed import DistributedTraining
from zerofleet.train import TrainOptions
from zerofleet.training.group import RankGroup

PAGE = Path(__file__).parents[2] / "docs" / "distributed.md"


def training(tmp_path, group=None, **options):
    return DistributedTraining(
        tmp_path,
        group or RankGroup.alone("cpu"),
        recipe="chess",
        data=tmp_path,
        command_line={},
        epochs=1,
        out=io.StringIO(),
        **options,
    )


@pytest.mark.parametrize(
    ("cores", "ranks", "asked", "threads"),
    [(16, 4, None, 4), (64, 2, None, 8), (2, 8, None, 1), (16, 4, 3, 3)],
)
def test_loader_threads_share_the_cores_of_the_host(
    tmp_path, monkeypatch, cores, ranks, asked, threads
):
    """As many as there are cores in all, whatever the number of ranks."""
    monkeypatch.setattr(distributed, "usable_cores", lambda: cores)
    group = RankGroup.alone("cpu")
    group.place = replace(group.place, local_world_size=ranks)
    assert training(tmp_path, group, num_workers=asked)._threads == threads
    assert asked or threads * ranks <= max(cores, ranks)


@pytest.mark.parametrize(
    ("asked", "bfloat16", "dtype", "said"),
    [
        (None, True, None, ""),
        (True, True, "bfloat16", "mixed precision: bfloat16"),
        (True, False, "float32", "training stays in float32"),
        (False, True, "float32", ""),
    ],
)
def test_what_mixed_precision_means_here(tmp_path, monkeypatch, asked, bfloat16, dtype, said):
    monkeypatch.setattr(distributed, "has_fast_bfloat16", lambda device: bfloat16)
    made = training(tmp_path, mixed_precision=asked)
    assert made._asked_dtype() == dtype
    text = made._out.getvalue()
    assert said in text
    assert bool(text) == bool(said)


def test_the_documented_learning_rate_is_the_default():
    (documented,) = re.findall(r"`--learning-rate R` \| .*default ([\d.]+)", PAGE.read_text())
    assert TrainOptions().learning_rate is None
    found = {
        recipe: resolve(load_recipe(recipe), None, {}).training.learning_rate
        for recipe in recipe_names()
        if resolve(load_recipe(recipe), None, {}).net.kind != "nnue"
    }
    assert set(found.values()) == {float(documented)}, found


def test_the_old_net_of_go_is_a_setting():
    """Go 7 x 7 with komi 5.5: 50 actions, 18 blocks of 128 filters."""
    keys = {"game.options": {"size": 7, "komi": 5.5}, "net.num_blocks": 18, "net.num_filters": 128}
    config = resolve(load_recipe("go7"), None, keys)
    game = load_game(config.game.spec)
    assert game.num_actions == 50
    start = game.initial_state()
    for _ in range(2):
        start.apply(49)
    assert start.returns() == [-1, 1]  # an empty board: White has komi
    architecture = NetArchitecture.of(game, config.net)
    assert (architecture.num_planes, architecture.num_scalars) == (17, 1)
    model = build_model(architecture).eval()
    with torch.no_grad():
        policy, value = model(torch.zeros(1, 17, 7, 7), torch.zeros(1, 1))
    assert (policy.shape, value.shape) == ((1, 50), (1, 3))
