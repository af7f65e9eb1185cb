"""The lines of iterations, literally."""

import io

import pytest
from rich.console import Console

from zerofleet.monitor.iterations import IterationsMonitor, device_labels
from zerofleet.monitor.view import RunView, WorkerView
from zerofleet.run.series import SeriesWriter

STATS = {
    "mean_plies": 195.31,
    "first_player_win_share": 0.02,
    "draw_share": 0.96,
    "first_player_score": 0.5,
    "num_files": 4,
}
ENTRY = {
    "iteration": 1,
    "games": 8,
    "losses": {"train": 3.25, "policy": 2.5, "value": 0.75, "policy_entropy": 2.0},
    "spikes": {"spikes_per_inference": 12345.6, "sparsity": 0.8125},
    "workers": {
        "w-0": {
            "device": "cuda:0", "games": 4, "plies": 800, "seconds": 8.0, "net_seconds": 6.0,
            "peak_memory_mib": 1234,
        }
    },
    "seconds": 70.0,
}  # fmt: skip
EVENTS = [
    {"kind": "generating", "iteration": 1, "games": 8},
    {"kind": "dealt", "iteration": 1, "revision": 1, "games": {"w-1": 4, "w-0": 4}},
    {
        "kind": "share", "iteration": 1, "owner": "w-1", "games": 4, "num_done": 1,
        "num_workers": 2, "new_games": 4, "num_games": 8, "seconds": 8.2,
    },
    {"kind": "note", "text": "dealt again: 2 games of w-0, which is gone"},
    {"kind": "dealt", "iteration": 1, "revision": 2, "games": {"w-1": 2, "w-0": 2}},
    {
        "kind": "share", "iteration": 1, "owner": "w-0", "games": 4, "num_done": 2,
        "num_workers": 2, "new_games": 8, "num_games": 8, "seconds": 163.5,
    },
    {
        "kind": "collected", "iteration": 1, "games": 8, "positions": 1562, "seconds": 163.5,
        "game_stats": STATS,
    },
    {"kind": "epoch", "iteration": 1, "window": 100000, "num_steps": 300},
    {"kind": "epoch", "step": 16, "train": 3.4},
    {"kind": "loop", "entry": {"iteration": 0, "games": 0}, "max_loops": 200},
    {"kind": "loop", "entry": ENTRY, "max_loops": 200},
]  # fmt: skip
EXPECTED = """\
======================================================================
  Multi-GPU Chess SNN Training
======================================================================
Primary training device: cuda:0
Parallel self-play GPUs: [0, 1]

=== Iteration 1 ===
Generating 8 games...

Generating 8 games across 2 GPUs...
Games per GPU: [4, 4]
----------------------------------------------------------------------
[    8.2s] GPU 1: Completed 4 games | Total: 1/2 GPUs done | Progress: 4/8 games
dealt again: 2 games of GPU 0, which is gone
Games dealt now: GPU 0: 2, GPU 1: 2
[  163.5s] GPU 0: Completed 4 games | Total: 2/2 GPUs done | Progress: 8/8 games
----------------------------------------------------------------------
Completed 8 games in 163.5s (0.0 games/sec)

Game stats: {'total_games': 8, 'avg_moves': 195.3, 'white_win_rate': 0.02, \
'black_win_rate': 0.02, 'draw_rate': 0.96, 'positions': 1562}
Adding games to replay buffer...
Buffer size: 100000
Training for 20 epochs...
Training losses: {'total_loss': 3.25, 'policy_loss': 2.5, 'value_loss': 0.75, 'entropy': 2.0}\
  (total_loss = policy_loss + 1 x value_loss)
Spikes: 12,346 a position, sparsity 81.2%
GPU 0: 4 games, 100 moves/s, net at work 75% of the time, peak memory 1,234 MiB
Iteration 1/200 took 70 s; ETA 3 h 52 min for 199 more
"""


