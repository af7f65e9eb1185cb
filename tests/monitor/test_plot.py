"""The picture of the learning curve is written for full, short and empty runs."""

import contextlib
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
from sample_run import sample_entries
from sample_scores import sample_score_entries

from support import mounted, require
from zerofleet.monitor import plot
from zerofleet.monitor.plot import plot_learning_curve
from zerofleet.monitor.tensorboard import TensorBoardReport, TensorBoardWriter, scalars_of

require("matplotlib")


def size_of(png: Path) -> tuple[int, int]:
    data = png.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", data[16:24])


@pytest.mark.parametrize("num_loops", [0, 1, 10])
def test_writes_a_picture(tmp_path: Path, num_loops: int) -> None:
    path = plot_learning_curve(
        sample_entries(num_loops), tmp_path / "plots" / "curve.png", title="uttt"
    )
    assert size_of(path) == (1605, 1095)
    assert [p.name for p in path.parent.iterdir()] == ["curve.png"]


@pytest.mark.parametrize("measured", [True, False])
def test_games_of_one_player(tmp_path: Path, measured: bool) -> None:
    entries = sample_score_entries(6, measured=measured)
    path = plot_learning_curve(entries, tmp_path / "curve.png", title="2048")
    assert size_of(path) == (1605, 1095)
    tags = scalars_of(entries[3])
    assert tags["games/mean_score"] == 2700.0
    assert (tags.get("score/mean"), tags.get("score/error")) == (
        (4000.0, 400.0) if measured else (None, None)
    )


def test_missing_parts_are_no_error(tmp_path: Path) -> None:
    entries = [*sample_entries(2), {"iteration": 3, "model_version": 3}, {}]
    plot_learning_curve(entries, tmp_path / "curve.png", title="uttt")


def test_elo_is_drawn_whoever_the_first_opponent_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = sample_entries(3)
    for entry in entries:
        for match in entry["game_stats"]["matches"]:
            match["opponent"] = {"random": "uct:10"}.get(match["opponent"], match["opponent"])
    entries[-1]["elo"]["ratings"] = {"v0003": [80.0, 20.0], "uct:10": [0.0, 0.0]}
    drawn: list[Any] = []
    monkeypatch.setattr(plot, "write_figure", lambda figure, path: drawn.append(figure))
    plot_learning_curve(entries, tmp_path / "curve.png", title="uttt")
    strength = drawn[0].axes[0]
    assert strength.get_ylabel() == "Elo (uct:10 = 0)"
    assert "no rated version yet" not in [text.get_text() for text in strength.texts]


def test_without_matplotlib_the_error_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [n for n in sys.modules if n.startswith("matplotlib")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install zerofleet\[train\]"):
        plot_learning_curve([], tmp_path / "curve.png", title="")


def test_scalars() -> None:
    scalars = scalars_of(sample_entries(2)[1])
    assert scalars["score/vs_mm2"] == 0.36
    assert scalars["elo/rating"] == 500.0
    assert scalars["loop/positions"] == 51_040.0
    assert not any("v0001" in tag for tag in scalars)


@pytest.mark.parametrize("version", ["v0007", "v1000", "v12345"])
def test_a_version_is_no_opponent_with_a_curve_of_its_own(version: str) -> None:
    (entry,) = sample_entries(1)
    entry["game_stats"]["matches"][-1]["opponent"] = version
    assert not any(version in tag for tag in scalars_of(entry))


def test_tensorboard_gets_each_iteration_in_any_order(tmp_path: Path) -> None:
    require("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    writer = TensorBoardWriter(tmp_path)
    entries = sample_entries(3)
    for entry in (entries[0], entries[2], entries[1]):  # a rated loop comes late
        writer.write(entry, wall_time=1.0)
    events = EventAccumulator(str(tmp_path)).Reload().Scalars("elo/rating")
    assert sorted((e.step, round(e.value)) for e in events) == [(1, 333), (2, 500), (3, 600)]


def test_a_trainers_report_writes_its_loops_and_passes_everything_on(tmp_path: Path) -> None:
    require("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    passed: list[Any] = []
    entries = sample_entries(3)
    events = [{"kind": "started"}, *({"kind": "loop", "entry": entry} for entry in entries)]
    events[2], events[3] = events[3], events[2]  # the second was being rated
    for half in (events[:1], events[1:]):  # a restart in between
        report = TensorBoardReport(tmp_path / "tensorboard", passed.append)
        for event in half:
            report(event)
    assert passed == events
    found = EventAccumulator(str(tmp_path / "tensorboard")).Reload().Scalars("elo/rating")
    assert sorted(e.step for e in found) == [1, 2, 3]


def test_a_full_disk_costs_tensorboard_the_loops_of_that_time_alone(tmp_path: Path) -> None:
    require("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    told: list[Any] = []
    first, second, third = ({"kind": "loop", "entry": entry} for entry in sample_entries(3))
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=64k", "tmpfs") as root:
        report = TensorBoardReport(root / "tensorboard", told.append)
        report(first)
        filler = root / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(512)):
                pass
        for _ in range(20):  # until what is left of the last page is full, too
            report(second)
        filler.unlink()
        report(third)
        notes = [event["text"] for event in told if event["kind"] == "note"]
        assert "TensorBoard: loop 2 is not written: [Errno 28] No space left" in notes[0]
        found = EventAccumulator(str(root / "tensorboard")).Reload().Scalars("elo/rating")
        assert {1, 3} <= {e.step for e in found}
        assert len(told) == 22 + len(notes)
