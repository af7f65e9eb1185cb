"""Lets the site show what our docstrings say in a sentence: `Returns: float32 [B]; sums to 1.`

Google's style, which the reader of docstrings (Griffe) knows, has a list there and loses the rest.
"""

import re
from typing import Any

import griffe

_SECTION = re.compile(r"\n*^(Returns|Raises|Source|Yields): *(.+(?:\n[ ]+.+)*)", re.MULTILINE)


def as_paragraphs(text: str) -> str:
    """Each such sentence as a paragraph of its own, its name in bold."""
    return _SECTION.sub(lambda m: f"\n\n**{m[1]}:** {' '.join(m[2].split())}\n", text)


class OneSentenceSections(griffe.Extension):
    """For every docstring of the package."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for each object that was read."""
        if obj.docstring is not None:
            obj.docstring.value = as_paragraphs(obj.docstring.value)
