"""Recipes learn what they promise."""

import pytest
from benchmarks.exact_play import lines_of_play

from zerofleet import load_game
from zerofleet.players.registry import load_player


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_tic_tac_toe_is_never_lost(run):
    train = run.start(
        "train", "tic_tac_toe", f"--run-dir={run.directory}", "--max-loops=10", "--device=cpu"
    )
    assert train.wait(1500) == 0, train.text()
    game = load_game("tic_tac_toe")
    found = lines_of_play(game, load_player(f"{run.directory}@latest?sims=16", game))
    assert found["lost"] == 0
    assert found["won"] > found["drawn"]
    # What is counted can be lost: a player without a net loses lines.
    assert lines_of_play(game, load_player("mcts:50", game))["lost"] > 0
