"""The gate publishes what has won and nothing else, and a killed trainer judges anew."""

import json
from dataclasses import replace
from threading import Event

import pytest
import run_kit

from zerofleet.games import load_game
from zerofleet.roles.config import ConfigError, resolve
from zerofleet.roles.ending import Ending
from zerofleet.roles.gate import Gate, check_gate
from zerofleet.roles.policy_value_progress import PolicyValueProgress
from zerofleet.run.models import read_manifest, read_version
from zerofleet.run.stats import read_stats
from zerofleet.run.store import DirectoryStore

SETTINGS = run_kit.TINY_TREES | {
    "arena.num_simulations": 8,
    "arena.opening_plies": 2,
    "arena.gate_games": 20,
}
MODEL = "model.safetensors"


def config_of(game="tic_tac_toe", **arena):
    keys = {
        key: json.loads(value) if isinstance(value, str) and value in ("true", "false") else value
        for key, value in SETTINGS.items()
    }
    keys |= {f"arena.{name}": value for name, value in arena.items()}
    return resolve({"game": {"name": game}}, None, keys)


class Told(list):
    """Takes what the gate tells."""

    def tell(self, kind, **values):
        self.append((kind, values))


def gate_of(tmp_path, config, stop=None):
    store, told = DirectoryStore(tmp_path), Told()
    ending = Ending(store, stop or Event())
    gate = Gate(store, config, ending, lambda phase, **values: None, told.tell)
    return gate, told


def progress_of(config, seed):
    """A state after `seed` loops, with weights of its own."""
    seeded = config.model_copy(update={"seed": seed})
    made = PolicyValueProgress.bootstrap(seeded, "cpu", None)
    state = replace(made.state, iteration=seed, model_version=seed, entry={"iteration": seed})
    return replace(made, state=state)


def judge(tmp_path, config, *, seeds=(1, 2)):
    published, candidate = (progress_of(config, seed) for seed in seeds)
    gate, told = gate_of(tmp_path, config)
    return published, candidate, gate.judge(published, candidate), told


def test_without_a_gate_every_net_is_published(tmp_path):
    config = config_of(gate_games=0)
    _, candidate, found, told = judge(tmp_path, config)
    assert found is candidate
    assert told == []
    assert list(tmp_path.iterdir()) == []


def test_a_net_that_scores_enough_is_the_next_version(tmp_path):
    _, candidate, found, told = judge(tmp_path, config_of(gate_score=0.01))
    gate = found.state.entry["gate"]
    assert gate["accepted"]
    assert found.state.model_version == 2
    assert found.state.files == candidate.state.files
    assert (gate["iteration"], gate["published"], gate["games"]) == (2, 1, 20)
    assert gate["wins"] + gate["draws"] + gate["losses"] == 20
    assert gate["distinct_games"] <= 20
    assert [kind for kind, _ in told] == ["gate"]
    text = (tmp_path / "games" / "gate_00002.txt").read_text()
    assert text.count("\n") == 21
    assert "candidate 2" in text


def test_a_net_that_does_not_is_learned_from_and_not_published(tmp_path):
    published, candidate, found, _ = judge(tmp_path, config_of(gate_score=1.0))
    assert not found.state.entry["gate"]["accepted"]
    assert found.state.model_version == found.state.entry["model_version"] == 1
    assert found.state.iteration == 2
    assert found.state.files[MODEL] == published.state.files[MODEL]
    assert found.state.files["learner.pt"] == candidate.state.files["learner.pt"]
    assert found.learner is candidate.learner


def test_the_same_candidate_plays_the_same_games(tmp_path):
    config = config_of()
    first = judge(tmp_path / "a", config)[2].state.entry["gate"]
    again = judge(tmp_path / "b", config)[2].state.entry["gate"]
    assert {**first, "seconds": 0} == {**again, "seconds": 0}
    assert (tmp_path / "a/games/gate_00002.txt").read_bytes() == (
        tmp_path / "b/games/gate_00002.txt"
    ).read_bytes()


def test_a_sequential_test_decides(tmp_path):
    config = config_of(gate_sprt=(-2000, -1900), gate_games=60)
    gate = judge(tmp_path, config)[2].state.entry["gate"]
    assert gate["accepted"]
    assert gate["sprt"]["decision"] == "H1"
    refusing = config_of(gate_sprt=(1900, 2000), gate_games=60)
    gate = judge(tmp_path, refusing)[2].state.entry["gate"]
    assert not gate["accepted"]
    undecided = config_of(gate_sprt=(0, 1), gate_games=4)
    gate = judge(tmp_path, undecided)[2].state.entry["gate"]
    assert not gate["accepted"]
    assert gate["sprt"]["decision"] is None


