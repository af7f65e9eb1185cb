"""How verbs print lines with names and paths of users in them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from rich.console import Console


def plain_lines(console: Console) -> Callable[..., Any]:
    """Returns what prints a line as it is: never wrapped, nothing in it taken for markup."""
    return partial(console.print, highlight=False, markup=False, emoji=False, soft_wrap=True)
