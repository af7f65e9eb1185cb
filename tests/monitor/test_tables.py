"""Tables hold the figures, fit the terminal, and state infinite Elo honestly."""

import io

import pytest
from rich.console import Console, RenderableType
from sample_run import sample_entries, sample_view
from sample_scores import sample_score_entries, scores

from zerofleet.arena.lines import trainer_line
from zerofleet.monitor.tables import (
    elo_difference_text,
    fixed_opponents,
    fleet_table,
    loops_table,
    score_table,
    strength_table,
    tile_shares_text,
)


def text_of(table: RenderableType, width: int = 120) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, no_color=True).print(table)
    return [line.rstrip() for line in out.getvalue().splitlines() if line.strip()]


def test_strength_table() -> None:
    matches = sample_entries(3)[-1]["game_stats"]["matches"]
    lines = text_of(strength_table(matches))
    assert lines[1].split()[:4] == ["Opponent", "Games", "Distinct", "Won/drawn/lost"]
    assert lines[4].split()[:5] == ["greedy", "100", "98", "76/0/24", "76.0%"]


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        ((1.0, 0.9, 1.0), "over +382"),
        ((0.0, 0.0, 0.1), "under -382"),
        ((0.97, 0.9, 1.0), "+604 (over +382)"),
        ((0.03, 0.0, 0.1), "-604 (under -382)"),
        ((0.6, 0.5, 0.7), "+70 (+0 to +147)"),
    ],
)
def test_elo_difference_text(bounds: tuple[float, float, float], text: str) -> None:
    assert elo_difference_text(*bounds).replace("-0 ", "+0 ") == text


def test_fleet_table() -> None:
    lines = text_of(fleet_table(sample_view().workers))
    assert lines[3].split() == ["worker0", "active", "v0003", "12", "12,000", "310,000", "23.1"]
    assert lines[4].split() == ["worker1", "error", "v0002", "11", "11,000", "280,000", "0.0", "2"]


def test_loops_table_shows_the_last_rows() -> None:
    lines = text_of(loops_table(sample_entries(30), max_rows=4))
    assert [line.split()[0] for line in lines[3:]] == ["27", "28", "29", "30"]
    assert "vs rnd" in lines[1]
    assert "938 ± 25" in lines[-1]


def test_scores_say_of_how_many_games_they_are() -> None:
    entries = sample_entries(3)
    last = entries[-1]["game_stats"]["matches"]
    for m in last[:4]:  # the run's end plays more, against the fixed opponents
        m["games"] = 1000
    lines = text_of(loops_table(entries), 120)
    assert lines[0].strip() == "Last loops, each with the model it published"
    where = lines[1].index("Of games") + len("Of games")
    assert [line[:where].split()[-1] for line in lines[3:]] == ["100", "100", "1,000"]
    last[3]["games"] = 100
    assert " 100-1,000 " in text_of(loops_table(entries), 120)[-1]


def test_loops_of_one_player() -> None:
    lines = text_of(loops_table(sample_score_entries(4)))
    assert lines[1].split()[-6:] == ["Self-play", "Best", "Score", "Of", "games", "Time"]
    assert lines[-1].split()[-8:] == ["2,700", "9,000", "4,000", "±", "400", "40", "41", "s"]
    unmeasured = text_of(loops_table(sample_score_entries(4, measured=False)))
    assert unmeasured[1].split()[-3:] == ["Self-play", "Best", "Time"]


def test_score_table() -> None:
    lines = text_of(score_table(sample_score_entries(9)[-1]["game_stats"]["scores"]))
    rows = [" ".join(line.split()) for line in lines]
    assert rows[1] == "Player Games Score Median Best Plies Largest tile"
    assert rows[3] == "v0009 40 9,000 ± 900 8,100 27,000 1,800 512 20 % 256 80 %"
    assert rows[5].startswith("expectimax:1 100 3,030 ± 303 ")
    small = {**scores("v0001", 3.5, {"2": 4}), "best": 5.0}
    del small["largest_tile"]
    row = text_of(score_table([small]))[3].split()
    assert " ".join(row[2:]) == "3.50 ± 0.35 3.15 5.00 1"


def test_the_largest_tiles_come_first_as_numbers() -> None:
    shares = tile_shares_text(scores("v0001", 1.0, {"64": 1, "1024": 1, "256": 7, "512": 1}))
    assert shares == "1024 10 %  512 10 %  256 70 %"


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_nothing_is_cut_off_at_any_width(width: int) -> None:
    view = sample_view(10)
    for table in (
        fleet_table(view.workers, width=width),
        loops_table(view.entries, width=width),
        loops_table(sample_score_entries(12), width=width),
        score_table(sample_score_entries(12)[-1]["game_stats"]["scores"], width=width),
        strength_table(view.entries[-1]["game_stats"]["matches"], width=width),
    ):
        lines = text_of(table, width)
        assert max(len(line) for line in lines) <= width
        assert not any("…" in line for line in lines)


def test_entries_of_other_versions_of_the_software() -> None:
    text_of(loops_table([{}, {"iteration": 2}]))
    assert fixed_opponents([{}]) == []


def test_the_gate_of_a_run_is_a_column() -> None:
    entries = sample_entries(3)
    assert "Gate" not in text_of(loops_table(entries))[1]
    gate = {"score": 0.48, "games": 50, "accepted": False}
    entries[-1]["gate"] = gate  # type: ignore[typeddict-item]
    lines = text_of(loops_table(entries))
    assert "Gate" in lines[1]
    assert "48% no" in lines[-1]
    assert "Gate" not in text_of(loops_table(entries, width=50), width=50)[1]
    line = trainer_line(entries[-1])
    assert "gate 48.0% of 50: refused" in line
