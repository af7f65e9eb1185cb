"""A run of a game for one player: its versions are measured by their scores."""

import pytest
import run_kit

from zerofleet.run.stats import read_stats

SETTINGS = run_kit.TINY_TREES | {
    "pacing.games_per_iteration": 6,
    "pacing.max_loops": 2,
    "arena.every": 1,
    "arena.eval_games": 6,
    "arena.final_games": 8,
    "arena.num_simulations": 4,
}


@pytest.fixture
def run(forge, tmp_path):
    run = run_kit.Run(forge, tmp_path, base=SETTINGS, recipe="twenty48(size=3)")
    yield run
    run.end()


def test_versions_and_fixed_opponents_have_scores_once(run):
    trainer, worker = run.trainer(), run.worker("w0")
    assert (trainer.wait(), worker.wait()) == (0, 0), trainer.text()
    entries = read_stats(run.store)
    assert [entry["iteration"] for entry in entries] == [0, 1, 2]
    for entry in entries:
        version = f"v{entry['model_version']:04d}"
        scores = entry["game_stats"]["scores"]
        assert [s["player"] for s in scores] == [version, "random", "expectimax:1"]
        assert [s["games"] for s in scores] == [6, 8, 8]
        assert sum(scores[0]["largest_tile"].values()) == 6
        assert "elo" not in entry
        games = run.store.read(f"games/{version}.txt").decode().splitlines()
        # Those of the opponents are with the first version, which they were played for.
        assert sum(not line.startswith("#") and line != "" for line in games) == (
            22 if entry["iteration"] == 0 else 6
        )
    text = trainer.text()
    assert text.count("score ") == 3
    assert "exp1 " in text
    status = run.store.read("status.txt").decode()
    assert status.count(" ± ") == 3
    run.audit()

    # Started again, the newest version is not measured again.
    newest = run.directory / "games" / "v0003.txt"
    newest.unlink()
    assert run.trainer().wait() == 0
    assert read_stats(run.store) == entries
    assert not newest.exists()
