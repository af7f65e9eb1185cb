import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from support import PATIENCE
from zerofleet.fleet.launcher import Command, describe_exit, last_words, log_tail
from zerofleet.fleet.local import LocalLauncher


def command(tmp_path, script, name="w0"):
    return Command(name, ("/bin/sh", "-c", script), tmp_path / "logs" / f"{name}.log")


def ended(handle, timeout_seconds=10.0 * PATIENCE):
    end = time.monotonic() + timeout_seconds
    while time.monotonic() < end:
        status = handle.poll()
        if status is not None:
            return status
        time.sleep(0.01)
    raise AssertionError("still running")


def appears(path, timeout_seconds=10.0 * PATIENCE):
    end = time.monotonic() + timeout_seconds
    while time.monotonic() < end:
        if path.exists() and path.read_text().strip():
            return path.read_text().strip()
        time.sleep(0.01)
    raise AssertionError(f"{path} does not appear")


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def gone(pid, timeout_seconds=10.0 * PATIENCE):
    end = time.monotonic() + timeout_seconds
    while time.monotonic() < end:
        if not is_running(pid):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(
    ("script", "status", "words"),
    [
        ("echo hello", 0, "exit status 0"),
        ("exit 7", 7, "exit status 7"),
        ("kill -SEGV $$", -signal.SIGSEGV, "killed by SIGSEGV"),
        ("kill -KILL $$", -signal.SIGKILL, "killed by SIGKILL (the kernel does this when"),
        ("kill -TERM $$", -signal.SIGTERM, "killed by SIGTERM"),
    ],
)
def test_the_exit_status_is_the_commands_own(tmp_path, script, status, words):
    found = ended(LocalLauncher().start(command(tmp_path, script)))
    assert found == status
    assert describe_exit(found).startswith(words)


def test_output_is_appended_to_the_log(tmp_path):
    for _ in range(2):
        ended(LocalLauncher().start(command(tmp_path, "echo out; echo err >&2")))
    log = tmp_path / "logs" / "w0.log"
    assert log.read_text() == "out\nerr\n" * 2
    assert log_tail(log, num_lines=1) == "err"
    assert log_tail(tmp_path / "none") == ""


def test_a_command_that_does_not_exist(tmp_path):
    handle = LocalLauncher().start(Command("w0", ("/no/such/program",), tmp_path / "w0.log"))
    assert ended(handle) == 127
    assert "cannot be started: No such file" in log_tail(tmp_path / "w0.log")


def test_terminate_reaches_the_command_and_kill_all_it_started(tmp_path):
    handle = LocalLauncher().start(
        command(tmp_path, "trap 'exit 5' TERM; echo $$; sleep 60 & wait")
    )
    appears(tmp_path / "logs" / "w0.log")
    handle.terminate()
    assert ended(handle) == 5

    pid_file = tmp_path / "grandchild"
    script = f"trap '' TERM; sh -c \"trap '' TERM; echo \\$\\$ > {pid_file}; sleep 60; :\" ; :"
    handle = LocalLauncher().start(command(tmp_path, script, "w1"))
    grandchild = int(appears(pid_file))
    handle.terminate()
    time.sleep(0.2)
    assert handle.poll() is None
    handle.kill()
    assert handle.poll() == -signal.SIGKILL
    assert gone(grandchild)


PARENT = textwrap.dedent(
    """
    import sys, threading, time
    from pathlib import Path
    from zerofleet.fleet.launcher import Command
    from zerofleet.fleet.local import LocalLauncher
    script, log = sys.argv[1], Path(sys.argv[2])
    launcher = LocalLauncher(orphan_grace_seconds=1.0)
    # From a thread that ends: the command must outlive the thread, but not the process.
    start = lambda: handles.append(launcher.start(Command("w0", ("/bin/sh", "-c", script), log)))
    handles = []
    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    print(handles[0].pid, flush=True)
    time.sleep(60)
    """
)


@pytest.mark.parametrize("ignores", ["", "trap '' TERM; "])
def test_children_end_with_a_killed_parent(tmp_path, ignores):
    pid_file = tmp_path / "pid"
    script = f"{ignores}echo $$ > {pid_file}; while :; do sleep 0.1; done"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, script, str(tmp_path / "w0.log")],
        stdout=subprocess.PIPE,
        text=True,
    )
    guardian = int(parent.stdout.readline())
    child = int(appears(pid_file))
    time.sleep(0.2)
    assert is_running(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(child)
    assert gone(guardian)


def test_a_killed_guardian_takes_the_command_along(tmp_path):
    pid_file = tmp_path / "pid"
    handle = LocalLauncher().start(command(tmp_path, f"echo $$ > {pid_file}; sleep 60; :"))
    child = int(appears(pid_file))
    os.kill(handle.pid, signal.SIGKILL)
    assert gone(child)
    assert ended(handle) == -signal.SIGKILL


SIGNAL_BEFORE_COMMAND = textwrap.dedent(
    """
    import os, signal, sys
    from zerofleet.fleet import guardian
    start = guardian._start
    def start_after_signal(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        return start(*arguments)
    guardian._start = start_after_signal
    guardian.main()
    """
)


def test_a_signal_before_the_command_is_there_is_kept_for_it():
    lifeline, other_end = os.pipe()
    command = [sys.executable, "-c", SIGNAL_BEFORE_COMMAND, str(lifeline), "1", "--", "sleep", "60"]
    try:
        done = subprocess.run(
            command, pass_fds=[lifeline], start_new_session=True, timeout=30 * PATIENCE, check=False
        )
    finally:
        os.close(lifeline)
        os.close(other_end)
    assert done.returncode == -signal.SIGTERM


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        ("", ""),
        (
            "[w0] started\nTraceback ...\n  File\n    line\nMemoryError: no more",
            "MemoryError: no more",
        ),
        (
            "zerofleet: ValueError: x\n  raised by your play\n  at y",
            "ValueError: x\n  raised by your play\n  at y",
        ),
        ("  cut\n    off", "  cut\n    off"),
        ("one\n\n", "one"),
    ],
)
def test_what_a_log_says_last(tail, words):
    assert last_words(tail) == words
