"""Which nets an engine takes."""

from dataclasses import replace

import pytest

from zerofleet.engines.errors import EngineError
from zerofleet.engines.net import open_engine_net
from zerofleet.run.named_model import NamedModel, find_model


def test_a_net_of_its_game(net_file):
    game, make = open_engine_net(find_model(str(net_file("go(komi=9,size=7)"))), "go")
    assert game.spec == "go(komi=9,size=7)"
    evaluator = make(threads=1, batch=4)
    assert callable(evaluator)


def test_other_nets_are_refused(net_file):
    go, other = (find_model(str(net_file(g))) for g in ("go(size=5)", "connect_four"))
    with pytest.raises(
        EngineError, match=r"a net for go\(size=5\); expected one for chess"
    ) as told:
        open_engine_net(go, "chess")
    assert f"start it with `zerofleet gtp {go.name}`" in str(told.value)
    with pytest.raises(EngineError, match=r"a net for connect_four; expected one for go.* GTP$"):
        open_engine_net(other, "go")
    with pytest.raises(EngineError, match=r"runs/x@0001 is a \.nnue net; expected"):
        open_engine_net(NamedModel("runs/x@0001", "nnue", b"", ""), "chess")
    with pytest.raises(EngineError, match="torn: expected a safetensors file"):
        open_engine_net(replace(go, name="torn", data=go.data[:5]), "go")
    _, make = open_engine_net(go, "go", backend="cuda-bf16")
    with pytest.raises(EngineError, match="does not compute on device"):
        make(threads=1, batch=4)
