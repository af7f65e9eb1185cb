"""How counts and model versions are written for people."""

import re

_VERSION_NAME = re.compile(r"v(\d{4,9})")


def counted(number: int, noun: str, plural: str = "") -> str:
    """Returns `1 game`, `1,000 games`; `plural` where it is not made with an s: `2 plies`."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def version_name(version: int) -> str:
    """Returns the name of a model version in a pool: `v0007`."""
    return f"v{version:04d}"


def parse_version_name(name: str) -> int | None:
    """Returns the number of `v0007`, or None for any other player."""
    match = _VERSION_NAME.fullmatch(name)
    return None if match is None else int(match[1])
