"""Models by name: files, runs, versions; and what wrong names say."""

import pytest

from zerofleet.run.documents import sha256_hex
from zerofleet.run.errors import RunError
from zerofleet.run.models import publish_model
from zerofleet.run.named_model import NamedModel, find_model
from zerofleet.run.store import DirectoryStore


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = DirectoryStore(tmp_path / "runs/go7")
    for version in (1, 2):
        publish_model(store, version, {"safetensors": b"net %d" % version}, "test")
    return "runs/go7"


def test_newest_latest_and_numbered_versions(run):
    newest = NamedModel("runs/go7@0002", "safetensors", b"net 2", sha256_hex(b"net 2"), 2)
    assert find_model(run) == find_model(f"{run}@latest") == find_model(f"run:{run}") == newest
    first = NamedModel("runs/go7@0001", "safetensors", b"net 1", sha256_hex(b"net 1"), 1)
    assert find_model(f"{run}@0001") == find_model(f"run:{run}@1") == first
    assert find_model(first.name) == first


def test_files(run, tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"x")
    assert find_model("a.safetensors") == NamedModel(
        "a.safetensors", "safetensors", b"x", sha256_hex(b"x")
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("runs/go8", r"'runs/go8' names no model: there is no directory runs/go8; expected a run"),
        ("runs/go7@0009", r"runs/go7: no version 9; the run has 1 to 2 \(2 versions\)"),
        ("runs/go7@best", r"expected a version number or 'latest' after '@'; came 'best'"),
        ("b.safetensors", r"no file b\.safetensors; did you mean a\.safetensors\?"),
        ("dir.nnue", r"dir\.nnue: Is a directory"),
        ("net.onnx", r"expected a run directory .* or a file that ends in \.nnue or \.safetensors"),
        ("empty", r"empty: model/version\.txt: no model is published yet"),
        ("empty@3", r"no version 3; the run has published none yet"),
    ],
)
def test_wrong_names_say_what_was_expected(run, tmp_path, text, message):
    (tmp_path / "a.safetensors").write_bytes(b"x")
    for name in ("dir.nnue", "empty"):
        (tmp_path / name).mkdir()
    with pytest.raises(RunError, match=message):
        find_model(text)
