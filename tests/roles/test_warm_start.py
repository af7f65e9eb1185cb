"""Checkpoints for people: kept under names they know, and what another run begins with."""

import json
import os
import pickle
import shutil

import pytest
import run_kit
import torch
from run_kit import TINY_TREES

from zerofleet import load_game
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.build import build_model
from zerofleet.nets.export import export_nnue
from zerofleet.nets.export import model_to_pt as nnue_to_pt
from zerofleet.nets.features import feature_set_of_game
from zerofleet.nets.model_file import model_to_pt, model_to_safetensors
from zerofleet.nets.nnue import NnueModel
from zerofleet.nets.nnue_file import NnueArchitecture
from zerofleet.roles.config import ConfigError, resolve
from zerofleet.roles.kept import check_kept_names, keep, kept_names
from zerofleet.roles.warm_start import read_warm_start
from zerofleet.run.stats import read_stats
from zerofleet.run.stop import stop_requested
from zerofleet.run.store import DirectoryStore
from zerofleet.training.checkpoint import learner_to_bytes
from zerofleet.training.learner import Learner
from zerofleet.training.policy_value import PolicyValueLearner
from zerofleet.training.policy_value_checkpoint import policy_value_learner_to_bytes


def config(kind="mlp", game="tic_tac_toe", **keys):
    sizes = {
        "mlp": {"num_layers": 1, "num_units": 8},
        "resnet": {"num_blocks": 1, "num_filters": 8},
        "nnue": {"num_accumulators": 32, "num_hidden1": 4, "num_hidden2": 4, "num_buckets": 1},
    }[kind]
    tree = {"game": {"name": game}, "net": {"kind": kind, **sizes}}
    return resolve(tree, None, {"training.compile": False, **keys})


def learner(config, seed=0):
    game = load_game(config.game.spec)
    if config.net.kind == "nnue":
        architecture = NnueArchitecture.of(feature_set_of_game(game.spec), config.net)
        return Learner(NnueModel(architecture, seed=seed), config.training, device="cpu")
    model = build_model(NetArchitecture.of(game, config.net), seed)
    return PolicyValueLearner(model, config.training, device="cpu")


def state_of(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.values(), b.values(), strict=True))


def trained(config):
    """A learner that is not as it was made: weights, average, optimizer and counters."""
    made = learner(config, seed=1)
    for parameter in made.model.parameters():
        parameter.grad = torch.ones_like(parameter)
    made.optimizer.step()
    made.optimizer.zero_grad()
    made.num_steps, made.num_loops = 700, 50
    if isinstance(made, PolicyValueLearner):
        made.average.update()
        made.num_samples = 12_345
    return made


@pytest.mark.parametrize("kind", ["mlp", "resnet", "nnue"])
def test_a_checkpoint_brings_weights_optimizer_and_counters(kind, tmp_path):
    run = config(kind, "ultimate_ttt" if kind == "nnue" else "tic_tac_toe")
    old = trained(run)
    to_bytes = learner_to_bytes if kind == "nnue" else policy_value_learner_to_bytes
    path = tmp_path / "model_epoch_50.pth"
    path.write_bytes(to_bytes(old))
    found = read_warm_start(path, run)
    assert found.num_loops == 50
    assert str(found) == f"goes on from loop 50 of --checkpoint {path}"
    new = learner(run, seed=2)
    found.restore(new, seed=9)
    assert same(state_of(new.model), state_of(old.model))
    assert (new.num_steps, new.num_loops, new.seed) == (700, 50, 9)
    states = [m.optimizer.state_dict()["state"] for m in (old, new)]
    assert states[0].keys() == states[1].keys() != set()
    for before, after in zip(states[0].values(), states[1].values(), strict=True):
        assert same(before, after)
    if isinstance(new, PolicyValueLearner):
        assert same(state_of(new.average.model), state_of(old.average.model))
        assert new.num_samples == 0  # a bound of this run's samples


