"""Fenced blocks of the documents, with the mark in the line above each: who runs it, and where."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"(?:^<!-- ([^\n]*) -->\n)?^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    mark: str
    kind: str
    text: str

    @property
    def is_quick(self) -> bool:
        return self.is_run and not self.is_long

    @property
    def is_long(self) -> bool:
        return self.mark.startswith("run long")

    @property
    def is_run(self) -> bool:
        return self.mark.partition(" ")[0] == "run"

    @property
    def needs(self) -> list[str]:
        """Names of what has to lie in the directory."""
        return self.mark.partition(" with ")[2].split()

    @property
    def machine(self) -> str:
        """On which machines of a tutorial for several it is typed; empty in other pages."""
        return self.mark.removeprefix("on ").partition(",")[0] if self.mark[:3] == "on " else ""

    @property
    def when(self) -> str:
        """What the mark says after the machine."""
        return self.mark.partition(", ")[2]


def blocks_of(text: str) -> list[Block]:
    return [Block(mark or "", kind, block) for mark, kind, block in FENCE.findall(text)]
