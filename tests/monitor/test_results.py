"""What a training has reached, from figures whose means a person can check."""

import json

import pytest
from rich.console import Console
from sample_run import sample_entries
from sample_scores import sample_score_entries

from zerofleet.monitor import results as r
from zerofleet.monitor.comparison import compare_measured
from zerofleet.run.documents import encode
from zerofleet.run.errors import RunError
from zerofleet.run.stop import TIME_IS_OVER, request_stop
from zerofleet.run.store import DirectoryStore


def text_of(table, width=120) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def entries(count: int = 9, *, start: int = 1):
    """Draws fall from 90 % by 5 points an iteration, games get 10 plies shorter."""
    return [
        {
            "iteration": i,
            "model_version": i + 1,
            "games": 100,
            "positions": 5000,
            "losses": {"train": 5.0 - i / 10, "policy": 3.0, "value": 2.0 - i / 10},
            "game_stats": {
                "draw_share": 0.95 - 0.05 * i,
                "first_player_win_share": 0.025 * i,
                "mean_plies": 200.0 - 10 * i,
            },
            "window": min(20_000, 5000 * i),
            "seconds": 60.0,
        }
        for i in range(start, start + count)
    ]


def write(path, found, **config):
    path.mkdir(parents=True, exist_ok=True)
    file = path / "training_stats.json"
    file.write_bytes(encode(found))
    if config:
        (path / "config.json").write_bytes(encode(config))
    return file


def test_a_file_or_its_run_directory(tmp_path):
    first_net = {"iteration": 0, "model_version": 1, "games": 0, "positions": 0}
    file = write(tmp_path, [first_net, *entries()], game={"name": "chess"}, pacing={"max_loops": 9})
    for path in (file, tmp_path):
        training = r.read_training(path)
        assert [e["iteration"] for e in training.entries] == list(range(1, 10))
        assert (training.game, training.max_loops) == ("chess", 9)
    expected = "Iterations 1 to 9, learned from 900 games, 45,000 positions, 9 min, 100 games/min"
    assert r.totals_text(training) == expected
    thinned = r.Training("x", [*entries()[::2]])
    assert "(5 kept in the file)" in r.totals_text(thinned)


def test_damaged_or_missing_files_are_told(tmp_path):
    with pytest.raises(RunError, match="no such run directory or training_stats"):
        r.read_training(tmp_path / "nothing.json")
    (tmp_path / "training_stats.json").write_text("[1, 2]")
    with pytest.raises(RunError, match="expected a JSON list of objects"):
        r.read_training(tmp_path)
    write(tmp_path, entries(2))
    (tmp_path / "config.json").write_text("{")
    assert r.read_training(tmp_path).max_loops == 0


def test_the_last_iterations():
    table = text_of(r.iterations_table(entries()[-2:], title="Last"))
    assert "55.0 %" in table
    assert "20.0 %" in table
    assert "110.0" in table
    assert "4.1000" in table
    # Without room the less important columns go; none is ever cut.
    narrow = text_of(r.iterations_table(entries()[-2:], title="Last", width=60), width=60)
    assert "…" not in narrow
    assert "Drawn" in narrow
    assert "First" not in narrow
    scores = text_of(r.iterations_table(sample_score_entries(3)[1:], title="Last"))
    assert "2,000 ± 200" in scores


def test_the_timeline_counts_up_to_what_the_buffer_holds():
    rows = [line.split() for line in text_of(r.timeline_table(entries())).splitlines()]
    assert ["1", "100", "5,000", "5,000"] in rows
    assert ["9", "900", "45,000", "20,000"] in rows
    assert len([row for row in rows if row and row[0].isdigit()]) == 8


def test_phases_are_thirds_and_have_trends():
    table = text_of(r.phases_table(entries()))
    rows = {line[:18].strip(): line[18:].split() for line in table.splitlines()}
    assert "1-3" in table
    assert "7-9" in table
    assert rows["Drawn"] == ["85.0", "%", "70.0", "%", "55.0", "%", "falls"]
    assert rows["Average moves"] == ["180.0", "150.0", "120.0", "falls"]
    assert rows["First player won"] == ["5.0", "%", "12.5", "%", "20.0", "%", "rises"]
    assert rows["Policy loss"] == ["3.0000", "3.0000", "3.0000", "flat"]
    assert rows["Games/min"] == ["100", "100", "100", "flat"]
    two = text_of(r.phases_table(entries()[::8]))
    assert "falls" not in two  # a first and a last one are no trend


def verdicts(training, **limits):
    return {c.text: c.passed for c in r.criteria(training, **limits)}


def test_criteria_pass_and_fail():
    good = verdicts(r.Training("x", entries(), game="chess", max_loops=9))
    assert good == {
        "all 9 iterations completed": True,
        "draw rate below 60.0 %": True,
        "average moves below 150": True,
        "training loss falls": True,
        "the last rated version is stronger than the first": None,
    }
    strict = verdicts(r.Training("x", entries(), max_loops=10), max_draw_share=0.5, max_moves=100)
    assert list(strict.values()) == [False, False, False, True, None]
    reached = verdicts(r.Training("x", entries(3), game="chess"))
    assert reached["draw rate below 60.0 %"] is False
    assert reached["all iterations completed"] is None
    rated = verdicts(r.Training("x", sample_entries(5), rated=sample_entries(5)))
    assert rated["the last rated version is stronger than the first"] is True
    same = [sample_entries(5)[4], {**sample_entries(5)[4], "iteration": 6}]
    assert verdicts(r.Training("x", same, rated=same))[list(rated)[-1]] is False
    table = text_of(
        r.criteria_table(r.criteria(r.Training("x", entries()), max_draw_share=0.6, max_moves=100))
    )
    assert "FAIL" in table
    assert "PASS" in table
    assert "85.0 % -> 55.0 %" in table


