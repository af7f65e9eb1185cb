"""Games of one player: what they scored, from the moves alone, and what a run keeps of it."""

import json
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

import zerofleet
from support import require
from zerofleet.arena.config import ArenaConfig
from zerofleet.arena.game_text import scores_text
from zerofleet.arena.match import MatchError
from zerofleet.arena.opponents import fitting_opponents, with_opponents
from zerofleet.arena.scores import ScoredGame, ScoreResult, known_scores, play_scores, score_version
from zerofleet.arena.stats import IterationStats, is_rated
from zerofleet.games import State, load_game
from zerofleet.players.player import Forfeit, Player
from zerofleet.players.random_player import RandomPlayer
from zerofleet.players.registry import load_player

GAME = load_game("twenty48", size=3)
CONFIG = ArenaConfig(eval_games=10, final_games=30, opponents=("random", "expectimax:1"))

SUM = '''
class Sum:
    """Five numbers, each 0 or 1; the score is their sum. No chance."""

    num_players = 1
    score_range = (0, 5)
    num_actions = 2

    def initial_position(self):
        return ()

    def to_play(self, position):
        return 0

    def legal_actions(self, position):
        return [0, 1] if len(position) < 5 else []

    def play(self, position, action):
        return (*position, action)

    def returns(self, position):
        return sum(position)
'''


class Always:
    """Plays one answer wherever it can."""

    def __init__(self, answer: int | Forfeit, name: str = "always"):
        self.answer, self.name = answer, name

    def select_actions(self, states: Sequence[State], seeds: Sequence[int]) -> list:
        return [self.answer for _ in states]


@pytest.fixture(scope="module")
def played() -> ScoreResult:
    return play_scores(GAME, RandomPlayer(), num_games=20, seed=3)


def test_every_game_is_one_of_the_rules_from_start_to_end(played: ScoreResult) -> None:
    assert len(played.games) == 20
    for record in played.games:
        state = GAME.initial_state()
        for action in record.actions:
            assert not state.is_terminal
            state.apply(action)
        assert state.is_terminal
        assert record.score == state.returns()[0]
        board = state.text().partition(" score")[0].replace("/", " ").split()
        assert record.largest_tile == max(int(tile) for tile in board)
        assert record.termination == "played"
    text = scores_text(GAME, played).splitlines()
    assert text[0] == "# twenty48: random, 20 games"
    assert text[1].startswith(f"1\trandom\t{played.games[0].score:g}\tplayed\t")


def test_the_games_are_a_function_of_player_and_seed(played: ScoreResult) -> None:
    assert play_scores(GAME, RandomPlayer(), num_games=20, seed=3) == played
    # Fewer games are the first of them.
    assert play_scores(GAME, RandomPlayer(), num_games=5, seed=3).games == played.games[:5]
    assert play_scores(GAME, RandomPlayer(), num_games=20, seed=4) != played
    assert len({g.actions for g in played.games}) == 20


def test_figures() -> None:
    scores = [4.0, 8.0, 12.0, 40.0]
    games = [ScoredGame((0,) * n, score, "played") for n, score in enumerate(scores)]
    stats = ScoreResult("any", "me", (*games, games[3])).stats()
    scores.append(40.0)
    assert stats["mean"] == pytest.approx(statistics.mean(scores))
    error = 1.959964 * statistics.stdev(scores) / 5**0.5
    assert stats["error"] == pytest.approx(error, abs=0.01)
    assert (stats["median"], stats["best"], stats["games"]) == (12.0, 40.0, 5)
    assert (stats["mean_plies"], stats["distinct_games"]) == (1.8, 4)
    assert stats["terminations"] == {"played": 5}
    assert "largest_tile" not in stats
    alone = ScoreResult("any", "me", tuple(games[:1])).stats()
    assert (alone["mean"], alone["error"]) == (4.0, 0.0)


