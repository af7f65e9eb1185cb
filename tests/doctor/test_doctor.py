"""What the doctor finds: real sockets, real mounts, this host."""

import os
import socket
import threading

import pytest

from support import PATIENCE, mounted, read_only
from zerofleet.cli import main
from zerofleet.doctor import network
from zerofleet.doctor.directory import check_directory
from zerofleet.doctor.finding import Finding, run_checks
from zerofleet.doctor.host import check_host, memory_gib
from zerofleet.run.store import DirectoryStore


def findings(check):
    return {finding.name: finding for finding in check}


def listening():
    server = socket.create_server(("127.0.0.1", 0))
    return server, server.getsockname()[1]


def test_findings_are_told_with_their_remedies():
    def check_something():
        yield Finding("disk", "2 GiB free")
        yield Finding("port", "12355 is taken", "failure", "choose another")
        raise OSError("odd")

    lines = []
    assert run_checks([check_something, lambda: [Finding("last", "done")]], lines.append) == 2
    assert lines == [
        "ok    disk         2 GiB free",
        "FAIL  port         12355 is taken",
        "                   -> choose another",
        "FAIL  something    could not be checked: OSError: odd",
        "                   -> report this as a bug",
        "ok    last         done",
    ]


def test_this_host():
    found = findings(check_host())
    assert "Python 3" in found["zerofleet"].text
    total, available = memory_gib()
    assert 0 < available <= total
    assert f"{len(os.sched_getaffinity(0))}" in found["processors"].text


def test_a_gpu_that_is_not_here(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--gpus", "99"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "there is no cuda:99 here; present: cpu" in said
    assert "nvidia-smi -L" in said


def test_a_closed_port():
    server, port = listening()
    server.close()
    found = findings(network.check_address("127.0.0.1", port, node_rank=1))["port"]
    assert found.status == "failure"
    assert f"127.0.0.1:{port} is closed" in found.text
    assert "zerofleet doctor --serve" in found.remedy


def test_a_host_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(network, "CONNECT_SECONDS", 0.2)
    # A full queue of a socket that nobody accepts from: packets of a new connection are dropped.
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        address = deaf.getsockname()
        waiting = []
        for _ in range(4):
            other = socket.socket()
            other.setblocking(False)
            other.connect_ex(address)
            waiting.append(other)
        found = findings(network.check_address(*address, node_rank=1))["port"]
        for other in waiting:
            other.close()
    assert found.status == "failure"
    assert f"127.0.0.1:{address[1]} is not reachable" in found.text


def test_a_name_that_is_none():
    found = findings(network.check_address("no-such-host.invalid", 1))["address"]
    assert found.status == "failure"
    assert "no-such-host.invalid" in found.text


def test_a_taken_port_and_who_has_it():
    server, port = listening()
    with server:
        found = findings(network.check_address("127.0.0.1", port))["port"]
    assert found.status == "failure"
    assert f"{port} is taken by " in found.text
    assert f"(process {os.getpid()})" in found.text
    assert f"--master-port, {port + 1} say" in found.remedy
    assert findings(network.check_address("127.0.0.1", port))["port"].status == "ok"


def test_node_zero_answers_the_others(monkeypatch):
    monkeypatch.setattr(network, "SLOW_MILLISECONDS", 1000.0)  # a core may be somebody else's
    with socket.socket() as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    said = []
    ready = threading.Event()

    def tell(line):
        said.append(line)
        ready.set()

    server = threading.Thread(
        target=network.serve, args=(port, tell), kwargs={"minutes": 0.05 * PATIENCE}
    )
    server.start()
    assert ready.wait(30 * PATIENCE)
    found = findings(network.check_address("127.0.0.1", port, node_rank=1))
    assert [found[name].status for name in ("port", "network", "clocks")] == ["ok"] * 3
    assert "127.0.0.1 is 0.0" in found["clocks"].text
    assert network.serve(port, said.append, minutes=1) == 1  # taken
    server.join()
    assert any("is here" in line for line in said)


def test_what_answers_may_be_no_doctor():
    server, port = listening()
    thread = threading.Thread(target=lambda: server.accept()[0].sendall(b"HTTP/1.1 400\r\n"))
    thread.start()
    found = findings(network.check_address("127.0.0.1", port, node_rank=1))
    assert found["port"].status == "ok"
    assert "it is no doctor" in found["clocks"].text
    thread.join()
    server.close()


def test_a_directory(tmp_path):
    found = findings(check_directory(tmp_path / "new" / "run", need_gib=0.001))
    assert {finding.status for finding in found.values()} == {"ok"}
    assert list(tmp_path.iterdir()) == []  # nothing is left, nothing is made


def test_a_read_only_mount(tmp_path):
    (folder := tmp_path / "run").mkdir()
    with read_only(folder):
        found = findings(check_directory(folder, need_gib=0))["writable"]
    assert found.status == "failure"
    assert "Read-only file system" in found.text
    assert str(folder) in found.text


def test_too_little_disk(tmp_path):
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=4m", "tmpfs") as folder:
        found = findings(check_directory(folder / "run", need_gib=2))["disk"]
        assert found.status == "failure"
        assert f"0.0 GiB free at {folder}" in found.text
        assert "--need-gib 2 is asked" in found.remedy
        assert findings(check_directory(folder, need_gib=0.001))["disk"].status == "ok"


def test_files_that_do_not_behave(tmp_path, monkeypatch):
    """A file system that shows a moved file at its old place, too."""

    def move(self, source, target):
        self.put(target, self.read(source))

    monkeypatch.setattr(DirectoryStore, "move", move)
    found = findings(check_directory(tmp_path, need_gib=0))["files"]
    assert found.status == "failure"
    assert "a file that was moved is listed at its old place" in found.text


def test_the_command(capsys, tmp_path):
    server, port = listening()
    address = ["--master-addr", "127.0.0.1", "--master-port", str(port)]
    with server, pytest.raises(SystemExit) as ended:
        main(["doctor", "--run-dir", str(tmp_path), "--need-gib", "0.01", *address])
    assert ended.value.code == 1
    said = capsys.readouterr().out
    assert f"FAIL  port         {port} is taken" in said
    assert "torch.cuda.is_available() False, device_count() 0" in said
    assert "ok    gloo         two ranks on this host exchange" in said
    assert said.count("FAIL") == 1