def test_models_bring_their_weights_alone(tmp_path):
    run = config()
    model = learner(run, seed=5).model
    files = {"model.pt": model_to_pt(model), "0007.safetensors": model_to_safetensors(model)}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        found = read_warm_start(tmp_path / name, run)
        assert "no optimizer and no counters" in str(found)
        new = learner(run)
        found.restore(new, seed=3)
        assert same(state_of(new.model), state_of(model))
        assert same(state_of(new.average.model), state_of(model))
        assert (new.num_steps, new.num_loops) == (0, 0)


def test_models_of_alpha_beta_too(tmp_path):
    run = config("nnue", "ultimate_ttt")
    model = learner(run, seed=5).model
    for name, data in {"a.pt": nnue_to_pt(model), "a.nnue": export_nnue(model)}.items():
        (tmp_path / name).write_bytes(data)
        new = learner(run)
        read_warm_start(tmp_path / name, run).restore(new, seed=3)
        # The integers of the file: the floats are theirs up to rounding.
        assert export_nnue(new.model) == export_nnue(model)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def test_other_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = config()
    path = tmp_path / "model_epoch_50.pth"

    def refused(data, message, run=run):
        path.write_bytes(data)
        with pytest.raises(ConfigError, match=message):
            read_warm_start(path, run)

    with pytest.raises(ConfigError, match=r"nowhere\.pth: no such file"):
        read_warm_start(tmp_path / "nowhere.pth", run)
    with pytest.raises(ConfigError, match="is a directory"):
        read_warm_start(tmp_path, run)
    good = policy_value_learner_to_bytes(trained(run))
    refused(good[: len(good) // 2], "expected a file of plain tensors")
    refused(b"", "expected a file of plain tensors")
    refused(pickle.dumps(Bomb()), "expected a file of plain tensors")
    torch.save({"format": "zerofleet-net", "version": 1, "bomb": Bomb()}, path)
    refused(path.read_bytes(), "expected a file of plain tensors")
    assert not (tmp_path / "exploded").exists()
    torch.save({"model": {}}, path)
    refused(path.read_bytes(), "found None")

    larger = config(**{"net.num_units": 16})
    refused(good, r"is a 1 layer of 8 .*--set net.num_units=8 makes them alike", larger)
    refused(
        good, r"this run's is a 1 layer of 8 units for connect_four", config("mlp", "connect_four")
    )
    refused(
        good, "this run's is a NnueArchitecture|this run's is a", config("nnue", "ultimate_ttt")
    )
    residual = policy_value_learner_to_bytes(trained(config("resnet")))
    refused(residual, r"residual net of 1 block x 8 .*--set net.kind=resnet")


def test_names_of_kept_checkpoints(tmp_path):
    run = config(**{"training.checkpoint_interval": 25})
    assert kept_names(run, 0, is_last=False) == []
    assert kept_names(run, 24, is_last=True) == []
    assert kept_names(run, 50, is_last=False) == ["checkpoints/model_epoch_50.pth"]
    named = config(
        "resnet",
        **{
            "training.checkpoint_interval": 1,
            "training.checkpoint_name": "Net_{blocks}x{filters}_distributed.pt",
            "training.final_name": "model_final.pt",
        },
    )
    assert kept_names(named, 7, is_last=True) == ["Net_1x8_distributed.pt", "model_final.pt"]
    store = DirectoryStore(tmp_path)
    keep(store, kept_names(named, 7, is_last=True), b"7")
    keep(store, kept_names(named, 8, is_last=False), b"8")
    assert store.read("Net_1x8_distributed.pt") == b"8"
    assert store.read("model_final.pt") == b"7"


@pytest.mark.parametrize(
    "name",
    [
        "../x.pt",
        "/x.pt",
        "x",
        "x.npz",
        "model/versions/0001.pt",
        ".x.pt",
        "a{b}.pt",
        "a{.pt",
        "{}.pt",
    ],
)
def test_names_that_cannot_be(name):
    with pytest.raises(ConfigError, match=r"training\.checkpoint_name: .*expected a name"):
        config(**{"training.checkpoint_name": name})


def test_names_that_this_net_cannot_have():
    run = config(**{"training.final_name": "model_{blocks}.pt"})
    with pytest.raises(ConfigError, match=r"training\.final_name .*\{blocks\} .*of kind mlp"):
        check_kept_names(run)


@pytest.fixture
def tree_run(forge, tmp_path):
    run = run_kit.Run(forge, tmp_path, base=TINY_TREES, recipe="tic_tac_toe")
    yield run
    run.end()


def done(run, *arguments, max_loops, directory=None, **settings):
    trainer = run.trainer(*arguments, directory=directory, pacing__max_loops=max_loops, **settings)
    stop = DirectoryStore(directory or run.directory)
    run_kit.wait_for(lambda: not stop_requested(stop), "the trainer to clear STOP")
    worker = run.worker("w0", directory=directory)
    assert trainer.wait() == 0, trainer.text()
    assert worker.wait() == 0, worker.text()
    return trainer


def test_a_copy_goes_on_elsewhere_with_all_that_the_run_has(tree_run, tmp_path):
    here, there = tree_run.directory, tmp_path / "there"
    done(tree_run, max_loops=1)
    shutil.copytree(here, there)
    for directory in (here, there):
        done(tree_run, directory=directory, max_loops=2)
        stats = read_stats(DirectoryStore(directory))
        assert [entry["iteration"] for entry in stats] == [0, 1, 2]
    # Games, window, weights and optimizer are those of the run that went on where it was.
    nets = [(d / "model/versions/0003.safetensors").read_bytes() for d in (here, there)]
    assert nets[0] == nets[1] != (here / "model/versions/0002.safetensors").read_bytes()


def counters(path):
    content = torch.load(path, weights_only=True)
    return {key: content[key] for key in ("num_steps", "num_loops", "num_samples", "seed")}


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_run_goes_on_from_a_checkpoint_of_another_one(tree_run, tmp_path):
    first, second = tree_run.directory, tmp_path / "second"
    kept = {"training__checkpoint_interval": 2, "training__final_name": "model_final.pt"}
    done(tree_run, max_loops=3, **kept)
    names = {path.name for path in (first / "checkpoints").glob("*.pth")}
    assert names == {"model_epoch_2.pth"}
    assert counters(first / "model_final.pt")["num_loops"] == 3
    before = counters(first / "checkpoints" / "model_epoch_2.pth")

    source = f"--checkpoint={first / 'checkpoints' / 'model_epoch_2.pth'}"
    settings = {"training__checkpoint_interval": 1, "seed": 5}
    wrong = tree_run.trainer(source, directory=tmp_path / "wrong", net__num_units=8)
    assert wrong.wait() == 2
    assert "--set net.num_units=16 makes them alike" in wrong.text()
    nothing = tree_run.trainer(source, directory=tmp_path / "wrong", pacing__max_loops=2)
    assert nothing.wait() == 2
    assert "2 loops done in it" in nothing.text()

    trainer = done(tree_run, source, max_loops=4, directory=second, **settings)
    assert f"goes on from loop 2 of {source.replace('=', ' ')}" in trainer.text()
    store = DirectoryStore(second)
    assert [entry["iteration"] for entry in read_stats(store)] == [2, 3, 4]
    # Its first version is the net of that checkpoint, which was version 3 of the first run.
    assert (
        store.read("model/versions/0001.safetensors")
        == (first / "model/versions/0003.safetensors").read_bytes()
    )
    after = counters(second / "checkpoints" / "model_epoch_4.pth")
    assert after["num_loops"] == 4
    assert after["seed"] == 5
    # As many steps as its own samples allow, counted on from those of the checkpoint.
    own = (after["num_samples"]) // TINY_TREES["training.batch_size"]
    assert after["num_steps"] == before["num_steps"] + own
    assert own >= 4
    manifest = json.loads(store.read("model/manifest.json"))["versions"]
    assert manifest["1"]["info"]["iteration"] == 2

    again = done(tree_run, source, max_loops=5, directory=second, **settings)
    assert f"the run exists; {source.replace('=', ' ')} is not read" in again.text()
    assert [entry["iteration"] for entry in read_stats(store)] == [2, 3, 4, 5]
