"""What `zerofleet train` shows at its end: the newest version, whether it was rated or not."""

import io

import pytest
from rich.console import Console

from zerofleet import _core
from zerofleet.cli.result import show_result
from zerofleet.roles.config import resolve
from zerofleet.run.documents import encode
from zerofleet.run.layout import CONFIG, TRAINING_STATS
from zerofleet.run.models import publish_model
from zerofleet.run.place import Place
from zerofleet.run.store import DirectoryStore

RATED = {
    "player": "v0002",
    "opponent": "random",
    "games": 2,
    "wins": 2,
    "draws": 0,
    "losses": 0,
    "pairs": [0, 0, 0, 0, 1],
    "score": 1.0,
    "low": 0.5,
    "high": 1.0,
    "distinct_games": 2,
    "mean_plies": 40.0,
    "terminations": {"played": 2},
}


@pytest.fixture
def shown(tmp_path):
    """The text for a run whose second version was rated and whose third was not."""
    store = DirectoryStore(tmp_path)
    for version in (1, 2, 3):
        data = _core.NnueNetwork.random("ultimate_ttt", seed=version).to_bytes()
        publish_model(store, version, {"nnue": data}, "test")
    entries = [
        {"iteration": n, "model_version": n + 1, "games": 4, "game_stats": {}} for n in range(3)
    ]

    def show(*, measure: bool, rated: bool = True, **arena):
        if rated:
            entries[1] = {
                **entries[1],
                "game_stats": {"matches": [RATED]},
                "elo": {"rating": 9.0, "error": 5.0, "ratings": {"v0002": [9.0, 5.0]}},
            }
        arena = {"every": 10, "final_games": 4, "opponents": ["random"], "depth": 1, **arena}
        keys = {f"arena.{key}": value for key, value in arena.items()}
        store.put(CONFIG, resolve({"game": {"name": "ultimate_ttt"}}, {}, keys).to_json())
        store.put(TRAINING_STATS, encode(entries))
        out = io.StringIO()
        show_result(Console(file=out, width=100), store, Place(str(tmp_path)), measure=measure)
        return out.getvalue()

    return show


def test_the_newest_version_is_measured(shown):
    text = shown(measure=True)
    assert "Measuring version 3: 4 games against each opponent" in text
    assert "Strength of version 3" in text


def test_without_a_rated_version_it_is_measured_all_the_same(shown):
    assert "Strength of version 3" in shown(measure=True, rated=False)


def test_else_the_last_rating_is_shown(shown):
    for arguments in ({"measure": False}, {"measure": True, "final_games": 0}):
        text = shown(**arguments)
        assert "Strength of version 2" in text
        assert "Measuring" not in text


def test_a_run_without_ratings_has_none_at_its_end(shown):
    text = shown(measure=True, rated=False, eval_games=0)
    assert "Strength" not in text
    assert "No version is rated yet" in text
