"""A run directory behind a real OpenSSH server."""

import os

import pytest
from store_conformance import StoreConformance

from zerofleet.fleet.ssh_store import SshStore
from zerofleet.run.errors import StoreError


class TestSshStore(StoreConformance):
    @pytest.fixture
    def store(self, ssh_link, tmp_path):
        return SshStore(ssh_link, str(tmp_path / "run"))


@pytest.mark.parametrize("compression", [True, False])
def test_a_model_goes_on_where_it_was_cut(ssh_link, tmp_path, monkeypatch, compression):
    data = os.urandom(1 << 20) + bytes(2 << 20)
    whole, cut = (SshStore(ssh_link, str(tmp_path / n), compression=compression) for n in "ab")
    key = "model/versions/0007.safetensors"
    whole.send(key, data)
    assert whole.read(key) == data
    assert (whole.num_bytes_out < len(data) * 0.6) == compression
    # What a link that broke leaves: the first part of the bytes that travel.
    part = {}

    def ask(verb, **question):
        part.update(question)
        raise StoreError("the link broke")

    with monkeypatch.context() as patch:
        patch.setattr(ssh_link, "ask", ask)
        with pytest.raises(StoreError):
            cut.send(key, data)
    path = tmp_path / "b" / part["part"]
    os.truncate(path, path.stat().st_size // 2)
    sent = cut.num_bytes_out
    cut.send(key, data)
    assert cut.read(key) == data
    assert sent * 0.4 < cut.num_bytes_out - sent < sent * 0.6
    assert not path.exists()


def test_a_part_that_was_damaged_there_is_sent_again(ssh_link, tmp_path, monkeypatch):
    store = SshStore(ssh_link, str(tmp_path / "run"))
    key, data = "model/versions/0001.nnue", b"net" * 10_000
    store.send(key, data)
    part = {}
    original = ssh_link.ask

    def ask(verb, **question):
        part.update(question)
        path = tmp_path / "run" / question["part"]
        path.write_bytes(b"\0" * path.stat().st_size)
        return original(verb, **question)

    with monkeypatch.context() as patch:
        patch.setattr(ssh_link, "ask", ask)
        with pytest.raises(StoreError, match="arrived damaged"):
            store.send(key, data + b"2")
    assert store.read(key) == data
    store.send(key, data + b"2")
    assert store.read(key) == data + b"2"


def test_errors_name_host_path_and_cause(ssh_link, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    store = SshStore(ssh_link, str(tmp_path / "file"))
    with pytest.raises(StoreError, match=rf"127.0.0.1:\d+:{tmp_path}/file: cannot write a: "):
        store.put("a", b"1")
