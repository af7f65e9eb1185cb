"""An earlier version is published anew; nothing that was there is changed or lost."""

from dataclasses import replace

import pytest
import run_kit
from run_kit import wait_for
from test_gate import config_of, progress_of

from zerofleet.nets.tensor_file import tensors_of_formats
from zerofleet.roles.gate import passed, refused
from zerofleet.roles.restore import _FORMATS, restore_version
from zerofleet.roles.state import LEARNER, MODEL_FILES
from zerofleet.run.commit import commit, read_latest
from zerofleet.run.errors import RunError
from zerofleet.run.lease import LeaseHeldError
from zerofleet.run.models import fetch_model, publish_model, read_manifest, read_version
from zerofleet.run.store import DirectoryStore


@pytest.fixture
def tree_run(forge, tmp_path):
    """A run of three loops that is done: versions 1 to 4."""
    run = run_kit.Run(forge, tmp_path, base=run_kit.TINY_TREES, recipe="tic_tac_toe")
    trainer, worker = run.trainer(), run.worker("w0")
    assert (trainer.wait(), worker.wait()) == (0, 0), trainer.text()
    yield run
    run.end()


def learner_of(store):
    data = read_latest(store).read(store, LEARNER)
    return tensors_of_formats(data, _FORMATS, source=LEARNER)


def test_an_earlier_version_is_the_next_one_and_training_goes_on(tree_run):
    run = tree_run
    with pytest.raises(RunError, match="no version 9; it has 1 to 4"):
        restore_version(run.directory, 9)
    with pytest.raises(RunError, match="no such run directory"):
        restore_version(run.directory / "none", 1)
    before = {v: fetch_model(run.store, v).data for v in (1, 2, 3, 4)}
    old = learner_of(run.store)
    # Killed after its commit: whoever comes next publishes.
    killed = run.start("restore", run.directory, "--version=1", fault="commit.after_latest")
    assert killed.wait() == -9
    assert read_version(run.store) == 4
    assert restore_version(run.directory, 1) == 5
    assert read_version(run.store) == 5
    assert restore_version(run.directory, 1) == 5  # it is that already
    assert fetch_model(run.store).data == before[1]
    assert {v: fetch_model(run.store, v).data for v in (1, 2, 3, 4)} == before
    new = learner_of(run.store)
    assert all(new[key] == old[key] for key in ("num_steps", "num_loops", "num_samples"))
    assert any((new["model"][n] != old["model"][n]).any() for n in new["model"])
    assert run.audit().num_games_counted == 120

    # Version 3 is recent: its commit is kept, and with it the optimizer.
    assert restore_version(run.directory, 3) == 6
    assert read_manifest(run.store)["versions"]["6"]["info"]["restored_from"] == 3
    assert learner_of(run.store)["optimizer"]
    trainer = run.trainer(pacing__max_loops=4)
    wait_for(lambda: run.phase() == "collecting", "the trainer to collect")
    with pytest.raises(LeaseHeldError):
        restore_version(run.directory, 1)
    worker = run.worker("w1")
    assert trainer.wait() == 0, trainer.text()
    worker.wait()
    assert read_version(run.store) == 7
    assert fetch_model(run.store, 6).data == before[3]
    assert run.audit().num_games_counted == 160
    path = run.directory / "model" / "versions" / "0002.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RunError, match="damaged"):
        restore_version(run.directory, 2)
    assert read_version(run.store) == 7


def test_what_a_gate_refused_is_not_taken_for_the_version_it_lost_to(tmp_path):
    """Its commit has that version and learned on; the weights come from the version's file."""
    config, store = config_of(), DirectoryStore(tmp_path)
    store.put("config.json", config.to_json())
    yes, no = {"accepted": True}, {"accepted": False}
    first, second, third, fourth, fifth = (progress_of(config, seed) for seed in range(1, 6))
    second = passed(second, yes)
    third = refused(second, third, no)
    fourth = refused(third, fourth, no)
    fifth = passed(replace(fifth, state=replace(fifth.state, model_version=3)), yes)
    for progress in (first, second, third, fourth, fifth):
        state = progress.state
        commit(
            store,
            state.commit_files(),
            summary=state.summary(),
            keep_names=(LEARNER, *MODEL_FILES),
        )
        files = {name.rpartition(".")[2]: state.files[name] for name in state.model_files}
        publish_model(store, state.model_version, files, progress.architecture)
    assert restore_version(tmp_path, 2) == 4
    wanted = tensors_of_formats(second.state.files[LEARNER], _FORMATS, source=LEARNER)["model"]
    found = learner_of(store)
    for name, weights in wanted.items():
        assert (found["model"][name] == weights).all(), name
        assert (found["average"][name] == weights).all(), name


@pytest.mark.long
def test_a_run_of_alpha_beta(run):
    trainer, worker = run.trainer(arena__eval_games=0), run.worker("w0")
    assert (trainer.wait(), worker.wait()) == (0, 0), trainer.text()
    first = fetch_model(run.store, 1)
    assert restore_version(run.directory, 1) == 5
    assert fetch_model(run.store, 5).data == first.data
    assert (run.directory / "model" / "nnue_model.nnue").read_bytes() == first.data
    trainer, worker = run.resume(4)
    assert trainer.wait() == 0, trainer.text()
    assert read_version(run.store) == 6
    run.audit()
