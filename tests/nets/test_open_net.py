"""Opening the net of a file: errors that name it, and torch only where one is opened."""

import subprocess
import sys

import pytest

import zerofleet
from nets.net_kit import net_for
from zerofleet.nets.config import MlpConfig
from zerofleet.nets.model_file import model_to_safetensors
from zerofleet.nets.open_net import NetError, open_net
from zerofleet.players.player import PlayerError
from zerofleet.players.registry import load_player

GAME = zerofleet.load_game("tic_tac_toe")


@pytest.fixture(scope="module")
def data() -> bytes:
    return model_to_safetensors(net_for("tic_tac_toe", MlpConfig(num_layers=1, num_units=8), 1))


def test_it_evaluates(data):
    net = open_net(data, "runs/x@0001")
    assert net.architecture.game == "tic_tac_toe"
    assert net.evaluator(backend="torch-f32", max_batch=4).backend == "torch-f32"


def test_errors_name_the_net_once(data, tmp_path):
    with pytest.raises(NetError, match=r"^torn: expected a safetensors file"):
        open_net(data[:5], "torn")
    damaged = bytearray(data)
    damaged[-1] ^= 1
    with pytest.raises(NetError, match=r"^bad: its sha256 says"):
        open_net(bytes(damaged), "bad").evaluator()
    with pytest.raises(NetError, match=r"^x: .*does not compute on device"):
        open_net(data, "x").evaluator(backend="cuda-bf16")
    path = tmp_path / "bad.safetensors"
    path.write_bytes(damaged)
    with pytest.raises(PlayerError) as told:
        load_player(str(path), GAME)
    assert str(told.value).count(str(path)) == 1


def test_a_player_whose_net_no_backend_computes_is_an_error_of_that_player(
    data, tmp_path, monkeypatch
):
    path = tmp_path / "net.safetensors"
    path.write_bytes(data)
    monkeypatch.setattr(
        "zerofleet.nets.evaluator._candidates", lambda *_: [("openvino-int3", "a test")]
    )
    with pytest.raises(PlayerError, match=r"net\.safetensors.*no backend can compute"):
        load_player(str(path), GAME)


def test_torch_is_loaded_only_where_a_net_is_opened():
    code = (
        "import sys, zerofleet.engines.net, zerofleet.players.registry, zerofleet.roles.standalone;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
