import io
import pickle

import pytest
import torch

from learning_data import SMALL, architecture, model
from zerofleet.nets.config import NnueConfig
from zerofleet.nets.export import (
    dequantize,
    export_nnue,
    load_model,
    model_from_pt,
    model_to_pt,
)
from zerofleet.nets.nnue_file import NnueFileError, from_bytes


def test_nnue_to_pt_to_nnue_gives_the_same_bytes():
    data = export_nnue(model())
    model_of_file = dequantize(from_bytes(data))
    assert export_nnue(model_of_file) == data
    assert export_nnue(model_from_pt(model_to_pt(model_of_file))) == data


def test_pt_keeps_float_weights_exactly():
    net = model()
    again = model_from_pt(model_to_pt(net))
    for name, parameter in net.named_parameters():
        assert torch.equal(parameter, again.get_parameter(name))
    assert again.architecture == net.architecture


def test_warm_start_reads_both_kinds(tmp_path):
    net = model()
    (tmp_path / "a.pt").write_bytes(model_to_pt(net))
    (tmp_path / "a.nnue").write_bytes(export_nnue(net))
    for name in ("a.pt", "a.nnue"):
        loaded = load_model(tmp_path / name, expected=architecture())
        assert export_nnue(loaded) == export_nnue(net)
        with pytest.raises(NnueFileError, match=r"the net is .*expected"):
            load_model(tmp_path / name, expected=architecture(NnueConfig()))
    with pytest.raises(NnueFileError, match=r"ends in \.nnue or \.pt"):
        load_model(tmp_path / "a.onnx")


class Malicious:
    def __reduce__(self):
        return (print, ("code ran",))


def test_pickled_code_is_never_run(capsys):
    stream = io.BytesIO()
    torch.save({"format": Malicious()}, stream)
    for data in (stream.getvalue(), pickle.dumps(Malicious()), b"", b"not a file"):
        with pytest.raises(NnueFileError, match=r"bad\.pt: expected a file of plain"):
            model_from_pt(data, source="bad.pt")
    assert "code ran" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "expected format 'zerofleet-nnue', found 'other'"),
        ({"version": 9}, "expected version 1 of zerofleet-nnue, found 9"),
        ({"state": {}}, "do not fit"),
        ({"architecture": {"feature_set": "go/1"}}, "do not fit"),
    ],
)
def test_says_what_is_wrong_in_a_pt(change, message):
    content = torch.load(io.BytesIO(model_to_pt(model())), weights_only=True) | change
    stream = io.BytesIO()
    torch.save(content, stream)
    with pytest.raises(NnueFileError, match=message):
        model_from_pt(stream.getvalue())


def test_export_refuses_what_cannot_be_a_net():
    net = model(SMALL)
    net.l1_weight.data[0, 0, 0] = float("nan")
    with pytest.raises(NnueFileError, match=r"1 of 2048 values of l1_weight are not finite"):
        export_nnue(net)
    net.l1_weight.data[0, 0, 0] = 3.0
    with pytest.raises(NnueFileError, match=r"l1_weight spans .*does not fit int8"):
        export_nnue(net)
    net.l1_weight.data[0, 0, 0] = -2.0
    with pytest.raises(NnueFileError, match=r"values of l1_weight are outside \[-127, 127\]"):
        export_nnue(net)
