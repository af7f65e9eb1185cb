"""What `zerofleet train` shows at its end: the newest version, whether it was rated or not."""

import io
import json

import pytest
from rich.console import Console

from zerofleet import _core
from zerofleet.cli.result import end_lines, show_result
from zerofleet.monitor.results import iterations_table, read_training
from zerofleet.roles.config import resolve
from zerofleet.run.documents import encode
from zerofleet.run.layout import CONFIG, TRAINER_LEASE, TRAINING_STATS
from zerofleet.run.lease import Lease, read_lease
from zerofleet.run.models import publish_model
from zerofleet.run.place import Place
from zerofleet.run.stats import read_stats
from zerofleet.run.stop import TIME_IS_OVER, request_stop
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

    def show(*, measure: bool, rated: bool = True, keep: bool = False, **arena):
        if rated:
            entries[1] = {
                **entries[1],
                "game_stats": {"matches": [RATED]},
                "elo": {"rating": 9.0, "error": 5.0, "ratings": {"v0002": [9.0, 5.0]}},
            }
        arena = {"every": 10, "final_games": 4, "opponents": ["random"], "depth": 1, **arena}
        keys = {f"arena.{key}": value for key, value in arena.items()}
        store.put(CONFIG, resolve({"game": {"name": "ultimate_ttt"}}, {}, keys).to_json())
        if not keep:
            store.put(TRAINING_STATS, encode(entries))
        out = io.StringIO()
        show_result(Console(file=out, width=100), store, Place(str(tmp_path)), measure=measure)
        return out.getvalue()

    return show


def test_the_newest_version_is_measured(shown):
    text = shown(measure=True)
    assert "Measuring version 3: 4 games against each opponent" in text
    assert "Strength of version 3 (after loop 2), searching 1 ply" in text


def test_without_a_rated_version_it_is_measured_all_the_same(shown):
    assert "Strength of version 3" in shown(measure=True, rated=False)


def test_what_was_measured_is_the_rating_of_the_run(shown, tmp_path):
    store = DirectoryStore(tmp_path)
    lease = Lease.acquire(store, TRAINER_LEASE, info={"device": "cpu"})
    lease.beat(progress={"phase": "rating", "window": 7})
    lease.release()
    shown(measure=True)
    entry = read_stats(store)[-1]
    (match,) = entry["game_stats"]["matches"]
    assert (match["player"], match["opponent"], match["games"]) == ("v0003", "random", 4)
    assert entry["elo"]["ratings"].keys() == {"random", "v0002", "v0003"}
    assert "gain" in entry["elo"]
    assert (tmp_path / "games/v0003_final.txt").read_text().count("v0003") >= 4
    rating = json.loads((tmp_path / "logs/rating.json").read_text())
    assert rating["entry"]["game_stats"]["matches"] == [match]
    # What shows ratings shows it.
    table = iterations_table(read_training(tmp_path).entries, title="")
    assert len([cell for column in table.columns for cell in column.cells if "±" in cell]) == 2
    assert "Elo" in (tmp_path / "status.txt").read_text()
    assert "Strength of version 3" in shown(measure=False, keep=True)
    found = read_lease(store, TRAINER_LEASE)
    assert (found["state"], found["info"], found["progress"]["window"]) == (
        "stopped",
        {"device": "cpu"},
        7,
    )
    before = (tmp_path / TRAINING_STATS).read_bytes()
    shown(measure=True, keep=True)
    assert (tmp_path / TRAINING_STATS).read_bytes() == before


def test_the_end_says_why_and_what_is_next(shown, tmp_path):
    store, place = DirectoryStore(tmp_path), Place(str(tmp_path))
    assert end_lines(store, place, "zerofleet train x") == []  # it was interrupted
    shown(measure=False)
    request_stop(store, TIME_IS_OVER)
    assert end_lines(store, place, "zerofleet train x --minutes 5") == [
        "Ended after 2 loops: the time given with --minutes is over",
        f"Next: zerofleet play {tmp_path}; to look at it: zerofleet web {tmp_path}, zerofleet "
        f"results {tmp_path}",
        "Go on with: zerofleet train x --minutes 5",
    ]
    entries = (tmp_path / TRAINING_STATS).read_bytes()
    (tmp_path / TRAINING_STATS).write_text("[]")
    first, last = end_lines(store, place, "zerofleet train x")
    assert first == "Ended after 0 loops: the time given with --minutes is over"
    (tmp_path / TRAINING_STATS).write_bytes(entries)
    config = resolve({"game": {"name": "ultimate_ttt"}}, {}, {"pacing.max_loops": 2})
    store.put(CONFIG, config.to_json())
    (tmp_path / "STOP").write_text("")
    first, _, last = end_lines(store, place, "zerofleet train x")
    assert first == "Ended after 2 loops: somebody wrote STOP"
    assert last == "Go on with: the same command and a higher --max-loops"
    pacing = {"pacing.max_loops": 2, "pacing.games_per_iteration": 10}
    store.put(CONFIG, resolve({"game": {"name": "ultimate_ttt"}}, {}, pacing).to_json())
    assert end_lines(store, place, "zerofleet train x")[-1].endswith("a higher --iterations")


def test_while_a_trainer_is_at_work_nothing_is_written(shown, tmp_path):
    lease = Lease.acquire(DirectoryStore(tmp_path), TRAINER_LEASE)
    text = shown(measure=True)
    assert "Strength of version 3" in text
    assert "These games are not kept: trainer.json: held by process" in text
    assert "matches" not in read_stats(DirectoryStore(tmp_path))[-1]["game_stats"]
    lease.confirm()


def test_else_the_last_rating_is_shown(shown):
    for arguments in ({"measure": False}, {"measure": True, "final_games": 0}):
        text = shown(**arguments)
        assert "Strength of version 2" in text
        assert "Measuring" not in text


def test_a_run_without_ratings_has_none_at_its_end(shown):
    text = shown(measure=True, rated=False, eval_games=0)
    assert "Strength" not in text
    assert "No version is rated yet" in text
