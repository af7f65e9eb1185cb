"""The front of torchrun: who the ranks are, what their failures become."""

import signal
import socket
from pathlib import Path

import pytest
from test_ranks import free_port

AGENT = str(Path(__file__).parent / "agent_main.py")
SAY = (
    "import os, pathlib; e = os.environ; "
    "pathlib.Path({folder!r}, e['RANK'] + '-' + e['TORCHELASTIC_RESTART_COUNT']).write_text("
    "' '.join(e[k] for k in ('WORLD_SIZE', 'LOCAL_RANK', 'LOCAL_WORLD_SIZE', 'MASTER_PORT')))"
)


def said(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize("nodes", [1, 2, 3])
def test_nodes_number_their_ranks(run, tmp_path, nodes):
    (folder := tmp_path / "ranks").mkdir()
    port = free_port()
    code = SAY.format(folder=str(folder))
    agents = [run.start(AGENT, code, 2, nodes, node, port, 0) for node in range(nodes)]
    for agent in agents:
        assert agent.wait() == 0, agent.text()
    assert said(folder) == {
        f"{rank}-0": f"{2 * nodes} {rank % 2} 2 {port}" for rank in range(2 * nodes)
    }


def test_a_group_starts_again_as_often_as_allowed(run, tmp_path):
    (folder := tmp_path / "ranks").mkdir()
    code = SAY.format(folder=str(folder)) + "; assert e['TORCHELASTIC_RESTART_COUNT'] == '2'"
    agent = run.start(AGENT, code, 1, 1, 0, 0, 2)
    assert agent.wait() == 0, agent.text()
    assert sorted(said(folder)) == ["0-0", "0-1", "0-2"]
    agent = run.start(AGENT, code, 1, 1, 0, 0, 1)
    assert agent.wait() == 1


def test_both_nodes_start_again(run, tmp_path):
    """The last rank fails, and then, as in a group, the others do: on both nodes."""
    (folder := tmp_path / "ranks").mkdir()
    code = SAY.format(folder=str(folder)) + (
        f"; import sys, time; dead = pathlib.Path({str(folder)!r}).parent / 'dead'; "
        "again = e['TORCHELASTIC_RESTART_COUNT'] == '1'; "
        "e['RANK'] == '1' and dead.touch(); "
        "[time.sleep(0.05) for _ in range(2000) if not again and not dead.exists()]; "
        "sys.exit(not again)"
    )
    port = free_port()
    agents = [run.start(AGENT, code, 1, 2, node, port, 1) for node in range(2)]
    for agent in agents:
        assert agent.wait() == 0, agent.text()
    assert sorted(said(folder)) == ["0-0", "0-1", "1-0", "1-1"]


@pytest.mark.parametrize(
    ("end", "status", "text"),
    [
        ("sys.exit(7)", 7, "exit status 7"),
        ("os.kill(os.getpid(), 9)", 128 + signal.SIGKILL, "killed by SIGKILL"),
    ],
)
def test_the_rank_that_fails_first_is_told_with_its_log(run, tmp_path, end, status, text):
    # Rank 0 would go on for ever; it is ended.
    code = (
        "import os, sys, time; print('its last words', file=sys.stderr, flush=True); "
        f"{end} if os.environ['RANK'] == '1' else time.sleep(600)"
    )
    agent = run.start(AGENT, code, 2, 1, 0, 0, 0, tmp_path / "logs")
    assert agent.wait() == status, agent.text()
    assert "zerofleet: rank 1 (process " in agent.text()
    assert f"failed: {text}" in agent.text()
    tail = agent.text().partition("; log: ")[2]
    assert "its last words" in tail
    assert tail.startswith(str(tmp_path / "logs" / "ranks-0"))


def test_ports(run, tmp_path):
    with socket.socket() as other:
        other.bind(("", 0))
        other.listen()
        port = other.getsockname()[1]
        agent = run.start(AGENT, "pass", 1, 1, 0, port, 0)
        assert agent.wait() == 1
        assert f"port {port} of this host is taken by another program" in agent.text()
        assert f"--master-port, {port + 1} for instance" in agent.text()
    agent = run.start(AGENT, "pass", 1, 1, 0, port, 0)
    assert agent.wait() == 0, agent.text()
