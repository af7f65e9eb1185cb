"""The lines people and scripts read."""

import pytest

from zerofleet.arena.lines import (
    duration_text,
    opponent_meaning,
    short_opponent,
    trainer_line,
    worker_line,
)
from zerofleet.arena.stats import IterationStats


def test_worker_line() -> None:
    line = worker_line(
        "worker0",
        batch=12,
        games=1000,
        positions=31204,
        games_per_second=23.14,
        file="v0003_worker0_0012.npz",
        total_games=12000,
    )
    assert line == (
        "[worker0] Batch 12: 1,000 games  31,204 positions  23.1 g/s  "
        "Saved v0003_worker0_0012.npz  Total 12,000"
    )


def test_trainer_line() -> None:
    entry: IterationStats = {
        "iteration": 3,
        "model_version": 4,
        "games": 1700,
        "positions": 51020,
        "losses": {"train": 0.0123, "val": 0.013},
        "game_stats": {
            "num_files": 12,
            "matches": [
                {"opponent": "random", "score": 0.98},  # type: ignore[typeddict-item]
                {"opponent": "minimax:2", "score": 0.715},  # type: ignore[typeddict-item]
            ],
        },
        "elo": {"rating": 812.4, "error": 24.6},
        "seconds": 41.2,
    }
    assert trainer_line(entry, max_loops=10) == (
        "Loop 3/10  collected 12 files 51,020 positions  train 0.0123 val 0.0130  "
        "vs_rnd 98.0% vs_mm2 71.5%  Elo 812 ± 25  41 s"
    )


def test_trainer_line_of_one_player() -> None:
    entry: IterationStats = {
        "iteration": 3,
        "positions": 51020,
        "game_stats": {
            "mean_score": 4100.4,
            "best_score": 12345.0,
            "scores": [
                {"player": "v0004", "mean": 4812.4, "error": 310.2},  # type: ignore[typeddict-item]
                {"player": "random", "mean": 1080.0},  # type: ignore[typeddict-item]
                {"player": "expectimax:1", "mean": 3030.0},  # type: ignore[typeddict-item]
            ],
        },
    }
    assert trainer_line(entry) == (
        "Loop 3  collected 51,020 positions  self-play 4,100 best 12,345  "
        "score 4,812 ± 310 (rnd 1,080, exp1 3,030)"
    )


def test_what_was_not_measured_is_left_out() -> None:
    assert trainer_line({"iteration": 1, "positions": 5}) == "Loop 1  collected 5 positions"


def test_short_texts() -> None:
    names = ["random", "greedy", "minimax:4", "expectimax:1", "v0007"]
    assert [short_opponent(n) for n in names] == ["rnd", "greedy", "mm4", "exp1", "v0007"]
    seconds = [0, 99, 100, 3600, 7500]
    assert [duration_text(s) for s in seconds] == ["0 s", "99 s", "2 min", "60 min", "2 h 05 min"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("random", "any legal move"),
        ("minimax:4", "the best 4 plies ahead, by that evaluation"),
        ("mcts:100", "tree search with 100 simulations and no net"),
        ("v0003", ""),
        ("gtp:gnugo", ""),
    ],
)
def test_what_an_opponent_does(name: str, words: str) -> None:
    assert opponent_meaning(name) == words
