"""Runs one command and ends it when the process that asked for it is gone.

Started by `local.py` as `python -I -S guardian.py LIFELINE GRACE_SECONDS -- COMMAND...`. LIFELINE
is the read end of a pipe whose other end only the launcher holds, so it reads end-of-file the
moment the launcher dies, by whatever signal. The kernel's parent-death signal would not do: it
is sent when the *thread* that started the child ends, and only to the child, not to its children.

The exit status is the command's own, signals included. Uses nothing but the standard library, and
nothing of zerofleet, so it starts in a few milliseconds.
"""

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
import time

_FOR_THE_GROUP = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
_PR_SET_PDEATHSIG = 1
_PARENT_CHECK_SECONDS = 2.0


def _die_with_guardian() -> None:
    """In the child: SIGKILL if even the guardian is killed (Linux; a convenience elsewhere)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _start(argv: list[str], mask: set[int | signal.Signals]) -> int:
    """Forks with the signals for the group blocked; `mask` is what the command begins with."""
    pid = os.fork()
    if pid:
        return pid
    try:
        _die_with_guardian()
        for number in _FOR_THE_GROUP:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.execvp(argv[0], argv)
    except OSError as error:
        os.write(2, f"{argv[0]}: cannot be started: {error.strerror}\n".encode())
    os._exit(127)


def _wait(pid: int, lifeline: int, wakeup: int, parent: int) -> int | None:
    """The child's wait status, or None if the launcher is gone."""
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        ready, _, _ = select.select([lifeline, wakeup], [], [], _PARENT_CHECK_SECONDS)
        if lifeline in ready or os.getppid() != parent:
            return None
        if wakeup in ready:
            os.read(wakeup, 4096)


def _end_group(pid: int, grace_seconds: float) -> int:
    """SIGTERM to the whole group, SIGKILL to what is left after the grace."""
    os.killpg(0, signal.SIGTERM)
    end = time.monotonic() + grace_seconds
    while time.monotonic() < end:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.05)
    os.killpg(0, signal.SIGKILL)
    return 0


def main() -> None:
    """See the module's docstring."""
    lifeline, grace_seconds, argv = int(sys.argv[1]), float(sys.argv[2]), sys.argv[4:]
    parent = os.getppid()
    os.set_inheritable(lifeline, False)
    wakeup, wakeup_write = os.pipe()
    os.set_blocking(wakeup_write, False)
    # Signals for the group reach the command itself; the guardian only waits for its end. One that
    # comes before the command is there is kept for it.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_THE_GROUP)
    for number in (*_FOR_THE_GROUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
    pid = _start(argv, mask)
    for number in signal.sigpending() & _FOR_THE_GROUP:
        os.kill(pid, number)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    status = _wait(pid, lifeline, wakeup, parent)
    if status is None:
        status = _end_group(pid, grace_seconds)
    os.killpg(0, signal.SIGTERM)  # What the command left behind in its group.
    if os.WIFSIGNALED(status):
        ended_by = os.WTERMSIG(status)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if ended_by != signal.SIGKILL:
            signal.signal(ended_by, signal.SIG_DFL)
        os.kill(os.getpid(), ended_by)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


if __name__ == "__main__":
    main()
