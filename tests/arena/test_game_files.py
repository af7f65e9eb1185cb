"""Games of matches as PGN and SGF, read back by other people's readers."""

import io

import pytest

from support import require
from zerofleet.arena.game_files import game_file
from zerofleet.arena.match import play_match
from zerofleet.arena.published import write_games
from zerofleet.arena.rating import VersionRating
from zerofleet.games import load_game
from zerofleet.games.sgf import from_sgf
from zerofleet.players.player import Forfeit
from zerofleet.players.random_player import RandomPlayer
from zerofleet.run.store import DirectoryStore


class GivesUp:
    """Plays at random until its n-th move of a game, then gives up for a reason."""

    name = "gives up"

    def __init__(self, plies: int, reason: str) -> None:
        self.plies, self.reason = plies, reason

    def select_actions(self, states, seeds):
        moves = RandomPlayer().select_actions(states, seeds)
        return [
            Forfeit(self.reason) if state.text().count(" ") > self.plies else move
            for state, move in zip(states, moves, strict=True)
        ]


def test_chess_games_are_read_by_python_chess():
    chess = require("chess")
    require("chess.pgn")
    game = load_game("chess")
    results = [
        play_match(game, RandomPlayer("a"), GivesUp(8, "timeout"), num_games=4, seed=1),
        play_match(game, RandomPlayer("a"), RandomPlayer("b"), num_games=2, seed=1),
    ]
    assert results[0].terminations["timeout"] > 0
    ending, text = game_file(game, results)
    assert ending == "pgn"
    file = io.StringIO(text)
    for result in results:
        for number, record in enumerate(result.games, start=1):
            read = chess.pgn.read_game(file)
            assert read.errors == []
            assert len(list(read.mainline_moves())) == len(record.actions)
            names = [result.player, result.opponent]
            assert [read.headers["White"], read.headers["Black"]] == (
                names[::-1] if record.swapped else names
            )
            assert read.headers["Round"] == str(number)
            assert read.headers["Termination"] == record.termination
            white = {"1-0": 1.0, "0-1": 0.0, "1/2-1/2": 0.5}[read.headers["Result"]]
            assert record.score == (1 - white if record.swapped else white)
    assert chess.pgn.read_game(file) is None


@pytest.mark.parametrize(
    ("reason", "end"), [("timeout", "T"), ("resigned", "R"), ("crash", "F"), ("error", "F")]
)
def test_go_games_are_read_by_sgfmill(reason, end):
    require("sgfmill")
    from sgfmill import sgf

    game = load_game("go(size=5)")
    result = play_match(game, RandomPlayer("a"), GivesUp(10, reason), num_games=4, seed=1)
    ending, text = game_file(game, [result])
    assert ending == "sgf"
    texts = text.split("\n\n")
    assert len(texts) == len(from_sgf(text)) == 4
    for number, (one, record) in enumerate(zip(texts, result.games, strict=True), start=1):
        read = sgf.Sgf_game.from_string(one)
        root = read.get_root()
        assert read.get_player_name("w" if record.swapped else "b") == "a"
        assert root.get("RO") == str(number)
        assert len(read.get_main_sequence()) == len(record.actions) + 1
        assert record.termination == root.get("GC") == reason
        assert root.get("RE") == f"{'W' if record.swapped else 'B'}+{end}"


def test_a_game_that_was_played_has_the_result_of_its_board():
    game = load_game("go(size=5,komi=0.5)")
    result = play_match(game, RandomPlayer("a"), RandomPlayer("b"), num_games=6, seed=2)
    file = game_file(game, [result])
    assert file is not None
    for read, record in zip(from_sgf(file[1]), result.games, strict=True):
        winner = read.properties["RE"][0][0]
        assert record.score == float((winner == "W") == record.swapped)


def test_games_without_a_format_have_no_file():
    game = load_game("tic_tac_toe")
    result = play_match(game, RandomPlayer("a"), RandomPlayer("b"), num_games=2, seed=2)
    assert game_file(game, [result]) is None


def test_the_games_of_a_rating_are_written_beside_their_text(tmp_path):
    game, store = load_game("go(size=5)"), DirectoryStore(tmp_path)
    result = play_match(game, RandomPlayer("v0003"), RandomPlayer("b"), num_games=2, seed=2)
    rating = VersionRating(version=3, matches=(), reference_matches=(), elo={}, results=(result,))
    assert write_games(store, game, rating) == "games/v0003.txt"
    assert len(from_sgf(store.read("games/v0003.sgf").decode())) == 2
