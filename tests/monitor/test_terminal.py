"""The live frame and its plain twin."""

import io
from dataclasses import replace

import pytest
from rich.console import Console
from sample_run import sample_entries, sample_view

from zerofleet.monitor.terminal import (
    LiveMonitor,
    PlainMonitor,
    open_monitor,
    render_run,
    window_text,
)
from zerofleet.monitor.view import RunView, WorkerView

FRAME = """\
uttt  ultimate_ttt  3 min  about 5 min to go
Loop 4/10  31,204 / 50,000 new positions  ━━━━━━━━━━━━━━━╸
model v0003  workers 1/2  23.1 games/s  window: newest 121,000 of 153,120
Workers, what each delivered since it was started
  Worker    State    Model   Batches    Games   Positions   Games/s   Restarts
 ──────────────────────────────────────────────────────────────────────────────
  worker0   active   v0003        12   12,000     310,000      23.1
  worker1   error    v0002        11   11,000     280,000       0.0          2
  worker1: killed by SIGKILL
Last loops
  Loop   Positions   Val loss   vs rnd   vs mm2   vs mm4   Of games        Elo   Time
 ─────────────────────────────────────────────────────────────────────────────────────
     1      51,020     0.0510    88.0%    18.0%     6.0%        100   333 ± 25   41 s
     2      51,040     0.0360    94.0%    36.0%    16.0%        100   500 ± 25   41 s
     3      51,060     0.0310    96.0%    50.0%    24.0%        100   600 ± 25   41 s
"""


def frame_of(view: RunView, width: int, height: int = 40) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, no_color=True).print(
        render_run(view, width=width, height=height)
    )
    return [line.rstrip() for line in out.getvalue().splitlines() if line.strip()]


def test_golden_frame() -> None:
    assert frame_of(sample_view(), 100) == FRAME.splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_frames_fit_the_terminal(width: int) -> None:
    view = sample_view(10)
    many = [WorkerView(f"worker{i}", "active") for i in range(40)]
    crowded = RunView(**{**view.__dict__, "workers": many, "messages": ["x" * 300]})
    for shown in (view, crowded, RunView("runs/new")):
        lines = frame_of(shown, width, height=30)
        assert max(len(line) for line in lines) <= width
        assert len(lines) <= 30


def test_of_many_workers_those_in_trouble_have_a_row() -> None:
    workers = [WorkerView(f"w{n:04d}", "waiting" if n % 2 else "active") for n in range(1000)]
    workers[700] = WorkerView("w0700", "offline")
    workers[900] = WorkerView("w0900", "error", note="the disk is full")
    workers[901] = WorkerView("w0901", "stopped")
    lines = frame_of(replace(sample_view(), workers=workers), 100, height=1000)
    rows = [line.split()[0] for line in lines if line.startswith("  w") and ":" not in line]
    assert rows == [*(f"w{n:04d}" for n in range(98)), "w0700", "w0900"]
    assert "  and 900 more workers: 899 active, 1 stopped" in lines
    assert "  w0900: the disk is full" in lines


def test_a_new_run_has_a_frame() -> None:
    assert frame_of(RunView("runs/new"), 80)[:2] == ["runs/new  0 s", "Loop 0  starting"]


def test_eta_is_the_nearer_of_limit_and_pace() -> None:
    view = sample_view()
    assert view.eta_seconds() == pytest.approx(7 * 41.0)
    assert RunView(**{**view.__dict__, "limit_seconds": 200.0}).eta_seconds() == 30.0
    assert RunView("d").eta_seconds() is None


def test_a_run_whose_time_is_over_is_ending() -> None:
    view = replace(sample_view(), limit_seconds=100.0)
    assert view.eta_seconds() == 0
    assert frame_of(view, 100)[0].endswith("  ending")


def test_an_error_in_a_game_of_ones_own_is_seen_whole() -> None:
    said = ["failed", "KeyError: 'x'", "  raised by your play", "  at game.py:7", "  position: ()"]
    view = replace(sample_view(10), messages=["old", *said])
    lines = frame_of(view, 80, height=30)
    assert len(lines) <= 30
    assert [line.strip() for line in lines[-5:]] == [line.strip() for line in said]


def test_plain_lines_say_each_message_once_and_the_same_again() -> None:
    out = io.StringIO()
    monitor = PlainMonitor(Console(file=out, width=80, no_color=True), clock=lambda: 0.0)
    for messages in (["a", "b"], ["a", "b"], ["a", "b", "a"], ["b", "a", "c"], ["a"], ["a", "c"]):
        monitor.update(replace(sample_view(), messages=messages))
    said = [line for line in out.getvalue().splitlines() if line in ("a", "b", "c")]
    assert said == ["a", "b", "a", "c", "c"]


