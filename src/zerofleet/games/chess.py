"""Notation of chess: FEN and UCI of a state, games in PGN.

SAN is what `game.action_to_text` writes and `game.action_from_text` reads (UCI too); a state's
`text()` is what the command `position` of UCI takes.
"""

from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from typing import IO, Any

from zerofleet._core import (
    PgnGame,
    PgnReader,
    chess_fen,
    chess_outcome,
    chess_perft,
    chess_slider_lookups,
    chess_uci,
)
from zerofleet.games.registry import load_game

__all__ = [
    "PgnGame",
    "fen",
    "format_pgn",
    "outcome",
    "parse_pgn",
    "perft",
    "read_pgn",
    "slider_lookups",
    "uci",
]

fen = chess_fen
uci = chess_uci
outcome = chess_outcome
perft = chess_perft
slider_lookups = chess_slider_lookups

_PIECE_BYTES = 1 << 20
_ROSTER = {"Event": "?", "Site": "?", "Date": "????.??.??", "Round": "?", "White": "?"} | {
    "Black": "?",
    "Result": "*",
}
"""The tags every game has, in this order, with their value for "unknown" (PGN standard, 8.1.1)."""

_RESULTS = ("1-0", "0-1", "1/2-1/2", "*")
_LINE_WIDTH = 79


def read_pgn(source: str | PathLike[str] | IO[bytes]) -> Iterator[PgnGame]:
    """Yields the games of a PGN file one after the other.

    What is wrong with a game is in its `error`, and the next one is read all the same: a person's
    collection of games is never quite clean. Memory is bounded by one game of at most 1 MiB.

    Args:
      source: a path, or a file open for reading bytes, such as what `gzip.open` returns.
    """
    if isinstance(source, str | PathLike):
        with open(source, "rb") as file:
            yield from read_pgn(file)
        return
    reader = PgnReader()
    while piece := source.read(_PIECE_BYTES):
        if not isinstance(piece, bytes):
            raise TypeError(f"read_pgn: expected a file of bytes, read {type(piece).__name__}")
        reader.feed(piece)
        yield from _ready(reader)
    reader.finish()
    yield from _ready(reader)


def parse_pgn(text: str | bytes) -> list[PgnGame]:
    """The games of a PGN text; as `read_pgn`."""
    reader = PgnReader()
    reader.feed(text.encode() if isinstance(text, str) else text)
    reader.finish()
    return list(_ready(reader))


def _ready(reader: PgnReader) -> Iterator[PgnGame]:
    while (game := reader.next()) is not None:
        yield game


def format_pgn(
    actions: Iterable[int],
    *,
    result: str = "*",
    tags: Mapping[str, str] | None = None,
    initial: str | None = None,
) -> str:
    """Writes one game as PGN, in export format: seven tags, moves in SAN, lines below 80 columns.

    Args:
      actions: the moves in order.
      result: "1-0", "0-1", "1/2-1/2" or "*".
      tags: headers beside or instead of the seven that every game has; SetUp and FEN are added.
      initial: the start as `load_game("chess").parse` reads it; None for the usual one.
    Raises: ValueError, naming ply, action and position, if a move is illegal; for another result.
    """
    if result not in _RESULTS:
        raise ValueError(f"result {result!r}; expected one of {', '.join(_RESULTS)}")
    game = load_game("chess")
    state = game.initial_state() if initial is None else game.parse(initial)
    header = {**_ROSTER, **(tags or {}), "Result": result}
    start = chess_fen(state)
    if initial is not None and start != chess_fen(game.initial_state()):
        header |= {"SetUp": "1", "FEN": start}
    names = [*_ROSTER, *sorted(name for name in header if name not in _ROSTER)]
    lines = [f'[{name} "{_escaped(header[name])}"]' for name in names]
    lines.append("")
    lines += _wrapped([*_move_words(game, state, actions), result])
    return "\n".join(lines) + "\n"


def _move_words(game: Any, state: Any, actions: Iterable[int]) -> Iterator[str]:
    number = int(chess_fen(state).rsplit(" ", 1)[1])
    for ply, action in enumerate(actions):
        if state.to_play == 0:
            yield f"{number}."
        elif ply == 0:
            yield f"{number}..."
        number += state.to_play
        try:
            # Text first: it belongs to the position before the move.
            word = game.action_to_text(state, action)
            state.apply(action)
        except ValueError as error:
            raise ValueError(f"ply {ply}: {error}") from error
        yield word


def _escaped(value: str) -> str:
    return " ".join(value.split()).replace("\\", "\\\\").replace('"', '\\"')


def _wrapped(words: Iterable[str]) -> Iterator[str]:
    line = ""
    for word in words:
        if line and len(line) + 1 + len(word) > _LINE_WIDTH:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line
