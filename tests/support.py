"""Helpers shared by tests."""

import contextlib
import importlib
import os
import shutil
import subprocess
import time
from types import ModuleType

import pytest

PATIENCE = float(os.environ.get("ZEROFLEET_TEST_PATIENCE", "1"))
"""On a machine that is busy or slow, what tests wait for may take so many times as long."""


def require(module: str) -> ModuleType:
    """Imports an oracle. Without it a test is skipped, naming the package; under CI it fails."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        skip_or_fail(f"this test compares with {module}, which is not installed ({error})")
        raise


def require_program(name: str) -> str:
    """The path of a program; without it a test is skipped, naming it; under CI it fails."""
    path = shutil.which(name) or shutil.which(name, path="/usr/games")  # where Debian has them
    if path is None:
        skip_or_fail(f"{name} is not installed: apt-get install {name}")
        raise AssertionError
    return path


def skip_or_fail(reason: str) -> None:
    """Skips the test, saying why; where CI=true nothing may be missing and it fails."""
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextlib.contextmanager
def mounted(target, *options):
    """A mount for the time of a test; skips, with the reason, where that is not possible."""
    target.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *options, str(target)], capture_output=True, text=True)
    if done.returncode:
        skip_or_fail(f"cannot mount (needs root and CAP_SYS_ADMIN): {done.stderr.strip()}")
    try:
        yield target
    finally:
        subprocess.run(["umount", "-l", str(target)], check=True)


@contextlib.contextmanager
def read_only(directory):
    """Makes a directory read-only for every process, by a bind mount on itself."""
    with mounted(directory, "--bind", str(directory)):
        remount = ["mount", "-o", "remount,ro,bind", str(directory)]
        # Refused as busy for as long as anybody has a file there open for writing.
        for _ in range(200):
            done = subprocess.run(remount, capture_output=True, text=True)
            if "busy" not in done.stderr:
                break
            time.sleep(0.02)
        assert done.returncode == 0, done.stderr
        yield directory
