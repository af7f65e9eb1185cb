"""The full screen of `zerofleet watch`, driven by textual's pilot; curves; plain lines."""

import asyncio
import io
import json

import pytest
from rich.console import Console
from sample_run import sample_entries, true_elo
from sample_scores import sample_score_entries
from web_kit import RunOnDisk, entries_with_times

from support import PATIENCE, require
from zerofleet.monitor.curves import Curve, draw_curves, number_text
from zerofleet.monitor.watching import look_at_file, look_at_run, watch_simple
from zerofleet.run.errors import RunError
from zerofleet.run.stop import request_stop


def screen_text(app) -> str:
    """What is on the screen, line by line."""
    width, height = app.size
    lines = app.screen._compositor.render_strips()
    assert len(lines) == height
    return "\n".join("".join(segment.text for segment in line)[:width] for line in lines)


async def until(app, pilot, *texts: str) -> str:
    for _ in range(int(200 * PATIENCE)):
        await pilot.pause(0.05)
        shown = screen_text(app)
        if all(text in shown for text in texts):
            return shown
    raise AssertionError(f"{texts!r} did not come:\n{shown}")


def test_the_screen_shows_the_run_and_follows_it(tmp_path):
    require("textual")
    from zerofleet.monitor.watch import WatchApp

    run = RunOnDisk(tmp_path / "run", workers=2)
    run.play(run.workers[1], 4.0)
    app = WatchApp(look_at_run(run.root), interval_seconds=0.1)

    async def watch() -> None:
        async with app.run_test(size=(130, 44)) as pilot:
            await until(
                app,
                pilot,
                "first  ultimate_ttt  collecting",
                "20,000 / 50,000 new positions",
                "Loop 4/10",
                f"Elo {true_elo(3):.0f} ± 25",
                "What limits it",
                "Training: it takes 75 %",
                "the disk is full",
                "slow",
                "Loop 3",
                "val 0.0310",
                "games/s 24.5",
            )
            run.collecting(30_500)
            await until(app, pilot, "30,500 / 50,000")
            run.entries = entries_with_times(5)
            run.write_stats()
            await until(app, pilot, f"Elo {true_elo(5):.0f} ± 25")
            run.store.put("training_stats.json", b"[")
            await until(app, pilot, "training_stats.json: expected a JSON list")
            run.trainer.release()
            await until(app, pilot, "trainer stopped")
            await pilot.press("q")
        assert app.return_code == 0

    asyncio.run(watch())


def test_a_narrow_screen_has_everything_one_below_the_other(tmp_path):
    require("textual")
    from zerofleet.monitor.watch import WatchApp

    run = RunOnDisk(tmp_path / "run")
    app = WatchApp(look_at_run(run.root), interval_seconds=1)

    async def watch() -> None:
        async with app.run_test(size=(60, 70)) as pilot:
            await until(app, pilot, "broken")
            charts = list(app.query("Chart"))
            assert len({chart.region.x for chart in charts}) == 1
            assert all(chart.region.width > 50 for chart in charts)

    asyncio.run(watch())


def test_curves_go_where_their_values_are():
    chart = draw_curves([Curve("up", [0.0, 1.0, 2.0, 3.0])], width=28, height=6, digits=1).plain
    lines = chart.splitlines()
    assert lines[0].split() == ["up", "3.0"]
    assert [line.split()[0] for line in (lines[1], lines[-1])] == ["3.0", "0.0"]
    assert len(lines) == 6
    assert {len(line) for line in lines[1:]} == {28}
    rows = [line[8:] for line in lines[1:]]
    first = [next(i for i, c in enumerate(row) if c != "\u2800") for row in rows]
    assert first == sorted(first, reverse=True)  # it rises from the lower left
    assert rows[0][-1] != "\u2800"
    assert rows[-1][0] != "\u2800"
    assert all(c == "\u2800" for c in rows[0][:10])


