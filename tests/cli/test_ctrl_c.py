"""Ctrl-C ends every verb that takes a while: its status, no traceback, nobody left behind."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest
from verb_worlds import make_run

from support import PATIENCE, require, require_program

PATIENCE_SECONDS = 90 * PATIENCE


@dataclass(frozen=True)
class Verb:
    """A command, what shows that it is in the middle of its work, and how it ends then."""

    line: str
    ready: str
    """A text that it says; with a slash a file that is there."""
    status: int = 130
    words: str = ""
    """What is typed."""


LIGHT = [
    Verb("worker --shared-dir uttt --threads 1 --games-per-batch 20 --depth 2", "Batch 1", 0),
    Verb("worker --shared-dir nothing-yet --threads 1", "waiting for", 0),
    Verb("match random minimax:2 --game ultimate_ttt --games 20000", "of 20,000 games"),
    Verb("ladder uttt --games 4 --opponents random,minimax:1,minimax:4", "pairings"),
    Verb("selfplay connect_four --games 1000000 --threads 1", "of 1,000,000 games"),
    # It is still making its openings.
    Verb("benchmark --checkpoint uttt --games 9000000 --opponents random", "9000000 games"),
    Verb("play ultimate_ttt --depth 2", "> ", words="eval\n"),
    Verb("watch uttt --simple", "waiting for the trainer", 0),
    Verb("mirror over-there --run-dir uttt", "mirroring"),
    Verb("fleet up --run-dir uttt --fleet fleet.yaml", "Ctrl-C stops it"),
    Verb("doctor --serve --master-port {port}", "Ctrl-C ends it"),
    Verb("web uttt --port 0", "Ctrl-C ends", 0),
    Verb("import - --run-dir games", "games/imports"),
]
"""Those that load no torch."""
NETS = {"uci": "chess", "gtp": "go(size=7)"}
WITH_TORCH = [
    Verb("uci chess.safetensors --threads 1", "uciok", words="uci\n"),
    Verb("gtp go.safetensors --threads 1", "= 2", words="protocol_version\n"),
    Verb("trainer --run-dir new --recipe tic_tac_toe", "new/model/version.txt", 0),
    Verb("train tic_tac_toe --run-dir new --workers 1 --threads 1", "collecting"),
]


def processes_with(mark):
    """Command lines of the processes that have this text in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def interrupted(verb, directory):
    """Status and output of a command that got Ctrl-C, as a terminal sends it, when it was ready."""
    mark = f"ZEROFLEET_TEST_MARK={uuid.uuid4().hex}"
    process = subprocess.Popen(
        [sys.executable, "-m", "zerofleet", *verb.line.format(port=free_port()).split()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=directory,
        process_group=0,
        # A shell's background job, as tests may be, hands on that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        env={
            **os.environ,
            **dict([mark.split("=")]),
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": "1",
            "XDG_STATE_HOME": str(directory / "state"),
        },
    )
    said = bytearray()

    def read():
        while piece := os.read(process.stdout.fileno(), 65536):
            said.extend(piece)

    def is_ready():
        is_file = "/" in verb.ready
        return (directory / verb.ready).exists() if is_file else verb.ready.encode() in said

    reader = threading.Thread(target=read)
    reader.start()
    try:
        process.stdin.write(verb.words.encode())
        process.stdin.flush()
        end = time.monotonic() + PATIENCE_SECONDS
        while not is_ready():
            assert process.poll() is None, said.decode()
            assert time.monotonic() < end, said.decode()
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        status = process.wait(PATIENCE_SECONDS)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdin.close()
        reader.join(PATIENCE_SECONDS)
        process.stdout.close()
    end = time.monotonic() + PATIENCE_SECONDS
    while (left := processes_with(mark)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left
    return status, said.decode()


def check(verb, directory):
    status, said = interrupted(verb, directory)
    assert status == verb.status, said
    assert "Traceback" not in said
    assert "Error" not in said


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


QUICK = ("worker", "match", "play", "mirror", "import")


@pytest.mark.parametrize(
    "verb",
    [
        pytest.param(
            verb,
            id=verb.line.split()[0],
            marks=() if verb.line.startswith(QUICK) else pytest.mark.long,
        )
        for verb in LIGHT
    ],
)
def test_it_ends_at_once_and_quietly(verb, tmp_path):
    for package in {"web": ["starlette"], "fleet": ["asyncssh"]}.get(verb.line.split()[0], []):
        require(package)
    if verb.line.startswith("mirror"):
        require_program("rsync")
    make_run(tmp_path / "uttt", "ultimate_ttt")
    # A host that is not there: the main node tries again and again.
    (tmp_path / "fleet.yaml").write_text(
        f"workers:\n  - {{name: w1, host: 127.0.0.1, port: {free_port()}}}\n"
    )
    check(verb, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("verb", WITH_TORCH, ids=lambda verb: verb.line.split()[0])
def test_so_do_those_that_evaluate_and_train_nets(verb, tmp_path):
    require("torch")
    from nets.net_kit import net_for
    from zerofleet.nets.config import MlpConfig
    from zerofleet.nets.model_file import model_to_safetensors

    if game := NETS.get(verb.line.split()[0]):
        net = net_for(game, MlpConfig(num_layers=1, num_units=8), 1)
        path = tmp_path / f"{game.partition('(')[0]}.safetensors"
        path.write_bytes(model_to_safetensors(net))
    check(verb, tmp_path)


def test_ctrl_c_while_python_loads_is_quiet():
    """An interrupt in the first import of the command line, as good as any other there."""
    code = (
        "import sys, types, zerofleet.__main__ as entry\n"
        "class Interrupted(types.ModuleType):\n"
        "    def __getattr__(self, name): raise KeyboardInterrupt\n"
        "sys.modules['zerofleet.cli'] = Interrupted('zerofleet.cli')\n"
        "entry.run()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
