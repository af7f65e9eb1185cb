"""Games of Go as SGF: `to_sgf` writes a game, `from_sgf` reads a collection.

Source: https://www.red-bean.com/sgf/ (FF[4]). Read are the main lines of Go games on square boards:
size, komi, stones set up before the first move, moves. Everything else of the root is handed over
as it is. Points are two letters, column and row from the top left; `[]` and `[tt]` are passes.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_LETTERS = "abcdefghijklmnopqrs"
_COLUMNS = "ABCDEFGHJKLMNOPQRST"
_COLOURS = ("B", "W")
_SETUP = {"AB": "X", "AW": "O", "AE": "."}

_TOKEN = re.compile(
    r"\s*(?:(?P<mark>[();])|(?P<name>[A-Za-z]+)(?P<values>(?:\s*\[(?:\\.|[^\\\]])*\])+))", re.DOTALL
)
_VALUE = re.compile(r"\[((?:\\.|[^\\\]])*)\]", re.DOTALL)

_Node = dict[str, list[str]]


class SgfError(ValueError):
    """A text that is no SGF, or no game of Go: what was expected, what came, where."""


@dataclass(frozen=True)
class SgfGame:
    """The main line of one game."""

    size: int
    """Rows and columns."""
    komi: float
    """Points White gets for moving second; 0 if the file does not say."""
    text: str
    """The last position with all moves, as `load_game(self.spec).parse` reads it."""
    properties: Mapping[str, tuple[str, ...]]
    """Of the root node, unescaped: PB, PW, RE, DT, RU ..."""

    @property
    def spec(self) -> str:
        """The game with its options, for `load_game`."""
        return f"go(komi={self.komi:g},size={self.size})"


def result_text(state: Any) -> str:
    """The result of a finished game of Go as SGF and GTP write it: "B+3.5", "W+12", "0" (equal)."""
    result = str(state).rsplit(", ", 1)[1]  # "B+3.5", "W+12.0", "draw"
    return "0" if result == "draw" else result.removesuffix(".0")


def to_sgf(state: Any, *, properties: Mapping[str, str] | None = None) -> str:
    """Returns the game of Go that led to `state`, one move a node.

    Args:
      state: of the game `go`, anywhere in the game.
      properties: of the root, unescaped, such as {"PB": "v0007", "RE": "B+R"}. They replace those
        that follow from the state: GM, FF, CA, RU, SZ, KM and, at the end of the game, RE; where
        that was its length, GC says so.
    """
    rows_text, to_play, komi, *moves = state.text().split(" ")
    rows = rows_text.split("/")
    root = {"FF": "4", "GM": "1", "CA": "UTF-8", "RU": "Tromp-Taylor", "SZ": str(len(rows))}
    root["KM"] = f"{float(komi):g}"
    if state.is_terminal:
        root["RE"] = result_text(state)
        if state.at_length_bound:
            root["GC"] = f"ended for its length, {len(moves)} plies; scored as it stood"
    root |= properties or {}
    out = "(;" + "".join(f"{name}[{_escaped(value)}]" for name, value in root.items())
    for name, piece in (("AB", "X"), ("AW", "O")):
        stones = [
            f"[{_LETTERS[col]}{_LETTERS[row]}]"
            for row, line in enumerate(rows)
            for col, cell in enumerate(line)
            if cell == piece
        ]
        out += name + "".join(stones) if stones else ""
    mover = "XO".index(to_play)
    if mover:
        out += "PL[W]"
    for number, move in enumerate(moves):
        out += "\n" if number % 10 == 0 else ""
        out += f";{_COLOURS[(mover + number) % 2]}[{_point(move, len(rows))}]"
    return out + ")\n"


def from_sgf(text: str) -> list[SgfGame]:
    """Returns all games of an SGF text. Raises SgfError, naming the game and the move."""
    games = []
    for number, nodes in enumerate(_main_lines(text), start=1):
        try:
            games.append(_game(nodes))
        except SgfError as error:
            raise SgfError(f"SGF game {number}: {error}") from None
    if not games:
        raise SgfError(f"SGF: expected '(;', got {_quoted(text)}")
    return games


def parse_game(text: str) -> SgfGame:
    """Returns the first game of an SGF text. Raises SgfError, naming the move."""
    for nodes in _main_lines(text):
        return _game(nodes)
    raise SgfError(f"expected '(;', got {_quoted(text)}")


def _main_lines(text: str) -> Iterator[list[_Node]]:
    """The nodes of each game tree, always taking the first branch."""
    at = text.find("(")
    while at >= 0:
        nodes: list[_Node] = []
        depth, in_main_line = 0, True
        while True:
            token = _TOKEN.match(text, at)
            if token is None:
                raise SgfError(
                    f"SGF: at character {at}: expected a property, ';', '(' or ')', "
                    f"got {_quoted(text[at:]) if text[at:].strip() else 'the end'}"
                )
            at, mark = token.end(), token["mark"]
            if mark == "(":
                depth += 1
            elif mark == ")":
                depth -= 1
                in_main_line = False  # what follows are variations
                if depth == 0:
                    break
            elif not in_main_line:
                continue
            elif mark == ";":
                nodes.append({})
            elif not nodes:
                raise SgfError(f"SGF: at character {at}: {token['name']} before the first ';'")
            else:
                # Older files spell names out: only capitals count.
                name = "".join(ch for ch in token["name"] if ch.isupper())
                values = [_unescaped(v) for v in _VALUE.findall(token["values"])]
                nodes[-1].setdefault(name, []).extend(values)
        if not nodes:
            raise SgfError(f"SGF: at character {at}: a game without a node; expected ';'")
        yield nodes
        at = text.find("(", at)


def _game(nodes: list[_Node]) -> SgfGame:
    root = nodes[0]
    if root.get("GM", ["1"])[0].strip() != "1":
        raise SgfError(f"GM[{_short(root['GM'][0])}] is another game than Go, which is GM[1]")
    size = _size(root)
    komi = _komi(root)
    board = [["."] * size for _ in range(size)]
    side: int | None = None
    moves: list[str] = []
    for node in nodes:
        for name, piece in _SETUP.items():
            for value in node.get(name, ()):
                if moves:
                    raise SgfError(f"{name} after move {len(moves)}: expected moves only")
                for row, col in _points(value, size):
                    board[row][col] = piece
        if "PL" in node and not moves:
            side = _side(node["PL"][0])
        played = [(c, v) for c, name in enumerate(_COLOURS) for v in node.get(name, ())]
        if len(played) > 1:
            raise SgfError(f"{len(played)} moves in one node after move {len(moves)}")
        for colour, value in played:
            # Without PL, whoever plays the first move is to move.
            side = colour if side is None else side
            if colour != (side + len(moves)) % 2:
                raise SgfError(
                    f"move {len(moves) + 1} is by {_COLOURS[colour]}; "
                    f"expected {_COLOURS[1 - colour]}, the colours take turns"
                )
            moves.append(_move(value, size))
    if side is None:  # a position without moves: White answers a handicap
        side = 1 if root.get("HA", ["0"])[0].strip() not in ("0", "", "1") else 0
    rows = "/".join("".join(line) for line in board)
    text = " ".join([rows, "XO"[side], f"{komi:.1f}", *moves])
    return SgfGame(size, komi, text, {name: tuple(values) for name, values in root.items()})


def _size(root: _Node) -> int:
    value = root.get("SZ", ["19"])[0].strip()
    columns, _, rows = value.partition(":")
    if not re.fullmatch(r"[0-9]{1,2}", columns) or rows not in ("", columns):
        raise SgfError(f"SZ[{_short(value)}]: expected a square board of 5 to 19")
    if not 5 <= int(columns) <= 19:
        raise SgfError(f"SZ[{_short(value)}]: expected 5 to 19")
    return int(columns)


def _komi(root: _Node) -> float:
    value = root.get("KM", ["0"])[0].strip() or "0"
    if not re.fullmatch(r"[+-]?[0-9]{1,3}(\.[0-9]*)?", value):
        raise SgfError(f"KM[{_short(value)}]: expected a number such as 7.5")
    komi = float(value)
    if komi * 2 != int(komi * 2) or abs(komi) > 361:
        raise SgfError(f"KM[{_short(value)}]: expected a multiple of 0.5 in -361..361")
    return komi + 0.0  # -0 is 0


def _side(value: str) -> int:
    letter = value.strip().upper()[:1]
    if letter not in _COLOURS or not letter:
        raise SgfError(f"PL[{_short(value)}]: expected B or W")
    return _COLOURS.index(letter)


def _move(value: str, size: int) -> str:
    """The name of a move in the game's notation."""
    value = value.strip()
    if value in ("", "tt"):
        return "pass"
    row, col = _row_col(value, size)
    return f"{_COLUMNS[col]}{size - row}"


def _points(value: str, size: int) -> Iterator[tuple[int, int]]:
    """One point, or all points of a rectangle such as `aa:cb`."""
    first, colon, last = value.strip().partition(":")
    top, left = _row_col(first, size)
    bottom, right = _row_col(last, size) if colon else (top, left)
    for row in range(top, bottom + 1):
        for col in range(left, right + 1):
            yield row, col


def _row_col(value: str, size: int) -> tuple[int, int]:
    letters = _LETTERS[:size]
    if len(value) != 2 or any(ch not in letters for ch in value):
        raise SgfError(f"no point of a {size} x {size} board: [{_short(value)}]")
    return letters.index(value[1]), letters.index(value[0])


def _point(move: str, size: int) -> str:
    if move == "pass":
        return ""
    return _LETTERS[_COLUMNS.index(move[0])] + _LETTERS[size - int(move[1:])]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("]", "\\]")


def _unescaped(value: str) -> str:
    value = re.sub(r"\\(\r\n|\n\r|\r|\n)", "", value)  # a soft line break
    return re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)


def _short(value: str) -> str:
    return value[:20].encode("ascii", "replace").decode() + ("..." if len(value) > 20 else "")


def _quoted(text: str) -> str:
    return repr(text.strip()[:40])
