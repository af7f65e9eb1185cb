"""Which software wrote a file: version and, in a checkout, its git revision."""

import functools
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@functools.cache
def software_version() -> str:
    """`0.1.0` or, in a git checkout, `0.1.0+g1a2b3c4d` (`.dirty` if files are changed)."""
    try:
        installed = version("zerofleet")
    except PackageNotFoundError:
        installed = "unknown"
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return installed
    try:
        revision = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty=.dirty", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return installed
    return f"{installed}+g{revision}" if revision else installed
