"""Nets in int8: that they are, that their ranges are always the same, and where they are refused.

tests/nets/test_evaluator.py compares their answers with float32.
"""

import numpy as np
import pytest
import torch
from net_kit import MLP, SMALL, game_of, net_for
from test_evaluator import evaluator_of

from support import require
from zerofleet.nets import evaluator as module
from zerofleet.nets import openvino_backend
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.backend import BackendError
from zerofleet.nets.build import build_model
from zerofleet.nets.calibration import NUM_POSITIONS, calibration_inputs
from zerofleet.nets.config import ResNetConfig, SpikingConfig
from zerofleet.nets.evaluator import make_evaluator
from zerofleet.nets.model_file import model_to_safetensors
from zerofleet.nets.processor import has_int8
from zerofleet.records.shard import ARRAYS
from zerofleet.roles.config import ConfigError, resolve
from zerofleet.roles.game_of_run import check_settings
from zerofleet.search import MctsConfig
from zerofleet.selfplay import PlayConfig, play_games

PLAIN = ResNetConfig(num_blocks=2, num_filters=16, num_head_filters=8, num_head_units=16)


def layers_of(evaluator) -> dict[str, list[str]]:
    """Kernels of the convolutions and fully connected layers that OpenVINO runs."""
    request = evaluator._backend._parts[evaluator.sizes[-1]][0]
    found: dict[str, list[str]] = {"Convolution": [], "FullyConnected": []}
    for op in request.get_compiled_model().get_runtime_model().get_ordered_ops():
        kind = str(op.get_rt_info()["layerType"].astype(str)).removesuffix("QuantizedLegacy")
        if kind in found:
            found[kind].append(str(op.get_rt_info()["primitiveType"].astype(str)).upper())
    return found


def test_layers_compute_in_int8():
    """All convolutions, and of the fully connected layers those that read no pooled channels."""
    layers = layers_of(evaluator_of(net_for("go(size=7)", PLAIN), "openvino-int8"))
    assert len(layers["Convolution"]) == 8  # stem, 2 x 2, 2 of the policy, 1 of the value
    assert all(kernel.endswith("_I8") for kernel in layers["Convolution"]), layers
    whole = [kernel.endswith("_I8") for kernel in layers["FullyConnected"]]
    # The value head's two; not the pass, which reads the pooled board.
    assert sorted(whole) == [False, True, True], layers

    layers = layers_of(evaluator_of(net_for("connect_four", MLP), "openvino-int8"))
    assert len(layers["FullyConnected"]) == 5
    assert all(kernel.endswith("_I8") for kernel in layers["FullyConnected"]), layers

    layers = layers_of(evaluator_of(net_for("go(size=7)", PLAIN), "openvino-f32"))
    assert not any(kernel.endswith("_I8") for kernels in layers.values() for kernel in kernels)


@pytest.mark.parametrize("game", ["go(size=7)", "twenty48", "python"])
@pytest.mark.parametrize("config", [SMALL, MLP], ids=["resnet", "mlp"])
def test_ranges_come_from_the_same_positions_every_time(game, config):
    model = net_for(game, config)
    found = calibration_inputs(model)
    assert found.shape == (NUM_POSITIONS, *model.input_shape)
    assert found.tobytes() == calibration_inputs(net_for(game, config, seed=2)).tobytes()
    assert len(np.unique(found.reshape(NUM_POSITIONS, -1), axis=0)) > 0.1 * NUM_POSITIONS
    # As the net itself reads an observation.
    arch = model.architecture
    planes = found.reshape(NUM_POSITIONS, -1)[:, : arch.num_planes * arch.num_cells]
    scalars = found.reshape(NUM_POSITIONS, -1)[:, planes.shape[1] :: model.scalar_repeat]
    shape = (-1, arch.num_planes, arch.rows, arch.cols)
    with torch.inference_mode():
        whole = model(torch.from_numpy(planes.reshape(shape)), torch.from_numpy(scalars))
        inputs = model.evaluate(torch.from_numpy(found))
    for one, other in zip(whole, inputs, strict=True):
        torch.testing.assert_close(one, other)


def test_games_are_the_same_with_one_thread_and_with_two():
    model = net_for("connect_four", PLAIN)
    search = MctsConfig(num_simulations=8, cache_mib=0)
    found = [
        play_games(
            "connect_four",
            24,
            search,
            evaluator_of(model, "openvino-int8", max_batch=max_batch, threads=threads),
            seed=5,
            threads=threads,
            play=PlayConfig(num_parallel_games=24),
        )
        for threads, max_batch in ((1, 24), (2, 128))
    ]
    for key in ARRAYS:
        assert getattr(found[0], key).tobytes() == getattr(found[1], key).tobytes()


def test_a_precision_chooses_the_backend(monkeypatch):
    require("openvino")
    data = model_to_safetensors(net_for("tic_tac_toe", MLP))

    def made(precision, **options):
        return make_evaluator(data, precision=precision, max_batch=4, **options)

    if has_int8():
        assert made("int8").backend == "openvino-int8"
    assert made("f32").backend == "openvino-f32"
    assert made("int8", backend="torch-f32").backend == "torch-f32"
    with monkeypatch.context() as patch:
        patch.setattr(module, "has_int8", lambda: False)
        patch.setattr(openvino_backend, "has_int8", lambda: False)
        found = made("int8")
        assert found.backend == made("auto").backend
        assert "int8 was asked for, but the processor has no VNNI" in found.reason
        with pytest.raises(BackendError, match="openvino-int8 needs a processor with VNNI"):
            made("auto", backend="openvino-int8")
    with pytest.raises(ValueError, match="unknown precision 'int4'; expected one of auto, bf16"):
        made("int4")
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)  # as if not installed
    assert made("f32").backend == "torch-f32"
    monkeypatch.setattr(module, "has_int8", lambda: True)
    with pytest.raises(BackendError, match="OpenVINO is not installed"):
        made("int8")


def test_spiking_nets_are_refused():
    config = resolve(
        {"game": {"name": "tic_tac_toe"}, "net": {"kind": "spiking"}},
        None,
        {"selfplay.precision": "int8"},
    )
    with pytest.raises(ConfigError, match=r"selfplay.precision: int8 .* net.kind is spiking"):
        check_settings(config)
    require("snntorch")
    net = SpikingConfig(num_steps=2, num_blocks=1, num_filters=8)
    model = build_model(NetArchitecture.of(game_of("tic_tac_toe"), net))
    with pytest.raises(BackendError, match="openvino-int8 computes nets of kind resnet and mlp"):
        evaluator_of(model, "openvino-int8")