def test_curves_of_nothing_of_one_value_and_of_gaps():
    assert draw_curves([], width=40, height=8).plain == "nothing yet"
    assert draw_curves([Curve("x", [None, None])], width=40, height=8).plain == "nothing yet"
    assert "5" in draw_curves([Curve("x", [5.0])], width=40, height=8).plain
    gaps = draw_curves([Curve("x", [None, 1.0, None, 3.0, None])], width=40, height=8).plain
    assert gaps.splitlines()[0].split() == ["x", "3"]
    assert (
        draw_curves([Curve("x", [0.0] * 5)], width=40, height=5).plain.splitlines()[1][:8].strip()
        == "1"
    )
    assert draw_curves([Curve("x", [1.0])], width=5, height=8).plain == "nothing yet"
    long = draw_curves([Curve("x", [float(i) for i in range(100_000)])], width=40, height=8)
    assert {len(line) for line in long.plain.splitlines()[1:]} == {40}
    assert [number_text(v) for v in (1.0, 1234.0, 250_000.0, 3.2e6)] == [
        "1",
        "1,234",
        "250k",
        "3.2M",
    ]


def test_scores_of_one_player_have_their_own_curves():
    require("textual")
    from zerofleet.monitor.watch import selfplay_curves, strength_curves

    found = sample_score_entries(3)
    title, curves = selfplay_curves(found)
    assert "score" in title.lower()
    assert list(curves[0].values) == [None, 900.0, 1800.0]
    assert list(strength_curves(found)[2].values) == [1000.0, 2000.0, 3000.0]
    assert [c.values[0] for c in strength_curves(sample_entries(1))][2] == true_elo(1)


def simple(look, **options) -> str:
    out = io.StringIO()
    console = Console(file=out, width=200, color_system=None)
    watch_simple(look, console, interval_seconds=0.01, **options)
    return out.getvalue()


def test_plain_lines_end_when_the_run_ends(tmp_path):
    run = RunOnDisk(tmp_path / "run", loops=8)
    look, looks = look_at_run(run.root), []

    def look_and_end():
        looks.append(None)
        if len(looks) == 3:
            run.entries = entries_with_times(9)
            run.write_stats()
        if len(looks) == 5:
            run.failed.release()
            run.trainer.release()
        assert len(looks) < 50
        return look()

    lines = simple(look_and_end).splitlines()
    assert lines[0] == "... 3 loops before these"
    assert [line.split()[1].partition("/")[0] for line in lines[1:6]] == ["4", "5", "6", "7", "8"]
    assert any(line.startswith("Loop 9/10") for line in lines[6:])
    assert any("[broken] error: the disk is full" in line for line in lines)
    assert lines[-1] == "trainer stopped"


def test_a_finished_run_is_told_at_once(tmp_path):
    run = RunOnDisk(tmp_path / "run")
    run.trainer.release("the disk is full")
    request_stop(run.store)
    assert simple(look_at_run(run.root)).splitlines()[-1] == "trainer stopped: the disk is full"


def test_statistics_alone_or_in_their_run(tmp_path):
    run = RunOnDisk(tmp_path / "run")
    view, facts = look_at_file(run.root / "training_stats.json")()
    assert (view.phase, len(view.workers), facts.num_pending) == ("collecting", 2, 1)
    alone = tmp_path / "copied.json"
    alone.write_text(json.dumps(sample_entries(4)))
    look = look_at_file(alone)
    view, _ = look()
    assert (view.loop, view.model_version, len(view.entries), view.workers) == (4, 4, 4, ())
    alone.write_text("[")
    view, _ = look()
    assert len(view.entries) == 4
    assert "copied.json" in view.messages[0] or "expected a JSON list" in view.messages[0]
    with pytest.raises(RunError, match="no such file"):
        look_at_file(tmp_path / "nothing.json")
    with pytest.raises(RunError, match="no such run directory"):
        look_at_run(tmp_path / "nothing")
