"""Games of Stockfish against itself, and PGN files of them as they are found in the wild.

    python -m benchmarks.stockfish_games games.pgn --games 2000 [--nodes 60] [--plain]

A game begins with some random moves; then each side searches the given number of nodes, resigns
what is lost and agrees to a draw where nothing happens: about twenty games a second. Played games
are kept in the folder for temporary files and used again. Written by python-chess; unless --plain
with comments, variations, glyphs and odd headers, and with some games that are cut off, illegal,
unfinished, contradictory or of another variant.
"""

import argparse
import random
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.chess import STOCKFISH

RESIGN_CENTIPAWNS = 500
BAD_KINDS = ("cut", "illegal", "unreadable", "unfinished", "empty", "contradictory", "variant")
"""What may be wrong with a game that `wild_pgn` writes."""


@dataclass(frozen=True)
class PlayedGame:
    """Moves in UCI's notation from the usual start, and the result."""

    moves: list[str]
    result: str


def played_games(num_games: int, *, nodes: int = 60, seed: int = 1) -> list[PlayedGame]:
    """Games of Stockfish; those that were played before are read from a file."""
    path = Path(tempfile.gettempdir()) / f"zerofleet-stockfish-games-{seed}-{nodes}-resign.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    if len(lines) < num_games:
        games = play(num_games - len(lines), nodes=nodes, seed=seed * 1_000_003 + len(lines))
        lines += [f"{game.result} {' '.join(game.moves)}" for game in games]
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with open(handle, "w") as file:
            file.write("\n".join(lines) + "\n")
        Path(temporary).replace(path)
    split = (line.split() for line in lines[:num_games])
    return [PlayedGame(words[1:], words[0]) for words in split]


def play(num_games: int, *, nodes: int, seed: int) -> Iterator[PlayedGame]:
    """Plays games one after the other, on one thread; one in eight is played to its end."""
    import chess

    rng = random.Random(seed)
    with _stockfish() as (ask, tell):
        for number in range(num_games):
            board = chess.Board()
            tell("ucinewgame")
            opening = rng.randint(2, 6)
            scores: list[int] = []  # from White's view
            while (result := result_of(board)) == "*":
                if len(board.move_stack) < opening:
                    board.push(rng.choice(list(board.legal_moves)))
                    continue
                if number % 8 and (result := _agreed(scores)) != "*":
                    break
                tell(f"position fen {board.fen()}")
                tell(f"go nodes {nodes}")
                move, score = ask()
                scores.append(score if board.turn else -score)
                board.push_uci(move)
            yield PlayedGame([move.uci() for move in board.move_stack], result)


def _agreed(scores: list[int]) -> str:
    """A side that thinks four times in a row that it is lost has lost; of long games in which both
    see nothing for 20 plies none is won."""
    last = scores[-4:]
    if len(last) == 4 and min(last) >= RESIGN_CENTIPAWNS:
        return "1-0"
    if len(last) == 4 and max(last) <= -RESIGN_CENTIPAWNS:
        return "0-1"
    if len(scores) > 100 and max(map(abs, scores[-20:])) <= 30:
        return "1/2-1/2"
    return "*"


def result_of(board: Any) -> str:
    """By the rules of our chess, where draws that players may claim are automatic."""
    if not any(board.legal_moves):
        if not board.is_check():
            return "1/2-1/2"
        return "0-1" if board.turn else "1-0"
    if (
        board.is_insufficient_material()
        or board.halfmove_clock >= 100
        or board.is_repetition(3)
        or board.ply() >= 512
    ):
        return "1/2-1/2"
    return "*"