def test_largest_tiles_are_counted(played: ScoreResult) -> None:
    tiles = played.stats()["largest_tile"]
    assert tiles == {
        str(tile): n for tile, n in sorted(Counter(g.largest_tile for g in played.games).items())
    }
    assert sum(tiles.values()) == 20


def test_opponents_play_once_in_a_run() -> None:
    loaded: list[str] = []

    def load_fixed(text: str) -> Player:
        loaded.append(text)
        return load_player(text, GAME)

    entries: list[IterationStats] = []
    played = []
    for version in (1, 2):
        scores = score_version(
            GAME,
            version,
            RandomPlayer(f"v{version:04d}"),
            load_fixed=load_fixed,
            entries=entries,
            config=CONFIG,
            num_games=CONFIG.eval_games,
        )
        entries.append(IterationStats(iteration=version, **scores.entry()))
        played.append([r.player for r in scores.results])
    assert played == [["v0001", "random", "expectimax:1"], ["v0002"]]
    first, second = (e["game_stats"]["scores"] for e in json.loads(json.dumps(entries)))
    assert [s["player"] for s in second] == ["v0002", "random", "expectimax:1"]
    assert second[1:] == first[1:]
    assert [s["games"] for s in first] == [10, 30, 30]
    assert first[0]["mean"] != second[0]["mean"]  # games of their own
    assert set(known_scores(entries)) == {"v0001", "v0002", "random", "expectimax:1"}
    assert is_rated(entries[0])
    assert not is_rated({"iteration": 3, "game_stats": {"mean_score": 4.0}})
    # The one that looks at the score gets more of it.
    random, greedy = second[1:]
    assert greedy["mean"] - greedy["error"] > random["mean"] + random["error"]


def test_games_of_ones_own_without_chance(tmp_path: Path) -> None:
    file = tmp_path / "total.py"
    file.write_text(SUM)
    game = zerofleet.load_game(f"{file}:Sum")
    stats = play_scores(game, Always(1), num_games=6, seed=1).stats()
    assert (stats["mean"], stats["error"], stats["distinct_games"]) == (5.0, 0.0, 1)
    random = play_scores(game, RandomPlayer(), num_games=40, seed=1).stats()
    assert 1.5 < random["mean"] < 3.5
    assert random["distinct_games"] > 10


def test_games_of_openspiel() -> None:
    require("pyspiel")
    game = zerofleet.load_game("openspiel:catch")
    scores = [g.score for g in play_scores(game, RandomPlayer(), num_games=40, seed=1).games]
    assert set(scores) == {-1.0, 1.0}


@pytest.mark.parametrize(
    ("game", "expected"),
    [
        ("twenty48", ("random", "expectimax:1")),
        ("ultimate_ttt", ("random", "greedy", "minimax:2", "minimax:4")),
        ("go(size=7)", ("random", "greedy", "minimax:2")),
        ("tests/games/python_tic_tac_toe.py", ("random", "mcts:100")),
    ],
)
def test_opponents_that_fit(game: str, expected: tuple[str, ...]) -> None:
    rules = zerofleet.load_game(game)
    assert fitting_opponents(rules) == expected
    for text in expected:
        load_player(text, rules)
    assert with_opponents(ArenaConfig(), rules).opponents == expected
    assert with_opponents(ArenaConfig(opponents=("random",)), rules).opponents == ("random",)


@pytest.mark.parametrize("answer", [7, -1, Forfeit("resigned")])
def test_what_is_no_action_is_an_error(answer: int | Forfeit) -> None:
    with pytest.raises(MatchError, match=r"always answered .* no legal action, in "):
        play_scores(GAME, Always(answer), num_games=2, seed=1)


def test_games_of_two_players_are_refused() -> None:
    with pytest.raises(MatchError, match="tic_tac_toe has 2: play a match"):
        play_scores(load_game("tic_tac_toe"), RandomPlayer(), num_games=2, seed=1)
    with pytest.raises(MatchError, match="at least one game; came 0"):
        play_scores(GAME, RandomPlayer(), num_games=0, seed=1)
