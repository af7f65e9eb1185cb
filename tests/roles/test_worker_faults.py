"""Workers that fail in a synchronous run: the reason is told, the games are counted exactly.

Here the test is the supervisor: it starts the worker again once it has ended.
"""

import signal
from pathlib import Path

import pytest
import run_kit
from synchronous import check_complete

from zerofleet.run.lease import read_lease
from zerofleet.run.shares import read_share

BAD_NET = Path(__file__).with_name("bad_net_worker.py")
ROUND = 60
"""A worker fails after so many batches, in the middle of the games of the first iteration."""

HUNG_AFTER_SECONDS = 12 * run_kit.PATIENCE
"""Longer than a net is loaded, which holds the interpreter's lock for seconds on a busy machine."""

GAME = '''
"""Nim with a fault: the first process that comes there fails, the next one does not."""
import pathlib, time

MARK = pathlib.Path(r"{mark}")


class Nim:
    num_actions = 3

    def initial_position(self):
        return (9, 0)

    def to_play(self, position):
        return position[1]

    def legal_actions(self, position):
        stones = position[0]
        if stones == 1 and {when}:
            MARK.touch()
            {fault}
        return [take for take in range(3) if take < stones]

    def play(self, position, take):
        return (position[0] - take - 1, 1 - position[1])

    def returns(self, position):
        return 1 - 2 * (1 - position[1])

    def observation(self, position):
        return [[[cell < position[0] for cell in range(9)]]]
'''


def game_file(folder, fault, *, when="not MARK.exists()"):
    """The game as a recipe; `fault` is a statement."""
    path = folder / "nim.py"
    path.write_text(GAME.format(mark=folder / "failed", when=when, fault=fault))
    return f"{path}:Nim"


@pytest.fixture
def tree_run(forge, tmp_path):
    run = run_kit.Run(
        forge, tmp_path, base={**run_kit.TINY_TREES, "pacing.max_loops": 2}, recipe="tic_tac_toe"
    )
    yield run
    run.end()


def check_replaced(run, trainer, failed, status, words):
    """The worker ends and says why, to its log and in its lease; another takes its place."""
    assert failed.wait() == status
    for word in words:
        assert word in failed.text()
    if status > 0:
        lease = read_lease(run.store, "workers/w0.json")
        assert lease["state"] == "stopped"
        assert words[0] in lease["error"]
    replacement = run.worker("w0")
    assert trainer.wait() == 0, trainer.text()
    assert replacement.wait() == 0, replacement.text()
    check_complete(run, 2)


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        pytest.param("kill", -signal.SIGKILL, [], id="killed-by-the-kernel"),
        pytest.param(
            "MemoryError",
            1,
            [
                "MemoryError: fault point worker.before_evaluate",
                "  with model version 1, ",
                " on cpu; fewer selfplay.num_parallel_games take less memory",
            ],
            id="out-of-memory",
        ),
        pytest.param(
            "RuntimeError",
            1,
            ["RuntimeError: fault point worker", "\n  with model version 1, "],
            id="exception-in-the-net",
        ),
        pytest.param(
            "hang",
            1,
            ["hung: stood still for", "zerofleet: hung", ", in wait: ", "in _evaluate"],
            id="hung",
            marks=pytest.mark.long,  # a game that never returns is the same, told to more people
        ),
    ],
)
def test_a_worker_that_fails_alone(tree_run, fault, status, words):
    trainer = tree_run.trainer(fleet__hung_after_seconds=HUNG_AFTER_SECONDS)
    worker = tree_run.worker("w0", fault=f"worker.before_evaluate:{ROUND}:{fault}")
    check_replaced(tree_run, trainer, worker, status, words)


def test_a_net_that_answers_nonsense(tree_run):
    trainer = tree_run.trainer()
    worker = tree_run.start(
        BAD_NET,
        str(ROUND),
        *("worker", f"--shared-dir={tree_run.directory}", "--worker-id=w0", "--threads=1"),
    )
    words = ["tic_tac_toe: an evaluation of", "expected probabilities", "  with model version 1, "]
    check_replaced(tree_run, trainer, worker, 1, words)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(
            'raise KeyError("stone")',
            ["KeyError: 'stone'", "raised by your legal_actions(position)", "position: (1, "],
            id="raises",
        ),
        pytest.param(
            "while True: time.sleep(0.01)",
            ["hung: stood still for", "nim.py:21, in legal_actions: while True"],
            id="never-returns",
        ),
    ],
)
def test_a_python_game_that_fails(tree_run, fault, words):
    tree_run.recipe = game_file(tree_run.home, fault)
    trainer = tree_run.trainer(fleet__hung_after_seconds=HUNG_AFTER_SECONDS)
    check_replaced(tree_run, trainer, tree_run.worker("w0"), 1, words)


def test_while_one_worker_hangs_the_others_play_its_games(tree_run):
    trainer = tree_run.trainer(fleet__hung_after_seconds=3600)
    hung = tree_run.worker("w0", fault=f"worker.before_evaluate:{ROUND}:hang")
    hung.wait_for_text("hanging")  # alone, it has games enough to come there
    other = tree_run.worker("w1")
    assert trainer.wait() == 0, trainer.text()
    assert other.wait() == 0
    assert hung.poll() is None  # it lives, as its lease says
    assert read_lease(tree_run.store, "workers/w0.json")["state"] == "active"
    share = read_share(tree_run.store, 2)
    assert set(share.workers) == {"w0", "w1"}
    check_complete(tree_run, 2)


def test_the_trainer_says_why_games_are_dealt_again(tree_run):
    trainer = tree_run.trainer()
    failing = tree_run.worker("w0", fault=f"worker.before_evaluate:{ROUND}:MemoryError")
    assert failing.wait() == 1  # alone, it has games enough to come there
    other = tree_run.worker("w1")
    assert trainer.wait() == 0, trainer.text()
    assert other.wait() == 0
    assert "games of w0, which failed (MemoryError: fault point worker" in trainer.text()
    check_complete(tree_run, 2)
