"""Which software wrote a file: version and git revision."""

import functools
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


@functools.cache
def software_version() -> str:
    """`0.1.0+g1a2b3c4`, with `.dirty` if files were changed; `0.1.0` where nobody knows more."""
    try:
        installed = version("zerofleet")
    except PackageNotFoundError:
        installed = "unknown"
    revision = _revision(_PACKAGE)
    return f"{installed}+g{revision}" if revision else installed


def _revision(package: Path) -> str:
    """Of a checkout git says it, and of an installed package the file that CMake wrote."""
    root = package.parents[1]
    if not (root / ".git").exists():
        try:
            return (package / "REVISION").read_text(encoding="ascii").strip()
        except OSError:
            return ""
    try:
        return subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty=.dirty", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
