"""Events of the roles become lines; waiting is said once."""

import io

import pytest
from rich.console import Console
from sample_run import sample_entries

from zerofleet.monitor.console import ConsoleReport, event_line

BATCH = {
    "kind": "batch",
    "worker": "worker0",
    "name": "v0003_worker0_0012.npz",
    "batch": 12,
    "games": 1000,
    "positions": 31204,
    "seconds": 43.29,
    "total_games": 12000,
}


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            BATCH,
            "[worker0] Batch 12: 1,000 games  31,204 positions  23.1 g/s  "
            "Saved v0003_worker0_0012.npz  Total 12,000",
        ),
        (
            {"kind": "waiting", "worker": "w", "for": "the trainer"},
            "[w] waiting for the trainer",
        ),
        ({"kind": "started", "worker": "w", "threads": 2}, "[w] started with 2 threads"),
        (
            {"kind": "stopped", "worker": "w", "reason": "STOP", "games": 5000},
            "[w] stopped: STOP, 5,000 games played",
        ),
        ({"kind": "rejected", "name": "a.npz", "reason": "torn"}, "rejected a.npz: torn"),
        ({"kind": "collected", "files": 3}, ""),
    ],
)
def test_event_lines(event: dict[str, object], line: str) -> None:
    assert event_line(event) == line


def test_a_spooled_batch_says_why() -> None:
    line = event_line({**BATCH, "kind": "spooled", "error": "disk full"})
    assert line.endswith("Total 12,000  (kept on this host: disk full)")


def test_waiting_is_said_once_and_long_lines_are_not_wrapped() -> None:
    out = io.StringIO()
    report = ConsoleReport(Console(file=out, width=40))
    wait = {"kind": "waiting", "worker": "w", "for": "the trainer"}
    for event in (wait, wait, BATCH, wait):
        report(event)
    report({"kind": "loop", "entry": sample_entries(1)[0], "max_loops": 10})
    lines = out.getvalue().splitlines()
    assert [line.split()[1] for line in lines] == ["waiting", "Batch", "waiting", "1/10"]


def test_waits_that_take_turns_or_differ_in_figures_are_said_once() -> None:
    out = io.StringIO()
    report = ConsoleReport(Console(file=out, width=200))
    for free in range(3):
        for name in ("share", "reason"):
            report({"kind": "waiting", "for": f"{name}: the disk is full ({free:,} bytes free)"})
    assert len(out.getvalue().splitlines()) == 2