def test_the_first_net_is_the_first_version_that_is_rated(tmp_path):
    found = [{**e, "iteration": e["iteration"] - 1} for e in sample_entries(3)]
    found[0]["games"] = 0
    pair = {"v0001": [340.0, 20.0], "v0003": [610.0, 30.0], "random": [0.0, 0.0]}
    found[2]["elo"] = {"rating": 600.0, "error": 25.0, "ratings": pair}
    write(tmp_path, found)
    training = r.read_training(tmp_path)
    assert [e["iteration"] for e in training.entries] == [1, 2]
    stronger = r.criteria(training)[-1]
    # The first net as the newest rating has it, not as its own.
    assert stronger.found == "v0001 340 ± 20 -> v0003 610 ± 30"
    assert stronger.passed


def test_draws_and_long_games_are_no_fault_of_other_games():
    for game in ("tic_tac_toe", "go", "chess.py:Chess", ""):
        found = verdicts(r.Training("x", entries(), game=game, max_loops=9))
        assert not any(text.startswith(("draw rate", "average moves")) for text in found)
    asked = verdicts(r.Training("x", entries(), game="tic_tac_toe"), max_draw_share=0.5)
    assert asked["draw rate below 50.0 %"] is False
    assert "average moves below 150" not in asked


@pytest.mark.parametrize(
    ("stop", "passed", "text", "found"),
    [
        (None, False, "all 50 loops completed", "the last one is 9"),
        (
            TIME_IS_OVER,
            True,
            "trained for the time given with --minutes",
            "the last one is 9 of at most 50 loops",
        ),
        ("", None, "all 50 loops completed", "the last one is 9; stopped: by STOP"),
        ("enough", None, "all 50 loops completed", "the last one is 9; stopped: enough"),
    ],
)
def test_a_run_is_complete_as_it_was_meant_to_end(tmp_path, stop, passed, text, found):
    pacing = {"max_loops": 50, "games_per_iteration": 0}
    write(tmp_path, entries(), game={"name": "connect_four"}, pacing=pacing)
    if stop == "":
        (tmp_path / "STOP").touch()
    elif stop is not None:
        request_stop(DirectoryStore(tmp_path), stop)
    training = r.read_training(tmp_path)
    assert r.totals_text(training).startswith("Loops 1 to 9, ")
    complete = r.criteria(training)[0]
    assert (complete.passed, complete.text, complete.found) == (passed, text, found)


def test_two_trainings_beside_each_other():
    first, second = r.Training("A", entries(9)), r.Training("B", entries(12, start=4))
    table = text_of(r.compare_trainings(first, second))
    assert "After 9 iterations each" in table
    rows = {line[:15].strip(): line[15:].split() for line in table.splitlines()}
    assert rows["Drawn, %"] == ["55.0", "40.0", "-15.0"]
    assert rows["Average moves"] == ["120.0", "90.0", "-30.0"]


def test_matches_are_found_in_files_and_folders(tmp_path):
    run = sample_entries(2)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "rating.json").write_text(json.dumps({"entry": run[1]}))
    (tmp_path / "notes.json").write_text("{")
    matches, scores = r.read_measured(tmp_path)
    expected = [m["opponent"] for m in run[1]["game_stats"]["matches"]]
    assert [m["opponent"] for m in matches] == expected
    assert scores == []
    (tmp_path / "scores.json").write_text(json.dumps(sample_score_entries(1)))
    assert r.read_measured(tmp_path / "scores.json")[1][0]["player"] == "v0001"
    with pytest.raises(RunError, match="no matches or scores"):
        r.read_measured(tmp_path / "notes.json")
    with pytest.raises(RunError, match="no such file or folder"):
        r.read_measured(tmp_path / "missing.json")


def test_matches_beside_each_other_say_what_their_errors_allow():
    first, second = (sample_entries(9)[i]["game_stats"]["matches"] for i in (0, 8))
    table = text_of(compare_measured((first, []), (second, [])))
    rows = {line.split()[0]: line for line in table.splitlines() if line.strip()}
    near = [e["game_stats"]["matches"] for e in sample_entries(9)[7:]]
    assert "not told apart" in text_of(compare_measured((near[0], []), (near[1], [])))
    assert rows["minimax:4"].rstrip().endswith("better")
    back = text_of(compare_measured((second, []), (first, [])))
    assert "worse" in back
    scores = [s["game_stats"]["scores"] for s in sample_score_entries(2)]
    alone = text_of(compare_measured(([], scores[0]), ([], scores[1])))
    assert "v0001, v0002" in alone
    assert "better" in alone
    assert "nothing that both met" in text_of(compare_measured((first, []), ([], [])))
