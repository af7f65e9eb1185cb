"""`zerofleet train chess --data D`: from PGN to a net that plays."""

import json
import math
import re

import pytest
from command import run

from sample_data import games, meta_of
from support import require
from zerofleet.records.write import encode_shard
from zerofleet.roles.config import ConfigError

require("torch")


def test_imported_games_are_learned(tmp_path, capsys, monkeypatch) -> None:
    """All games follow one of two openings: their moves are found in held-out games soon."""
    from zerofleet.cli.imports import import_
    from zerofleet.cli.train import train
    from zerofleet.roles.distributed import DistributedTraining
    from zerofleet.run.place import Place

    openings = ["1. e4 e5 2. Nf3 Nc6 3. Bb5", "1. d4 d5 2. c4 e6 3. Nc3"]
    texts = [f'[Round "{n}"]\n\n{openings[n % 2]} 1-0\n' for n in range(160)]
    (tmp_path / "games.pgn").write_text("\n".join(texts))
    assert import_(str(tmp_path / "games.pgn"), run_dir=tmp_path / "games") == 0
    assert "zerofleet train chess --data" in capsys.readouterr().out

    def learn(epochs):
        settings = ["training.compile=false", "training.validation_share=0.2"]
        return train(
            "chess",
            data=tmp_path / "games",
            run_dir=Place(str(tmp_path / "run")),
            max_loops=epochs,
            blocks=1,
            filters=8,
            batch_size=32,
            learning_rate=0.02,
            device="cpu",
            set_=settings,
        )

    assert learn(1) == 0
    end_epoch = DistributedTraining._end_epoch

    def end_epoch_and_time(self, *arguments):
        end_epoch(self, *arguments)
        self._stop_at = 0.0

    with monkeypatch.context() as patch:  # stopped between two epochs: what is saved stays
        patch.setattr(DistributedTraining, "_end_epoch", end_epoch_and_time)
        assert learn(3) == 0
    assert learn(3) == 0  # goes on
    told = capsys.readouterr().out
    assert "goes on from epoch 1" in told
    assert "data: 800 samples of 160 games in 1 shard;" in told
    stats = json.loads((tmp_path / "run/training_stats.json").read_text())
    assert [entry["iteration"] for entry in stats] == [1, 2, 3]
    last = stats[-1]["losses"]
    # 20, 20 and 30 or so moves are legal; two openings are told apart after the first move.
    assert 1 / 35 < last["val_uniform_accuracy"] < 1 / 20
    assert last["val_accuracy"] > 5 * last["val_uniform_accuracy"]
    assert last["val_accuracy"] < 1  # the first move is a coin toss
    assert math.isclose(last["policy_entropy"], 0, abs_tol=1e-3)
    assert f"epoch 3/3: finds the move in {100 * last['val_accuracy']:.1f} %" in told
    assert (tmp_path / "run/learning_curve.png").exists()
    assert "The net plays: zerofleet uci" in told

    # A run of self-play may begin with the net, but not in the same directory.
    from zerofleet.roles.trainer import Trainer

    with pytest.raises(ConfigError, match="is a run of distributed training"):
        Trainer(tmp_path / "run", recipe="chess").resolve_config()


def test_the_first_step_is_announced_and_the_rate_of_a_single_one_is_real(
    tmp_path, capsys, monkeypatch
) -> None:
    import torch

    from zerofleet.cli.train import train
    from zerofleet.run.place import Place

    monkeypatch.setattr(torch, "compile", lambda function, **_: function)  # at once
    data = tmp_path / "v0001_w1_0001.npz"
    data.write_bytes(encode_shard(meta_of("connect_four"), games("connect_four", 8)))

    def told(compiled):
        keys = [f"training.compile={compiled}", "net.kind=mlp", "net.num_units=16"]
        run_dir = Place(str(tmp_path / f"run_{compiled}"))
        words = {"data": data, "run_dir": run_dir, "max_loops": 2, "device": "cpu", "set_": keys}
        assert train("connect_four", **words) == 0
        return capsys.readouterr().out

    text = told("true")
    before, _ = text.split("epoch 1/2, step 1/1: ")
    assert text.count("compiling the training step: ") == before.count("compiling") == 1
    assert "compiling" not in told("false")
    rates = re.findall(r"; ([\d,.]+) samples/s", text)
    assert len(rates) == 2
    assert "0" not in rates


def test_mistakes(tmp_path) -> None:
    for more, told in (
        (["--workers", "2"], "--workers: has no meaning with --data"),
        (["--gpus", "7"], "--gpus 7: there is no cuda:7 here"),
    ):
        done = run("train", "chess", "--data", tmp_path, *more, "--run-dir", tmp_path / "r")
        assert done.returncode == 2, done.stderr
        assert told in done.stderr


def test_where_games_are_found(tmp_path) -> None:
    """Imported games first, then those of the run; nothing else of a run directory."""
    from zerofleet.roles.data import find_shards

    for name in ("imports/v0001_i_0001.npz", "data/v0001_w_0002.npz", "checkpoint.npz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = [path.name for path in find_shards(tmp_path)]
    assert sorted(names) == ["v0001_i_0001.npz", "v0001_w_0002.npz"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        ConfigError, match=r"no shards .* or `zerofleet import games\.pgn --run-dir"
    ):
        find_shards(tmp_path / "empty")
