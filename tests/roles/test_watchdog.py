"""Work that stands still ends its process, which says where; waiting is no standing still."""

import subprocess
import sys

from support import PATIENCE
from zerofleet.roles.watchdog import Watchdog

SCRIPT = """
import ctypes, sys, threading, time
from zerofleet.roles.watchdog import Watchdog

def hang():
    {hang}

with Watchdog(on_hung=lambda text: print("told:", text, flush=True)) as watchdog:
    watchdog.limit(0.5)
    watchdog.alive()
    hang()
{after}
"""


def run(hang, *, after=""):
    return subprocess.run(
        [sys.executable, "-c", SCRIPT.format(hang=hang, after=after)],
        capture_output=True,
        text=True,
        timeout=60 * PATIENCE,
    )


def test_work_may_stand_still_for_so_long():
    watchdog = Watchdog()
    watchdog.limit(10)
    assert not watchdog.is_hung(100)  # no work yet
    for _ in range(3):
        watchdog.alive()
        assert not watchdog.is_hung(100)  # a round was done since the last look
        assert not watchdog.is_hung(9)
    watchdog.rest()
    assert not watchdog.is_hung(100)
    watchdog.alive()
    assert not watchdog.is_hung(9)
    assert not watchdog.is_hung(9)
    assert watchdog.is_hung(1)


def test_without_a_limit_nothing_hangs():
    watchdog = Watchdog()
    watchdog.alive()
    for _ in range(10):
        assert not watchdog.is_hung(1e9)


def test_one_that_does_not_watch_ends_nothing():
    done = run("pass", after="idle = Watchdog(); idle.limit(0.1); time.sleep(6)")
    assert (done.returncode, done.stdout) == (0, "")


def test_a_hung_process_says_where_and_ends():
    done = run("threading.Event().wait()")
    assert done.returncode == 1
    words = done.stderr.splitlines()[-1]
    assert words.startswith("zerofleet: hung: stood still for ")
    assert ", in wait: " in words
    assert "in hang" in done.stderr  # the whole stack
    assert done.stdout == words.replace("zerofleet: ", "told: ") + "\n"


def test_even_where_the_interpreter_is_locked():
    done = run("ctypes.PyDLL(None).pause()")
    assert done.returncode == 1
    assert "Timeout (0:00:05.500000)!" in done.stderr
    assert "in hang" in done.stderr


def test_one_that_is_suspended_while_it_waits_goes_on():
    """Timers go on meanwhile, that of the interpreter too."""
    suspended = (
        "watchdog.rest(); time.sleep(1.2); "
        "subprocess.Popen(['sh', '-c', f'sleep 6; kill -CONT {os.getpid()}']); "
        "os.kill(os.getpid(), signal.SIGSTOP); print('done')"
    )
    done = run(f"import os, signal, subprocess; {suspended}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_a_long_wait_ends_nothing():
    done = run("watchdog.rest(); threading.Event().wait(1.5); print('done')")
    assert (done.returncode, done.stdout) == (0, "done\n")
