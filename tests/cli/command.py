"""Runs `zerofleet` as a user does."""

import os
import subprocess
import sys
from types import SimpleNamespace

from support import PATIENCE
from zerofleet.cli import main


def run(*arguments, **environment):
    """The finished process; `environment` is added to ours (columns=80, no colours forced)."""
    env = {k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "NO_COLOR", "LC_ALL")}
    if paths := env.get("PYTHONPATH"):  # tests change the directory
        env["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, paths.split(os.pathsep)))
    return subprocess.run(
        [sys.executable, "-m", "zerofleet", *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
        timeout=100 * PATIENCE,
        env={**env, "COLUMNS": "80", **environment},
    )


def call(capsys, *arguments):
    """The same within this process, which has loaded everything already."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as end:
        status = end.code
    captured = capsys.readouterr()
    return SimpleNamespace(returncode=status, stdout=captured.out, stderr=captured.err)
