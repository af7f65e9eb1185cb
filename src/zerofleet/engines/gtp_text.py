"""The words of GTP: commands, colours, vertices, answers. For both ends.

Source: Gunnar Farnebäck, "Specification of the Go Text Protocol, version 2, draft 2" (2002).
"""

import re
from dataclasses import dataclass

COLUMNS = "ABCDEFGHJKLMNOPQRST"
PASS = "pass"
_COLOURS = {"b": 0, "black": 0, "w": 1, "white": 1}
_VERTEX = re.compile(r"([A-HJ-T])([1-9][0-9]?)")
_MOST_ID = 2**31 - 1


class GtpError(Exception):
    """What is answered as a failure; one line."""


@dataclass(frozen=True)
class GtpCommand:
    """One command line."""

    number: int | None
    """Its identity, repeated in the answer."""
    name: str
    arguments: tuple[str, ...]

    def success(self, text: str = "") -> str:
        """The answer, without the empty line that ends it."""
        return self._answer("=", text)

    def failure(self, text: str) -> str:
        """The same where it could not be obeyed."""
        return self._answer("?", text)

    def _answer(self, mark: str, text: str) -> str:
        # An empty line would end the answer before its time.
        body = "\n".join(line for line in text.split("\n") if line.strip())
        number = "" if self.number is None else self.number
        gap = "\n" if text.startswith("\n") else " "  # a board begins on a line of its own
        return f"{mark}{number}{gap}{body}".rstrip()


def parse_command(line: str) -> GtpCommand | None:
    """The command of a line; None if there is none, but a comment or nothing at all."""
    line = "".join(ch for ch in line.partition("#")[0].replace("\t", " ") if ord(ch) >= 32)
    words = line.replace("\x7f", "").split()
    number = None
    if words and words[0].isascii() and words[0].isdigit() and len(words[0]) <= len(str(_MOST_ID)):
        number = int(words.pop(0))
    if not words:
        return None
    return GtpCommand(number, words[0], tuple(words[1:]))


def parse_colour(text: str) -> int:
    """0 for Black, 1 for White. Raises GtpError."""
    colour = _COLOURS.get(text.lower())
    if colour is None:
        raise GtpError("invalid color or coordinate")
    return colour


def parse_vertex(text: str, size: int) -> str:
    """A point of the board as our game writes it, "D4", or "pass". Raises GtpError."""
    if text.lower() == PASS:
        return PASS
    match = _VERTEX.fullmatch(text.upper()) if text.isascii() else None
    if match is None or COLUMNS.index(match[1]) >= size or int(match[2]) > size:
        raise GtpError("invalid color or coordinate")
    return f"{match[1]}{int(match[2])}"


def point_name(row: int, col: int, size: int) -> str:
    """The name of a point, counted from the top left."""
    return f"{COLUMNS[col]}{size - row}"


def most_fixed_stones(size: int) -> int:
    """Stones of the largest handicap on fixed points; 0: there is none on this board."""
    return 0 if size < 7 else 4 if size % 2 == 0 or size == 7 else 9


def fixed_handicap(size: int, stones: int) -> list[str]:
    """The points of a handicap of so many stones, in the order of the specification (4.1.1).

    Raises: GtpError if a board of this size has no such handicap.
    """
    if not 2 <= stones <= most_fixed_stones(size):
        raise GtpError("invalid number of stones")
    edge, middle = (4 if size >= 13 else 3), (size + 1) // 2
    low, high = edge, size + 1 - edge
    corners = [(low, low), (high, high), (low, high), (high, low)]  # (column, row), from 1
    points = corners[: min(stones, 4)]
    if stones >= 6:
        points += [(low, middle), (high, middle)]
    if stones >= 8:
        points += [(middle, low), (middle, high)]
    if stones in (5, 7, 9):
        points.append((middle, middle))
    return [f"{COLUMNS[column - 1]}{row}" for column, row in points]
