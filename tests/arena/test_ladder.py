"""The ladder of a run: everybody plays, results are kept, ratings are those of the whole pool."""

import json

import pytest
from sometimes import Sometimes

from zerofleet.arena.ladder import (
    Ladder,
    LadderSettings,
    climb,
    coarse_to_fine,
    ladder_pairings,
)
from zerofleet.arena.match import MatchStopped
from zerofleet.games import load_game
from zerofleet.monitor.plot import plot_ladder
from zerofleet.monitor.tables import ladder_table

GAME = load_game("tic_tac_toe")
SETTINGS = LadderSettings(games=40, seed=1, depth=1, num_simulations=1, opening_plies=2)
SKILL = {"random": 0.0, "half": 0.5}


def test_coarse_to_fine():
    assert coarse_to_fine(range(1, 10)) == [9, 1, 5, 3, 7, 2, 4, 6, 8]
    assert coarse_to_fine([4]) == [4]
    assert sorted(coarse_to_fine([3, 1, 7, 20])) == [1, 3, 7, 20]


def test_everybody_is_connected():
    pairings = ladder_pairings([1, 2, 3], ("random", "half"))
    assert pairings[0] == ("half", "random")
    assert len(pairings) == len({frozenset(p) for p in pairings}) == 1 + 6 + 3


def test_a_ladder_rises_and_goes_on_where_it_stopped(tmp_path):
    ladder, steps = Ladder(SETTINGS), []

    def load(name):
        return Sometimes(name, SKILL[name] if name in SKILL else 0.25 * int(name[1:]))

    with pytest.raises(MatchStopped):
        climb(
            ladder,
            GAME,
            [1, 2, 3, 4],
            ("random", "half"),
            load,
            on_result=lambda done, total: steps.append(done),
            should_stop=lambda: len(steps) == 3 and stop_within(),
        )
    assert len(ladder.matches) == 3
    document = json.loads(json.dumps(ladder.to_json()))
    again = Ladder.read(document, SETTINGS)
    climb(again, GAME, [1, 2, 3, 4], ("random", "half"), load)
    whole = Ladder(SETTINGS)
    climb(whole, GAME, [1, 2, 3, 4], ("random", "half"), load)
    assert again.to_json() == whole.to_json()
    ratings = whole.ratings()
    assert ratings["v0004"].elo > ratings["v0001"].elo > ratings["random"].elo == 0
    assert ratings.superiority("v0004", "random") > 0.99
    other = LadderSettings(games=42, seed=1, depth=1, num_simulations=1, opening_plies=2)
    assert Ladder.read(document, other).matches == []

    entries = whole.entries()
    assert [e["model_version"] for e in entries] == [1, 2, 3, 4]
    assert entries[0]["game_stats"]["reference_matches"][0]["player"] == "half"
    assert (
        plot_ladder(entries, tmp_path / "l.png", title="x", anchor="random").stat().st_size > 10_000
    )
    table = ladder_table(ratings, whole.matches, width=120)
    assert table.row_count == 6


_asked = []


def stop_within():
    """The first time not: that is asked before the match begins."""
    _asked.append(1)
    return len(_asked) > 1


def test_games_of_one_player(tmp_path):
    from zerofleet.players.registry import load_player

    game = load_game("twenty48(size=2)")
    ladder = Ladder(LadderSettings(games=4, seed=1, depth=1, num_simulations=1, opening_plies=2))

    def load(name):
        player = load_player("random" if name[0] == "v" else name, game)
        player._name = name
        return player

    climb(ladder, game, [1, 2], ("random",), load)
    assert [s["player"] for s in ladder.scores] == ["random", "v0002", "v0001"]
    assert plot_ladder(ladder.entries(), tmp_path / "l.png", title="x", anchor="random").exists()