def test_games_of_one_player_compare_scores(tmp_path):
    config = config_of("twenty48(size=2)", gate_games=6, num_simulations=2)
    gate = judge(tmp_path, config)[2].state.entry["gate"]
    assert gate["games"] == 6
    assert gate["wins"] + gate["draws"] + gate["losses"] == 6
    assert len(gate["mean_scores"]) == 2
    assert gate["accepted"] == (gate["score"] >= 0.55)


def test_go_leaves_sgf(tmp_path):
    config = config_of("go(size=5)", gate_games=2, num_simulations=1)
    judge(tmp_path, config)
    text = (tmp_path / "games" / "gate_00002.sgf").read_text()
    assert text.count("(;") == 2
    assert "PB[candidate 2]" in text


def test_a_signal_ends_the_match_without_a_verdict(tmp_path):
    config = config_of()
    stop = Event()
    gate, told = gate_of(tmp_path, config, stop)
    stop.set()
    assert gate.judge(progress_of(config, 1), progress_of(config, 2)) is None
    assert told == []
    assert not (tmp_path / "games").exists()


def test_a_gate_that_cannot_be_played_is_refused_at_the_start():
    with pytest.raises(ConfigError, match=r"arena\.gate_games: tic_tac_toe: found .* openings"):
        check_gate(config_of(gate_games=100_000))
    with pytest.raises(ConfigError, match=r"arena\.gate_sprt: expected elo0 < elo1"):
        check_gate(config_of(gate_sprt=(5, 5)))
    with pytest.raises(ConfigError, match="even number of games"):
        config_of(gate_games=7)
    assert load_game("tic_tac_toe").num_players == 2


# -- whole runs ----------------------------------------------------------------------------------


def finish(run, **settings):
    trainer, worker = run.trainer(**settings), run.worker("w0")
    assert trainer.wait() == 0, trainer.text()
    assert worker.wait() == 0
    return trainer


def outcome(run):
    """What a run has decided: verdicts without times, and what was published."""
    gates = [{**e["gate"], "seconds": 0} for e in read_stats(run.store) if "gate" in e]
    versions = read_manifest(run.store)["versions"]
    return gates, {v: entry["files"] for v, entry in versions.items()}


def check(run, num_loops):
    gates, versions = outcome(run)
    assert [g["iteration"] for g in gates] == list(range(1, num_loops + 1))
    accepted = sum(g["accepted"] for g in gates)
    assert len(versions) == read_version(run.store) == 1 + accepted
    for entry in read_stats(run.store)[1:]:
        earlier = [g for g in gates if g["iteration"] <= entry["iteration"]]
        assert entry["model_version"] == 1 + sum(g["accepted"] for g in earlier)
    assert run.iteration() == num_loops
    run.audit()
    return gates


def test_a_run_with_a_gate_killed_while_it_judges(forge, tmp_path):
    """The end is that of a run that was left alone: each loop judged once."""
    run = run_kit.Run(forge, tmp_path, base=SETTINGS, recipe="tic_tac_toe")
    try:
        worker = run.worker("w0")
        trainer = run.trainer(fault="gate.after_match:2")
        assert trainer.wait() == -9
        assert run.iteration() == 1
        assert len([e for e in read_stats(run.store) if "gate" in e]) == 1
        trainer = run.trainer()
        assert trainer.wait() == 0, trainer.text()
        assert worker.wait() == 0
        check(run, 3)
        assert "gate " in trainer.text()
    finally:
        run.end()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_gate_killed_anywhere(forge, tmp_path):
    found = []
    for fault in (
        "",
        "gate.before_match",
        "gate.after_match:2",
        "trainer.after_train:2",
        "commit.before_latest:3",
        "commit.after_latest:3",
        "publish.after_file:4",
        "stats.before_write:3",
    ):
        name = fault.replace(":", "_") or "none"
        run = run_kit.Run(forge, tmp_path / name, base=SETTINGS, recipe="tic_tac_toe")
        try:
            worker = run.worker("w0")
            if fault:
                assert run.trainer(fault=fault).wait() in (-9, 0)
            trainer = run.trainer()
            assert trainer.wait() == 0, trainer.text()
            worker.wait()
            check(run, 3)
            found.append(outcome(run))
        finally:
            run.end()
    assert all(other == found[0] for other in found)
