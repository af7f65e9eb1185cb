import json

import pytest
import safetensors.torch
import torch
from net_kit import MLP, SMALL, net_for

from zerofleet.nets.model_file import (
    ModelFileError,
    model_from_safetensors,
    model_to_pt,
    model_to_safetensors,
    read_architecture,
)


@pytest.fixture(scope="module")
def data() -> bytes:
    return model_to_safetensors(net_for("go(size=7)"))


def parts(data: bytes) -> tuple[dict, bytes]:
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def joined(header: dict, body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def told(data: bytes, match: str) -> None:
    with pytest.raises(ModelFileError, match=match) as error:
        model_from_safetensors(data, "0007.safetensors")
    assert str(error.value).startswith("0007.safetensors: ")


@pytest.mark.parametrize("config", [SMALL, MLP], ids=["resnet", "mlp"])
@pytest.mark.parametrize("game", ["go(size=7)", "twenty48"])
def test_round_trip(game, config):
    model = net_for(game, config)
    data = model_to_safetensors(model)
    again = model_from_safetensors(data)
    assert again.architecture == model.architecture == read_architecture(data)
    assert not again.training
    expected, found = model.state_dict(), again.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert model_to_safetensors(again) == data


def test_anybody_can_read_the_tensors(data):
    assert "stem.conv.weight" in safetensors.torch.load(data)


def test_the_copy_for_people_opens_without_running_code(tmp_path):
    model = net_for("tic_tac_toe")
    (tmp_path / "model.pt").write_bytes(model_to_pt(model))
    content = torch.load(tmp_path / "model.pt", weights_only=True)
    assert content["architecture"] == model.architecture.to_json()
    assert torch.equal(content["state"]["stem.conv.weight"], model.stem.conv.weight)


@pytest.mark.parametrize("size", [0, 7, 8, 100, 5000, -1])
def test_a_truncated_file_is_told(data, size):
    told(data[:size], "copy it again")


def test_any_changed_byte_of_the_weights_is_told(data):
    _, body = parts(data)
    for position in (len(data) - 1, len(data) - len(body), len(data) - len(body) // 2):
        changed = bytearray(data)
        changed[position] ^= 0x10
        told(bytes(changed), "sha256 says .* altered or damaged")


def test_a_changed_architecture_is_told(data):
    header, body = parts(data)
    text = header["__metadata__"]["architecture"]
    header["__metadata__"]["architecture"] = text.replace('"num_blocks":3', '"num_blocks":2')
    told(joined(header, body), r"blocks\.2\.first\.conv\.weight: expected nothing, found float32")
    header["__metadata__"]["architecture"] = text.replace('"num_players":2', '"num_players":1')
    told(joined(header, body), "sha256 says")
    header["__metadata__"]["architecture"] = text.replace('"conv"', '"round"')
    told(joined(header, body), "policy_head: .*install the version")


def test_tensors_of_other_shapes_or_types_are_told():
    model = net_for("tic_tac_toe", MLP)
    metadata = parts(model_to_safetensors(model))[0]["__metadata__"]

    def saved(**changes: torch.Tensor) -> bytes:
        return safetensors.torch.save({**model.state_dict(), **changes}, metadata)

    told(
        saved(**{"first.bias": torch.zeros(33)}),
        r"first\.bias: expected float32 \[32\], found float32 \[33\]",
    )
    told(saved(**{"first.bias": torch.zeros(32).half()}), r"found float16 \[32\]")
    told(saved(spy=torch.zeros(1)), "spy: expected nothing, found float32")


def test_other_files_and_versions_are_told(data):
    told(b"PK\x03\x04" + bytes(5000), "do not start with the length of a header")
    told(safetensors.torch.save({"a": torch.zeros(1)}), "header with metadata of zerofleet-net")
    told(safetensors.torch.save({"a": torch.zeros(1)}, {"format": "pt"}), "found 'pt'")
    header, body = parts(data)
    header["__metadata__"]["version"] = "9"
    told(joined(header, body), "expected version 1 of zerofleet-net, found '9'.*install")
    told(b"\x10" + bytes(7) + b"not json, really" + body, "header with metadata")


def test_weights_that_are_no_numbers_are_not_written():
    model = net_for("tic_tac_toe")
    with torch.no_grad():
        model.stem.conv.weight[0, 0, 0, 0] = float("nan")
    with pytest.raises(ModelFileError, match=r"1 of 576 values of stem\.conv\.weight are not fin"):
        model_to_safetensors(model)