@contextmanager
def _stockfish() -> Iterator[tuple[Callable[[], tuple[str, int]], Callable[[str], None]]]:
    """(waits for a move and its score in centipawns, sends a line)."""
    with subprocess.Popen(
        [STOCKFISH], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as engine:
        assert engine.stdin is not None
        assert engine.stdout is not None
        to, output = engine.stdin, engine.stdout

        def tell(line: str) -> None:
            to.write(line + "\n")

        def ask() -> tuple[str, int]:
            score = 0
            for line in output:
                words = line.split()
                if "score" in words:
                    kind, value = words[words.index("score") + 1 :][:2]
                    score = int(value) if kind == "cp" else 10_000 * (1 if int(value) > 0 else -1)
                if words[:1] == ["bestmove"]:
                    return words[1], score
            raise RuntimeError("stockfish has ended")

        tell("setoption name Hash value 1")
        try:
            yield ask, tell
        finally:
            engine.kill()


@dataclass(frozen=True)
class WrittenGame:
    """A game of a file, and what is wrong with it."""

    played: PlayedGame
    bad: str
    """One of BAD_KINDS; empty: nothing."""


def wild_pgn(
    games: list[PlayedGame], *, seed: int = 1, bad_share: float = 0.1
) -> Iterator[tuple[str, WrittenGame]]:
    """Yields the text of each game as a person's collection might have it, and what it is."""
    import chess.pgn

    import chess

    rng = random.Random(seed)
    for number, played in enumerate(games):
        bad = rng.choice(BAD_KINDS) if rng.random() < bad_share else ""
        game = _decorated(played, number, rng)
        if bad == "empty":
            game.variations.clear()
        elif bad == "unfinished":
            game.headers["Result"] = "*"
        text = str(game) + "\n"
        if bad == "variant":
            text = text.replace('[Result "', '[Variant "Atomic"]\n[Result "', 1)
        if bad == "contradictory":
            other = "0-1" if played.result != "0-1" else "1-0"
            text = text.replace(f'[Result "{played.result}"]', f'[Result "{other}"]')
        elif bad in ("illegal", "unreadable"):
            board, keep = chess.Board(), rng.randrange(1, len(played.moves))
            plain = chess.pgn.Game()
            node: Any = plain
            for move in played.moves[:keep]:
                node = node.add_variation(chess.Move.from_uci(move))
                board.push_uci(move)
            plain.headers["Result"] = played.result
            wrong = "Kxe9" if bad == "unreadable" else _illegal(board, rng)
            start, _, end = str(plain).rpartition(" ")
            text = f"{start} {wrong} a6 {end}\n"
        elif bad == "cut":
            body = text.index("\n\n") + 2
            text = text[: body + int((len(text) - body - 12) * rng.uniform(0.3, 0.95))] + "\n"
        yield text + "\n", WrittenGame(played, bad)


def _decorated(played: PlayedGame, number: int, rng: random.Random) -> Any:
    import chess.pgn

    import chess

    game = chess.pgn.Game()
    game.headers["Event"] = rng.choice(["Rated [bullet] game", 'The "Open"', "?", "Caf\u00e9 {x}"])
    game.headers["White"] = rng.choice(["M\u00fcller, J.", 'A "bear"', "C\\D", "?"])
    game.headers["Round"] = str(number)
    game.headers["Result"] = played.result
    for color in ("White", "Black"):
        if rng.random() < 0.9:
            game.headers[f"{color}Elo"] = rng.choice([str(rng.randint(1000, 2800)), "?", "-"])
    if rng.random() < 0.1:
        game.headers["Annotator"] = "x" * 300
    board, node = chess.Board(), game
    if rng.random() < 0.2:
        game.comment = "before the first move; 1. e4 (or not)"
    for word in played.moves:
        move = chess.Move.from_uci(word)
        if rng.random() < 0.02:
            others = [other for other in board.legal_moves if other != move]
            line = [rng.choice(others)] if others else []
        else:
            line = []
        parent, node = node, node.add_main_variation(move)
        for other in line:
            parent.add_variation(other, comment="a line [1-0]", nags={rng.randint(1, 139)})
        if rng.random() < 0.3:
            node.comment = rng.choice(
                ["[%clk 0:01:02]", "[%eval -1.25] [%clk 0:00:59]", "only move (!) 0-1", "x\ny $1"]
            )
        if rng.random() < 0.05:
            node.nags.add(rng.randint(1, 6))
        board.push(move)
    return game


def _illegal(board: Any, rng: random.Random) -> str:
    """A move that looks like one and is illegal here."""
    import chess

    while True:
        word = rng.choice("NBRQK") + rng.choice(chess.SQUARE_NAMES)
        try:
            board.parse_san(word)
        except chess.AmbiguousMoveError:
            continue
        except ValueError:
            return word


def plain_pgn(games: list[PlayedGame]) -> Iterator[str]:
    """Yields the text of each game without ornaments."""
    import chess.pgn

    import chess

    for number, played in enumerate(games):
        board = chess.Board()
        for move in played.moves:
            board.push_uci(move)
        game = chess.pgn.Game.from_board(board)
        game.headers["Round"], game.headers["Result"] = str(number), played.result
        yield str(game) + "\n\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path)
    parser.add_argument("--games", type=int, default=2000)
    parser.add_argument("--nodes", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true")
    args = parser.parse_args()
    games = played_games(args.games, nodes=args.nodes, seed=args.seed)
    with args.target.open("w") as file:
        if args.plain:
            file.writelines(plain_pgn(games))
        else:
            file.writelines(text for text, _ in wild_pgn(games, seed=args.seed))
    plies = sum(len(game.moves) for game in games)
    print(f"wrote {args.target}: {len(games):,} games, {plies:,} plies")


if __name__ == "__main__":
    main()
