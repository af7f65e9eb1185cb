import os
from typing import get_args

import pytest
from command import run

from support import require
from zerofleet.cli import VERBS, app, main
from zerofleet.cli.options import KEYS


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["trian"], 2, 'Did you mean "train"?'),
        (["worker", "--shared-dir", "x", "--thread", "4"], 2, "Did you mean --threads?"),
        (["worker", "--shared-dri", "x"], 2, "Did you mean --shared-dir instead of --shared-dri?"),
        (["worker", "--shared-dir", "x", "--threads", "many"], 2, 'unable to convert "many"'),
        (
            ["worker", "--shared-dir", "x", "--threads", "0"],
            2,
            'value "0" for --threads. Must be >= 1',
        ),
        (["train", "ultimate_tt"], 2, "did you mean 'ultimate_ttt'?"),
        (["train", "ttt"], 2, "did you mean 'ultimate_ttt'?"),
        (["train", "ultimate_ttt", "--workers", "-1"], 2, 'value "-1" for --workers. Must be'),
        (["train", "ultimate_ttt", "--set", "search.dept=3"], 2, "did you mean 'search.depth'?"),
        (["train", "ultimate_ttt", "--set", "search.depth"], 2, "expected key=value"),
        (["train", "ultimate_ttt", "--set", "arena.eval_games=7"], 2, "an even number of games"),
        (["train", "ultimate_ttt", "--seed-data", "no.npz"], 2, "no.npz: no such file"),
        (["trainer", "--shared-dir", "run", "--lambda-search", "2"], 2, "training.lambda_search"),
        (["trainer", "--shared-dir", "run", "--device", "tpu"], 2, "'tpu' is no device"),
        (["worker", "--shared-dir", "run", "--device", "cuda:x"], 2, "'cuda:x' is no device"),
        (["status", "nowhere"], 1, "nowhere: no such run directory"),
        (["audit", "nowhere"], 1, "nowhere: no such run directory"),
        (["mirror", "host:/x", "--run-dir", "nowhere"], 1, "nowhere: no such run directory"),
        (["export", "no.pt", "net.nnue"], 1, "no.pt: No such file or directory"),
        (["import", "net.txt", "net.pt"], 1, "expected a name that ends in .nnue or .pt"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_one_line_says_what_is_wrong(arguments, status, message, tmp_path, monkeypatch, capsys):
    if arguments[0] in ("export", "import"):
        require("torch")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(arguments)
    shown = capsys.readouterr()
    assert end.value.code == status, shown.err
    assert len(shown.err.splitlines()) == 1
    assert shown.err.startswith("zerofleet: ")
    assert message in shown.err
    assert shown.out == ""
    assert list(tmp_path.iterdir()) == []  # nothing was created


NEEDED = {
    "train": ["ultimate_ttt"],
    "worker": ["--shared-dir", "run"],
    "trainer": ["--shared-dir", "run"],
    "selfplay": ["tic_tac_toe"],
    "mirror": ["host:/x", "--run-dir", "run"],
    "check-game": ["tic_tac_toe"],
    "uci": ["net.safetensors"],
    "gtp": ["net.safetensors"],
    "watch": ["run"],
    "web": ["run"],
    "results": [],
    "launch": ["--data", "games"],
    "restore": ["run"],
    "import": ["games.pgn", "--run-dir", "run"],
    "doctor": [],
    "play": ["tic_tac_toe"],
    "match": ["random", "random"],
    "ladder": ["run"],
    "benchmark": ["--checkpoint", "run"],
}
NUMBERS = [
    (verb, argument.names[0], argument.field_info.name)
    for verb in VERBS
    if verb != "fleet"  # a group of commands, tested with them
    for argument in app[verb].assemble_argument_collection()
    if {int, float} & {argument.hint, *get_args(argument.hint)}
]


@pytest.mark.parametrize(("verb", "option", "field"), NUMBERS)
@pytest.mark.parametrize("value", ["-5", "nan"])
def test_every_number_has_a_range(verb, option, field, value, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main([verb, *NEEDED[verb], option, value])
    shown = capsys.readouterr()
    # A launcher ends with 1 for whatever keeps the job from its start.
    assert end.value.code == (1 if verb == "launch" else 2), shown
    assert len(shown.err.splitlines()) == 1
    assert option in shown.err or KEYS.get(field, option) in shown.err
    assert value in shown.err
    assert list(tmp_path.iterdir()) == []


def test_the_numbers_were_found():
    found = {(verb, option) for verb, option, _ in NUMBERS}
    assert {("check-game", "--games"), ("mirror", "--every"), ("train", "--minutes")} <= found
    assert ("selfplay", "--games") in found


@pytest.mark.parametrize("option", ["--games", "--num-games", "--simulations", "--threads"])
def test_none_is_too_few(option, capsys):
    with pytest.raises(SystemExit) as end:
        main(["selfplay", "tic_tac_toe", option, "0"])
    assert end.value.code == 2
    assert f'Invalid value "0" for {option}. Must be >= 1.' in capsys.readouterr().err


def test_mistakes_end_the_process_with_their_status(tmp_path):
    assert run("worker", "--shared-dir", tmp_path, "--thread", "4").returncode == 2
    assert run("status", tmp_path / "nowhere").returncode == 1


def test_without_torch_the_extra_is_named(tmp_path):
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('no torch', name='torch')\n")
    (tmp_path / "net.pt").write_bytes(b"")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = run("export", tmp_path / "net.pt", tmp_path / "net.nnue", PYTHONPATH=path)
    assert done.returncode == 1
    assert done.stderr == (
        "zerofleet: `zerofleet export` needs torch: pip install 'zerofleet[train]'\n"
    )


@pytest.mark.parametrize("verb", ["train", "trainer --run-dir run --recipe"])
def test_without_torch_no_training_begins(verb, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("zerofleet.roles.config.find_spec", lambda name: None)
    with pytest.raises(SystemExit) as end:
        main([*verb.split(), "tic_tac_toe"])
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "zerofleet: training needs torch: pip install 'zerofleet[train]'"
    assert list(tmp_path.iterdir()) == []