def test_the_bootstrap_says_nothing_of_the_pace_of_loops() -> None:
    bootstrap = {"iteration": 0, "seconds": 900.0}
    entries = [bootstrap, *sample_entries(2)]  # loops of 41 s
    view = replace(sample_view(), entries=entries, limit_seconds=None)
    assert view.eta_seconds() == pytest.approx(8 * 41.0)
    assert replace(view, entries=[bootstrap]).eta_seconds() is None


def test_a_stopped_run_shows_what_was_done() -> None:
    view = replace(sample_view(), is_running=False, loop=3, phase="trainer stopped")
    out = io.StringIO()
    console = Console(file=out, width=80, no_color=True)
    console.print(render_run(replace(view, elapsed_seconds=None), width=80))
    lines = out.getvalue().splitlines()
    assert lines[0].split() == ["uttt", "ultimate_ttt"]
    assert lines[1].strip() == "3/10 loops done  trainer stopped"


def test_plain_lines_without_a_terminal() -> None:
    out = io.StringIO()
    now = [0.0]
    console = Console(file=out, width=60)
    monitor = PlainMonitor(console, clock=lambda: now[0])
    with monitor:
        monitor.update(sample_view(2))
        assert "Loop 2/10  collected" not in out.getvalue()
        out.truncate(0)
        monitor.update(sample_view(2))
        assert out.getvalue().strip("\0") == ""
        rated = sample_view(3)
        unrated = [*rated.entries[:-1], {k: v for k, v in rated.entries[-1].items() if k != "elo"}]
        monitor.update(replace(rated, first_unfinished=3, entries=unrated))
        assert out.getvalue().strip("\0") == ""
        monitor.update(rated)
        (line,) = out.getvalue().strip("\0").splitlines()
        assert line.startswith("Loop 3/10  collected 12 files 51,060 positions")
        assert line.endswith("Elo 600 ± 25  41 s")
        out.truncate(0)
        now[0] = 31.0
        monitor.update(sample_view(3))
        now[0] = 62.0
        monitor.update(replace(sample_view(3), first_unfinished=3))
        now[0] = 93.0
        monitor.update(replace(sample_view(3), first_unfinished=3, phase="rating"))
    lines = out.getvalue().strip("\0").splitlines()
    assert lines[0].startswith("Loop 4/10  collecting 31,204/50,000 positions  model v0003")
    # Whose line is still to come is said.
    assert lines[1].startswith("Loop 4/10  collecting 31,204/50,000 positions (loop 3 is being rat")
    assert lines[2].startswith("Loop 4/10  rating loop 3  model v0003")
    assert "\x1b" not in out.getvalue()


def test_the_window_beside_all_positions() -> None:
    assert window_text(250_000, 512_000) == "window: newest 250,000 of 512,000"
    assert window_text(250_000, 250_000) == "window: 250,000 positions"
    assert window_text(250_000, None) == "window: 250,000 positions"
    assert sample_view(3).positions_so_far == 153_120
    assert replace(sample_view(3), entries=sample_entries(5)[::2]).positions_so_far is None


def test_plain_lines_come_in_order_when_a_rating_takes_several_loops() -> None:
    out = io.StringIO()
    monitor = PlainMonitor(Console(file=out, width=60), clock=lambda: 0.0)
    monitor.update(sample_view(1))
    out.truncate(0)
    done = sample_view(4)
    for view in (
        replace(sample_view(2), first_unfinished=2),
        replace(done, first_unfinished=2),
        done,
        replace(done, first_unfinished=3),  # a trainer started again rates anew
        done,
    ):
        monitor.update(view)
    lines = out.getvalue().strip("\0").splitlines()
    assert [line.split()[1] for line in lines] == ["2/10", "3/10", "4/10"]
    assert all("Elo" in line for line in lines)


def test_the_console_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(open_monitor(Console(file=io.StringIO())), PlainMonitor)
    terminal = Console(file=io.StringIO(), force_terminal=True, width=80, height=30)
    assert isinstance(open_monitor(terminal), LiveMonitor)


def test_live_respects_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100, height=40)
    with open_monitor(console) as monitor:
        monitor.update(sample_view())
        monitor.update(sample_view())
    text = out.getvalue()
    assert "worker1" in text
    assert "\x1b[32m" not in text
    assert "\x1b[1;31m" not in text


def test_thinned_statistics_do_not_repeat_loops() -> None:
    out = io.StringIO()
    monitor = PlainMonitor(Console(file=out, width=200), clock=lambda: 0.0)
    view = sample_view(4)
    monitor.update(view)
    thinned = sample_entries(5)[::2]
    monitor.update(RunView(**{**view.__dict__, "entries": thinned}))
    assert out.getvalue().count("collected") == 1