class Watched:
    """A monitor with a clock that tests turn, and the series it follows."""

    def __init__(self, logs, **options):
        self.now = 0.0
        self.out = io.StringIO()
        self.series = SeriesWriter(logs, "trainer")
        self.series.append({"kind": "generating", "iteration": 77, "games": 1})  # an earlier one
        options = {
            "title": "Multi-GPU Chess SNN Training",
            "device": "cuda:0",
            "labels": {"w-0": "GPU 0", "w-1": "GPU 1"},
            "num_epochs": 20,
            "loss": "total_loss = policy_loss + 1 x value_loss",
            **options,
        }
        console = Console(file=self.out, width=40)
        self.monitor = IterationsMonitor(console, logs, clock=lambda: self.now, **options)
        self.monitor.__enter__()

    def see(self, *events, **view):
        for event in events:
            self.series.append(event)
        before = len(self.out.getvalue())
        self.monitor.update(RunView(run_dir="run", max_loops=200, **view))
        return self.out.getvalue()[before:]


def test_an_iteration_is_told_literally(tmp_path):
    watched = Watched(tmp_path)
    for event in EVENTS:
        watched.see(event)
    assert watched.out.getvalue() == EXPECTED


def test_all_at_once_is_told_the_same(tmp_path):
    watched = Watched(tmp_path)
    watched.see(*EVENTS)
    watched.see()
    assert watched.out.getvalue() == EXPECTED


def test_nothing_is_silent_for_long(tmp_path):
    watched = Watched(tmp_path)
    watched.see(*EVENTS[:2])
    watched.now = 4.9
    assert watched.see(phase="collecting", new_games=2) == ""
    watched.now = 5.0
    assert watched.see(phase="collecting", new_games=2) == (
        "[    5.0s] Progress: 2/8 games (0.4 games/sec), 15 s to go\n"
    )
    watched.now = 10.5
    assert watched.see(phase="training", phase_share=0.25) == "Training: 25%\n"
    watched.now = 16.0
    assert watched.see(phase="publishing") == "... publishing\n"
    watched.now = 99.0
    assert watched.see(phase="done", is_running=False) == ""


def test_faults_are_told_with_traceback_or_signal(tmp_path):
    watched = Watched(tmp_path)
    before = len(watched.out.getvalue())
    tell = watched.monitor.on_process
    tell("w-1", "started", "started (process 7)")
    tell("w-1", "failed", "exit status 1, starts again in 1 s; log: l\nTraceback:\nValueError: x")
    tell("w-1", "started", "started (process 8, start 2)")
    tell("w-0", "failed", "killed by SIGKILL, starts again in 2 s; log: l")
    tell("w-0", "finished", "finished")
    tell("trainer", "parked", "exit status 2, not started again; log: t")
    assert watched.out.getvalue()[before:] == (
        "⚠️  ERROR in GPU 1: exit status 1, starts again in 1 s; log: l\n"
        "    Traceback:\n"
        "    ValueError: x\n"
        "GPU 1: started (process 8, start 2)\n"
        "⚠️  ERROR in GPU 0: killed by SIGKILL, starts again in 2 s; log: l\n"
        "⚠️  ERROR in trainer: exit status 2, not started again; log: t\n"
    )


def test_what_a_worker_says_is_told_once(tmp_path):
    watched = Watched(tmp_path)
    full = WorkerView(id="w-0", state="error", note="disk full")
    assert watched.see(workers=[full]) == "GPU 0: disk full\n"
    assert watched.see(workers=[full]) == ""
    assert watched.see(workers=[WorkerView(id="w-0", state="active")]) == ""
    assert watched.see(workers=[full]) == "GPU 0: disk full\n"


def test_games_of_an_iteration_that_are_there_already(tmp_path):
    watched = Watched(tmp_path)
    dealt = {"kind": "dealt", "iteration": 1, "revision": 4, "games": {"w-0": 3, "other": 2}}
    shown = watched.see({"kind": "resumed", "iteration": 4, "model_version": 5, "window": 6000})
    assert shown == "Resumed after iteration 4 with model version 5 and 6,000 positions\n"
    shown = watched.see(EVENTS[0], dealt)
    assert "Games per GPU: [3, 2]\n3 games of this iteration are there already\n" in shown


@pytest.mark.parametrize(
    ("devices", "labels"),
    [
        (["cuda:0", "cuda:3"], ["GPU 0", "GPU 3"]),
        (["cpu", "cpu"], ["CPU 0", "CPU 1"]),
        (["cuda:1", "cuda", "cuda:1", "cpu"], ["GPU 1", "GPU 0", "GPU 1.2", "CPU 0"]),
    ],
)
def test_labels(devices, labels):
    assert device_labels(devices) == labels
