"""Games of Go from SGF: texts of any length taken apart, and how their games end by our rules."""

import re

import numpy as np

from zerofleet import _core
from zerofleet.games.registry import load_game
from zerofleet.games.sgf import SgfError, parse_game
from zerofleet.replay.imports.games import Filters, ImportedGame, Place, SkippedGame

MAX_GAME_BYTES = 1 << 24
"""Longer games are cut: a bracket that is never closed would else make one game of a whole file."""
_COLUMNS = "ABCDEFGHJKLMNOPQRST"
_OPEN = re.compile(rb"\(\s*;")
_TOKEN = re.compile(rb"[()]|\[(?:\\.|[^\\\]])*(\]?)", re.DOTALL)
# The first property of a root, at the start of a line: here a game begins, whatever is open.
_ROOT = re.compile(rb"\n\s*\(\s*;\s*(?:FF|GM|SZ|CA|AP)\s*\[")
_RESULT = re.compile(r"([BW])\+|(0|Draw|Jigo)\b", re.IGNORECASE)


class SgfGames:
    """A `GameReader` of SGF."""

    def __init__(self, filters: Filters, place: Place) -> None:
        """Goes on from a place; the next piece starts there."""
        self._filters = filters
        self._place = place
        self._buffer, self._start = b"", 0
        self._is_finished = False

    def feed(self, piece: bytes) -> None:
        """The next piece, of any size."""
        self._buffer = self._buffer[self._start :] + piece
        self._start = 0

    def finish(self) -> None:
        """The text has ended."""
        self._is_finished = True

    @property
    def place(self) -> Place:
        """Behind the last game."""
        return self._place

    def next(self) -> ImportedGame | SkippedGame | None:
        """The next game."""
        buffer = self._buffer
        if self._place.skipping:
            root = _ROOT.search(buffer, self._start)
            # The start of one may be at the end of this piece.
            self._advance(root.start() if root else max(self._start, len(buffer) - 256), 0)
            if root is None:
                return None
            self._place = Place(self._place.offset, self._place.line, self._place.num_games)
        found = _OPEN.search(buffer, self._start)
        if found is None:
            self._advance(len(buffer) if self._is_finished else max(self._start, len(buffer) - 256))
            return None
        self._advance(found.start())
        line, start = self._place.line, self._start
        end = _end_of_tree(buffer, start)
        root = _ROOT.search(buffer, start, len(buffer) if end is None else end)
        error = ""
        if root is not None:
            end, error = root.start(), "not closed before the next game begins"
        elif end is None and len(buffer) - start > MAX_GAME_BYTES:
            end, error = start + MAX_GAME_BYTES, f"longer than {MAX_GAME_BYTES:,} bytes, cut there"
        elif end is None and self._is_finished:
            end, error = len(buffer), "cut off: the text ends within it"
        if end is None:
            return None
        self._advance(end, 1, skipping=error.startswith("longer"))
        if error:
            return SkippedGame("cut off or not closed", error, line)
        return judged(buffer[start:end].decode(errors="replace"), line, self._filters)

    def _advance(self, to: int, num_games: int = 0, *, skipping: bool | None = None) -> None:
        passed = self._buffer[self._start : to]
        self._start = to
        place = self._place
        self._place = Place(
            place.offset + len(passed),
            place.line + passed.count(b"\n"),
            place.num_games + num_games,
            place.skipping if skipping is None else skipping,
        )


def _end_of_tree(buffer: bytes, start: int) -> int | None:
    """Where the tree that begins at `start` ends; None if not in this text."""
    depth = 0
    for token in _TOKEN.finditer(buffer, start):
        first = token[0][:1]
        if first == b"(":
            depth += 1
        elif first == b")":
            depth -= 1
            if depth == 0:
                return token.end()
        elif not token[1]:
            return None
    return None


def judged(text: str, line: int, filters: Filters) -> ImportedGame | SkippedGame:
    """The game as it can be learned from, or why it cannot.

    People agree on which stones are dead and count territory; our rules count the board as it
    stands. Where the two disagree on who won, the pass that ends the game is left out and the game
    has the result of its record.
    """

    def bad(kind: str, reason: str) -> SkippedGame:
        return SkippedGame(kind, reason, line)

    try:
        game = parse_game(text)
    except SgfError as error:
        return bad("unreadable", str(error))
    ratings = [" ".join(game.properties.get(name, ("",))) for name in ("BR", "WR")]
    if (skipped := filters.by_elo(ratings, line)) is not None:
        return skipped
    told = " ".join(game.properties.get("RE", ("",)))
    result = _RESULT.match(told.strip())
    if result is None:
        return bad("unfinished", f"unfinished: no result but RE[{told[:20]}]")
    value = 0.0 if result[2] else 1.0 if result[1].upper() == "B" else -1.0
    rows, to_play, komi, *words = game.text.split(" ")
    num_plies = len(words)
    for i in range(1, num_plies):
        if words[i - 1] == words[i] == "pass":
            words = words[: i + 1]
            break
    if not words:
        return bad("no moves", f"no moves, only the result {told[:20]}")
    if (skipped := filters.by_plies(num_plies, line)) is not None:
        return skipped
    rules = load_game(game.spec)
    first = f"{rows} {to_play} {komi}"
    try:
        state = rules.parse(" ".join([first, *words]))
    except ValueError:
        return bad("an illegal move", _first_illegal(rules, first, words))
    termination = _core.TERMINATION_RESIGNED if value else _core.TERMINATION_ADJUDICATED
    if state.is_terminal:
        if state.returns()[0] == value:
            termination = _core.TERMINATION_PLAYED_OUT
            if state.at_length_bound:
                termination = _core.TERMINATION_LENGTH_BOUND
        else:
            words = words[:-1]
            if not words:
                return bad("no moves", f"no moves but passes, and the result {told[:20]}")
    usual = rules.initial_state().text()
    return ImportedGame(
        spec=game.spec,
        actions=np.array([_action(word, game.size) for word in words], np.int32),
        first_player_return=value,
        line=line,
        termination=termination,
        initial_text="" if first == usual else first,
        num_plies_cut=num_plies - len(words),
    )


def _action(word: str, size: int) -> int:
    if word == "pass":
        return size * size
    return (size - int(word[1:])) * size + _COLUMNS.index(word[0])


def _first_illegal(rules: object, first: str, words: list[str]) -> str:
    """Which move is wrong; the start if none is."""
    try:
        state = rules.parse(first)  # type: ignore[attr-defined]
    except ValueError as error:
        return str(error)[:300]
    for number, word in enumerate(words, start=1):
        try:
            state.apply(rules.action_from_text(state, word))  # type: ignore[attr-defined]
        except ValueError as error:
            return f"move {number}, {word}: {str(error)[:300]}"
    return "no such game"
