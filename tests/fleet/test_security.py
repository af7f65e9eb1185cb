"""A host may be careless or worse: what comes from it is data, and only its own."""

import ast
import pickle
from pathlib import Path

import pytest

import zerofleet.fleet
from zerofleet.fleet.sync import Mirror
from zerofleet.records.account import shard_account
from zerofleet.records.errors import ShardError
from zerofleet.run.lease import Lease
from zerofleet.run.store import DirectoryStore, iterate

SOURCES = sorted(Path(zerofleet.fleet.__file__).parent.glob("*.py"))
SOURCES = [path for path in SOURCES if not path.name.startswith("ray")]  # a transport of its own


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def names_in(source):
    """Every name and attribute, and every module that is imported."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.name.partition(".")[0] for alias in node.names)
            yield (getattr(node, "module", None) or "").partition(".")[0]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_no_pickle_no_code_and_no_listener(source):
    forbidden = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "eval", "exec"}
    forbidden |= {"create_server", "start_server", "forward_local_port", "forward_remote_port"}
    assert not forbidden & set(names_in(source))


def test_host_keys_are_always_verified():
    text = (Path(zerofleet.fleet.__file__).parent / "ssh.py").read_text()
    assert "known_hosts=None" not in text.replace(" ", "")
    assert '"known_hosts"]=None' not in text.replace(" ", "")


def test_a_host_writes_nothing_here_but_what_is_its_own(tmp_path):
    main, remote = DirectoryStore(tmp_path / "main"), DirectoryStore(tmp_path / "remote")
    main.put("config.json", b"{}")
    main.put("logs/series-trainer-000001.jsonl", b"ours")
    for key in (
        "config.json",
        "model/version.txt",
        "checkpoints/latest.json",
        "fleet/plan.json",
        "logs/series-trainer-000001.jsonl",
        "logs/rating.json",
        "logs/worker_other.log",
        "logs/series-worker_other-000001.jsonl",
        "data/v0001_other_0001.npz",
        "data/evil.npz",
        "data/deeper/v0001_w_0001.npz",
        "trainer.json",
    ):
        remote.put(key, b"theirs")
    Lease.acquire(remote, "workers/other.json")
    Lease.acquire(remote, "workers/w.json")
    remote.put("logs/worker_w.log", b"fine")
    remote.put("data/v0001_w_0001.npz", b"games")
    Mirror(main, remote, "w", log_seconds=0, only_worker="w").step()
    assert {entry.key: main.read(entry.key) for entry in iterate(main, "")}.keys() == {
        "config.json",
        "data/v0001_w_0001.npz",
        "logs/series-trainer-000001.jsonl",
        "logs/worker_w.log",
        "workers/w.json",
    }
    assert main.read("logs/series-trainer-000001.jsonl") == b"ours"
    assert main.read("config.json") == b"{}"


def test_a_malicious_file_is_inert(tmp_path):
    """What a host sends as games is read without unpickling, and refused."""
    proof = tmp_path / "proof"
    for data in (pickle.dumps(Bomb(proof)), object_array(tmp_path, Bomb(proof))):
        with pytest.raises(ShardError):
            shard_account(data)
    assert not proof.exists()


def object_array(folder, value):
    import numpy as np

    np.savez(folder / "x.npz", meta=np.array([value], dtype=object))
    return (folder / "x.npz").read_bytes()
