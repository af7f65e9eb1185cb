"""Environments with what zerofleet asks for and nothing else, out of the packages of this one."""

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]


def requirements(*extras: str) -> list[str]:
    """Of the base install and the extras."""
    optional = PROJECT["optional-dependencies"]
    return [*PROJECT["dependencies"], *(text for extra in extras for text in optional[extra])]


def needed(texts: list[str]) -> set[str]:
    """Names of installed distributions, with all that they need."""
    found: set[str] = set()
    waiting = [Requirement(text) for text in texts]
    while waiting:
        one = waiting.pop()
        name = re.sub(r"[-_.]+", "-", one.name).lower()
        if name in found or (one.marker and not one.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        waiting += [Requirement(text) for text in distribution(name).requires or ()]
    return found


def link(names: set[str], site: Path) -> None:
    """Puts distributions into a directory of packages, as links."""
    for name in names:
        files = distribution(name).files or ()
        where = Path(str(distribution(name).locate_file("")))
        for top in {file.parts[0] for file in files if file.parts[0] not in ("..", "__pycache__")}:
            if not (site / top).exists():
                (site / top).symlink_to(where / top)
