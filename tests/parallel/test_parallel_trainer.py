"""`zerofleet.ParallelTrainer`: the API of one host and many workers."""

import contextlib
import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import zerofleet
from parallel.tiny_settings import TINY
from zerofleet.fleet.supervisor import Event
from zerofleet.monitor.view import RunView
from zerofleet.nets.config import MlpConfig, ResNetConfig
from zerofleet.parallel import Epoch, History, RunRequest, ShareWarning
from zerofleet.parallel.session import LocalSession, Outcome
from zerofleet.parallel.trainer import TrainingFailedError, _Watch
from zerofleet.records.read import read_shard
from zerofleet.roles.config import ConfigError, parse_setting
from zerofleet.run.errors import StoreError
from zerofleet.run.layout import CONFIG

MARK = "ZEROFLEET_TEST_PARALLEL"
EXAMPLE = Path(__file__).parents[2] / "examples" / "custom_game.py"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(MARK, str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def tiny(game="twenty48(size=2)", num_workers=2, **arguments):
    return zerofleet.ParallelTrainer(
        game,
        {"kind": "mlp", "num_layers": 1, "num_units": 16},
        num_workers,
        settings={**TINY, **arguments.pop("settings", {})},
        device="cpu",
        selfplay_device="cpu",
        **arguments,
    )


def left_behind(mark):
    """Processes that a training of this test started and that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"{MARK}={mark}\0".encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return [pid for pid in found if pid != os.getpid()]


def counted_games(trainer):
    """Epoch -> numbers of its games, from the shards."""
    found = {}
    for path in (trainer.run_dir / "consumed").iterdir():
        meta, games = read_shard(path)
        # A game that was dealt again may be in two files; it counts once.
        found.setdefault(meta.iteration, set()).update(games.game_number.tolist())
    return {epoch: sorted(numbers) for epoch, numbers in found.items()}


@pytest.mark.timeout(600)
def test_it_trains_and_leaves_nobody_behind(tmp_path, capsys):
    trainer = tiny()
    told = []
    history = trainer.train(2, 9, 16, 0.002, 3, on_epoch=told.append)
    assert [(e.epoch, e.games, e.model_version) for e in history] == [(1, 9, 2), (2, 9, 3)]
    assert list(history) == told
    assert all(e.losses["policy"] > 0 and e.seconds > 0 and e.elo is None for e in history)
    assert all(4 <= e.mean_score <= e.best_score for e in history)
    assert counted_games(trainer) == {1: list(range(9)), 2: list(range(9))}
    assert trainer.model_path.name == "0003.safetensors"
    out = capsys.readouterr().out
    assert "2 workers with" in out
    assert "9 games an iteration are not a multiple of 2 workers" in out
    assert "Loop 2/2" in out
    assert left_behind(tmp_path) == []


@pytest.mark.long
@pytest.mark.timeout(600)
def test_it_goes_on_with_other_settings_until_the_callback_has_enough(tmp_path):
    trainer = tiny()
    assert len(trainer.train(2, 4, simulations=2)) == 2

    class EnoughError(Exception):
        pass

    def enough(epoch):
        assert (epoch.epoch, epoch.games) == (3, 5)
        raise EnoughError

    with pytest.raises(EnoughError):
        trainer.train(epochs=50, games_per_epoch=5, simulations=2, on_epoch=enough)
    assert left_behind(tmp_path) == []
    assert trainer.epochs_done >= 3
    assert [e.epoch for e in trainer.history][:3] == [1, 2, 3]
    config = json.loads((trainer.run_dir / "config.json").read_text())
    assert config["pacing"]["games_per_iteration"] == 5
    assert config["pacing"]["max_loops"] == 52


def test_importing_it_loads_no_torch():
    code = (
        "import sys, zerofleet\n"
        "trainer = zerofleet.ParallelTrainer('twenty48', num_workers=1, run_dir='here')\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert not Path("here").exists()  # nothing was started


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"game": 7}, "game: expected the name of a recipe"),
        ({"game": "twenty84"}, "did you mean 'twenty48'"),
        ({"game": int}, "the class int has no file"),
        ({"net": object()}, "net: expected ResNetConfig"),
        ({"net": {"num_blocs": 3}}, r"net\.num_blocs.*did you mean 'net\.num_blocks'"),
        ({"net": {"num_blocks": -1}}, r"net\.(resnet\.)?num_blocks"),
        ({"num_workers": -1}, "workers has to be >= 0, got -1"),
        ({"gpus": "9999"}, "no cuda:9999 here; present: cpu"),
        ({"device": "tpu"}, "'tpu' is no device"),
        ({"seed": -1}, r"seed \(seed\): "),
        ({"settings": {"search.num_sims": 3}}, "search.num_simulations"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ConfigError, match=message):
        zerofleet.ParallelTrainer(**arguments)
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "epochs: expected a whole number >= 1, got 0"),
        ({"epochs": 2.5}, "got 2.5"),
        ({"games_per_epoch": 0}, "games_per_epoch: expected a whole number"),
        ({"batch_size": 1}, r"batch_size \(training\.batch_size\): .* 2 \(got 1\)"),
        ({"lr": 0}, r"lr \(training\.learning_rate\)"),
        ({"simulations": 0}, r"simulations \(search\.num_simulations\)"),
        ({"minutes": 0}, "minutes: expected a number > 0"),
    ],
)
def test_wrong_arguments_of_train_are_named(arguments, message):
    trainer = tiny()
    with pytest.raises(ConfigError, match=message):
        trainer.train(**arguments)
    assert list(trainer.run_dir.iterdir()) == []


def test_runs_of_alpha_beta_deal_no_games():
    with pytest.raises(ConfigError, match=r"games_per_epoch .*only runs of tree search deal games"):
        zerofleet.ParallelTrainer("ultimate_ttt").train(games_per_epoch=32)


def test_a_failure_is_raised_with_its_reason_and_nothing_is_called_back(monkeypatch):
    outcome = Outcome("failed", "every worker failed again and again")
    monkeypatch.setattr(LocalSession, "run", lambda *_: outcome)
    with pytest.raises(TrainingFailedError, match="every worker failed again and again"):
        tiny().train(epochs=1, on_epoch=lambda epoch: pytest.fail("no epoch was done"))


def test_each_trainer_without_a_directory_has_one_of_its_own():
    assert tiny().run_dir == Path("runs/twenty48_size_2")
    assert tiny().run_dir == Path("runs/twenty48_size_2-2")
    assert tiny(run_dir="runs/twenty48_size_2").run_dir == Path("runs/twenty48_size_2")


def prepared(**arguments):
    return zerofleet.ParallelTrainer(**arguments)._request.prepared()


def test_games_and_nets_in_all_their_forms():
    spec = f"{EXAMPLE}:Line"
    assert prepared(game=spec).config.game.name == spec
    assert prepared(game=Path(spec)).config.game.name == spec
    assert prepared(game=zerofleet.load_game("go", size=7)).config.game.spec == "go(size=7)"
    assert prepared(game="go7").config.game.spec == "go(komi=9,size=7)"
    net = ResNetConfig(num_blocks=1, num_filters=8)
    assert prepared(net=net).config.net == net
    assert prepared(net=MlpConfig(num_units=8)).config.net == MlpConfig(num_units=8)
    recipe = prepared().config.net
    assert prepared(net={"num_blocks": 5}).config.net == recipe.model_copy(update={"num_blocks": 5})


def test_a_class_is_found_in_its_file(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    import custom_game

    assert prepared(game=custom_game.Line).config.game.name == f"{EXAMPLE}:Line"


def test_a_rule_of_ones_own_for_devices_is_honoured():
    class Alternate(zerofleet.DeviceManager):
        def assign_device(self, worker_id, num_workers):
            assert num_workers == 4
            return "cpu" if worker_id % 2 else f"cuda:{worker_id}"

    trainer = zerofleet.ParallelTrainer(
        num_workers=5, device_manager=Alternate(["cuda:0", "cuda:1"], cores=8)
    )
    assert trainer.plan.devices == ("cuda:0", "cpu", "cuda:2", "cpu")
    assert trainer.plan.reason == "5 asked, 4 used: a multiple of 2 devices".replace(
        "devices", "GPUs"
    )
    session = LocalSession(trainer._request.prepared())
    commands = [child.command.argv for child in session._workers.children]
    assert [argv[argv.index("--device") + 1] for argv in commands] == list(trainer.plan.devices)


def test_a_trainer_may_end_a_loop_and_two_ratings_before_it_is_stopped():
    """Each as much later as the time given allows; then it does not look at the clock."""
    session = LocalSession(replace(tiny()._request, minutes=100).prepared())
    assert session._overdue_at - session._late_at > 3 * 600


def test_workers_that_fail_at_once_are_all_told():
    session = LocalSession(tiny()._request.prepared())
    session._store.put(CONFIG, b"{}")
    for number in range(8):
        session._note(Event(f"w{number}", "failed", "exit status 1, starts again\nlog", "a\nb\nc"))
    messages = session._view().messages
    assert [m for m in messages if "exit status 1" in m] == [
        f"[w{number}] exit status 1, starts again" for number in range(8)
    ]


def test_a_store_that_is_away_for_a_while_ends_no_session(monkeypatch):
    session = LocalSession(tiny()._request.prepared())
    session._store.put(CONFIG, b"{}")
    assert session._is_open()

    def read(key):
        raise StoreError(f"{key}: stale file handle")

    monkeypatch.setattr(session._store, "read", read)
    monkeypatch.setattr(session._store, "list", lambda *_, **__: read("STOP"))
    assert not session._is_open()  # what runs goes on, nothing is started


def test_play_without_search_that_teaches_nothing_is_told():
    def notes(**play):
        keys = {"search.selection": "none", **{f"selfplay.{k}": v for k, v in play.items()}}
        return RunRequest(Path("x"), "tic_tac_toe", keys, workers=1, gpus="cpu").prepared().notes()

    (told,) = notes()
    assert "after 9 moves the most probable one is always played" in told
    assert "--set selfplay.final_temperature=1" in told
    assert notes(final_temperature=0.5) == []


def test_games_and_workers():
    def run(games, workers):
        request = RunRequest(
            Path("x"),
            "twenty48",
            {"pacing.games_per_iteration": games},
            workers=workers,
            gpus="cpu",
        )
        return request.prepared()

    assert run(32, 8).notes() == run(0, 8).notes() == []
    assert "not a multiple of 5 workers" in run(32, 5).notes()[0]
    with pytest.warns(ShareWarning, match="3 games an iteration for 8 workers: 5 of them will"):
        assert run(3, 8).notes() == []


def test_settings_reach_the_trainer_as_they_are():
    name = 'no: "1"'
    request = RunRequest(
        Path("x"),
        "twenty48",
        {"run_name": name, "arena.opponents": ["random"], "training.compile": True},
    )
    arguments = request.prepared().trainer_arguments()
    settings = [text for flag, text in itertools.pairwise(arguments) if flag == "--set"]
    assert dict(map(parse_setting, settings)) == request.keys


def test_a_history():
    first_net = {"iteration": 0, "model_version": 1, "games": 0, "positions": 0, "seconds": 1.0}
    two_players = {
        "iteration": 2,
        "model_version": 3,
        "games": 10,
        "positions": 60,
        "losses": {"train": 1.5, "policy": 1.0, "value": 0.5},
        "game_stats": {"first_player_score": 0.625, "draw_share": 0.25, "matches": []},
        "elo": {"rating": 12.0, "error": 3.0},
        "seconds": 2.0,
    }
    history = History([first_net, {**two_players, "iteration": 1, "elo": {}}, two_players])
    assert [epoch.epoch for epoch in history] == [1, 2]
    assert history[-1] == Epoch(two_players)
    assert (history[1].elo, history[1].elo_error, history[0].elo) == (12.0, 3.0, None)
    assert (history[0].first_player_score, history[0].draw_share) == (0.625, 0.25)
    assert (history[0].mean_score, history[0].best_score) == (None, None)
    assert history.since(1)[0].epoch == 2
    assert [epoch.epoch for epoch in history[:1]] == [1]
    assert history.rows()[1]["elo/rating"] == 12.0
    assert history.rows()[0]["loss/policy"] == 1.0
    assert repr(history).startswith("<History of 2 epochs>\nLoop 1")
    assert str(History([])) == "no epochs"


def test_epochs_are_called_back_in_order_when_a_rating_takes_several():
    called = []
    watch = _Watch(2, lambda epoch: called.append((epoch.epoch, epoch.elo)), show_lines=False)

    def entries(last, *, rated):
        elo = {"elo": {"rating": 7.0}} if rated else {}
        found = [{"iteration": n, "model_version": n + 1, "games": n} for n in range(last + 1)]
        return [{**entry, **elo} if entry["iteration"] == 5 else entry for entry in found]

    view = RunView("run", max_loops=100)
    watch.update(replace(view, entries=entries(5, rated=False), first_unfinished=5))
    assert [epoch for epoch, _ in called] == [3, 4]
    watch.update(replace(view, entries=entries(8, rated=False), first_unfinished=5))
    assert [epoch for epoch, _ in called] == [3, 4]
    watch.update(replace(view, entries=entries(8, rated=True)))
    assert called == [(3, None), (4, None), (5, 7.0), (6, None), (7, None), (8, None)]
