"""What UCI programs say to an engine, as values: `position`, `go`, `setoption`.

Source: the UCI protocol of R. Huber and S. Meyer-Kahlen (2006).
"""

from collections.abc import Sequence
from dataclasses import dataclass

COMMANDS = (
    *("uci", "debug", "isready", "setoption", "register", "ucinewgame", "position"),
    *("go", "stop", "ponderhit", "quit"),
)
_NUMBERS = {
    "wtime": (-(1 << 40), 1 << 40),
    "btime": (-(1 << 40), 1 << 40),
    "winc": (0, 1 << 40),
    "binc": (0, 1 << 40),
    "movestogo": (0, 10_000),
    "depth": (1, 10_000),
    "nodes": (1, 1 << 40),
    "mate": (1, 10_000),
    "movetime": (0, 1 << 40),
}
"""Numbers that follow a word of `go`, with their least and largest value; times in ms."""
_MOVES_TO_GO = 30
_INCREMENT_SHARE = 0.8
_MOST_SHARE = 0.8
_WORDS = ("searchmoves", "ponder", "infinite", *_NUMBERS)


class CommandError(ValueError):
    """A command that cannot be obeyed; says what was expected and what came."""


@dataclass(frozen=True)
class Go:
    """The command `go`. Times in milliseconds; None: not said."""

    searchmoves: tuple[str, ...] = ()
    ponder: bool = False
    infinite: bool = False
    wtime: int | None = None
    btime: int | None = None
    winc: int | None = None
    binc: int | None = None
    movestogo: int | None = None
    depth: int | None = None
    nodes: int | None = None
    mate: int | None = None
    movetime: int | None = None
    unknown: tuple[str, ...] = ()
    """Words that mean nothing here; UCI asks to ignore them."""

    @property
    def has_limit(self) -> bool:
        """Whether anything but `stop` ends the search."""
        numbers = (self.wtime, self.btime, self.depth, self.nodes, self.mate, self.movetime)
        return not self.infinite and any(n is not None for n in numbers)


def split_command(line: str) -> tuple[str, list[str]]:
    """The command of a line and its words; unknown words before it are skipped, as UCI asks.

    Returns: ("", []) for a line without a word.
    Raises: CommandError if none of the words is a command.
    """
    words = line.split()
    for number, word in enumerate(words):
        if word in COMMANDS:
            return word, words[number + 1 :]
    if not words:
        return "", []
    raise CommandError(f"unknown command {line.strip()[:80]!r}; commands are {', '.join(COMMANDS)}")


def parse_go(words: Sequence[str]) -> Go:
    """The limits of a search. Raises CommandError for what is no number, or out of range."""
    values: dict[str, int] = {}
    searchmoves: list[str] = []
    unknown: list[str] = []
    flags = {"ponder": False, "infinite": False}
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word in flags:
            flags[word] = True
        elif word == "searchmoves":
            while at < len(words) and words[at] not in _WORDS:
                searchmoves.append(words[at])
                at += 1
        elif word in _NUMBERS:
            values[word] = _number(word, words[at : at + 1])
            at += 1
        else:
            unknown.append(word)
    return Go(
        searchmoves=tuple(searchmoves),
        ponder=flags["ponder"],
        infinite=flags["infinite"],
        unknown=tuple(unknown),
        **values,
    )


def parse_position(words: Sequence[str]) -> tuple[str, list[str]]:
    """The position to start from, "startpos" or a FEN, and the moves from there on.

    Raises: CommandError.
    """
    at = words.index("moves") if "moves" in words else len(words)
    start, moves = list(words[:at]), list(words[at + 1 :])
    if start == ["startpos"]:
        return "startpos", moves
    if start[:1] == ["fen"] and len(start) > 1:
        return " ".join(start[1:]), moves
    raise CommandError(
        f"position: expected startpos or fen FEN, then moves; came {' '.join(words)[:80]!r}"
    )


def parse_setoption(words: Sequence[str]) -> tuple[str, str]:
    """Name and value of an option; no value: "". Raises CommandError."""
    at = words.index("value") if "value" in words else len(words)
    if words[:1] != ["name"] or at < 2:
        raise CommandError(
            f"setoption: expected name NAME, then value VALUE; came {' '.join(words)[:80]!r}"
        )
    return " ".join(words[1:at]), " ".join(words[at + 1 :])


def _number(word: str, value: Sequence[str]) -> int:
    least, most = _NUMBERS[word]
    try:
        number = int(value[0])
    except (ValueError, IndexError):
        number = None
    if number is None or not least <= number <= most:
        came = value[0][:40] if value else "nothing"
        raise CommandError(f"go {word}: expected a whole number {least}..{most}; came {came!r}")
    return number


def move_seconds(go: Go, *, white: bool, overhead: float) -> float | None:
    """Seconds for a move with these clocks; None: they do not limit it.

    The time left is shared out over the moves to go, 30 if that is not said, and most of the
    increment is added; a move never takes more than most of what is left.

    Args:
      overhead: seconds of each move that are lost on the way to and from the program.
    """
    if go.movetime is not None:
        seconds = go.movetime / 1000
        return max(seconds - overhead, seconds / 2)
    time, increment = (go.wtime, go.winc) if white else (go.btime, go.binc)
    if time is None:
        return None
    left = max(0.0, time / 1000 - overhead)
    moves = min(max(go.movestogo or _MOVES_TO_GO, 1), _MOVES_TO_GO)
    wanted = left / moves + _INCREMENT_SHARE * (increment or 0) / 1000
    return min(wanted, _MOST_SHARE * left)
