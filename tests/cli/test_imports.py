"""`zerofleet import` as a user meets it."""

import json
import re
import subprocess
import sys

import pytest
from command import run

from zerofleet.cli import app
from zerofleet.cli.imports import import_

PGN = '[Event "x"]\n\n1. e4 e5 2. Nf3 1-0\n\n1. d4 d5 2. Ke3 0-1\n\n1. d4 *\n'


def test_what_it_says(tmp_path) -> None:
    path = tmp_path / "games.pgn"
    path.write_text(PGN)
    done = run("import", path, "--run-dir", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    first, imported, left_out, why, directory = done.stdout.splitlines()[:5]
    assert first == f"{path}: 1 game, 2 left out"
    assert imported.startswith("imported     1 game, 3 positions in 1 shard, ")
    assert left_out == "left out     2 games: 1 an illegal move, 1 unfinished"
    assert why == f"why          {tmp_path / 'run/imports/skipped.txt'}"
    assert directory == f"directory    {tmp_path / 'run'} has 1 game, 3 positions"
    assert (tmp_path / "run/imports/skipped.txt").read_text().splitlines() == [
        f'{path}: game 2, line 5: move 2 of White: illegal move "Ke3" in '
        "rnbqkbnr/ppp1pppp/8/3p4/3P4/8/PPP1PPPP/RNBQKBNR w KQkq - 0 2",
        f"{path}: game 3, line 7: unfinished: no result but *",
    ]
    again = run("import", path, "--run-dir", tmp_path / "run")
    assert again.stdout.splitlines()[:2] == [
        f"{path}: 0 games, 1 imported before",
        "imported     nothing new: these games were imported before",
    ]
    assert "positions/s" not in again.stdout


def test_the_commands_it_names_are_understood(tmp_path) -> None:
    """What follows after an import: the recipe's net, and a small one at first."""
    path = tmp_path / "games.pgn"
    path.write_text(PGN)
    told = run("import", path, "--run-dir", tmp_path / "run").stdout
    whole, trial = re.findall(r"zerofleet (train chess .*)", told)
    assert trial.startswith(f"{whole} --run-dir {tmp_path / 'run'}_trial ")
    _, bound, _ = app.parse_args(trial.split())
    wanted = {"max_loops": 1, "blocks": 2, "filters": 32, "max_positions": 20_000}
    assert wanted.items() <= bound.arguments.items()


def test_standard_input(tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "zerofleet", "import", "-", "--run-dir", str(tmp_path / "run")],
        input=PGN.encode() * 10,
        capture_output=True,
        check=True,
    )
    assert b"standard input: 10 games, 20 left out" in done.stdout


def test_mistakes(tmp_path) -> None:
    path = tmp_path / "games.pgn"
    path.write_text(PGN)
    (tmp_path / "go").mkdir()
    config = {"game": {"name": "go", "options": {"size": 7}}, "net": {"kind": "resnet"}}
    (tmp_path / "go/config.json").write_text(json.dumps(config))
    (tmp_path / "other").mkdir()
    config["game"] = {"name": "othello"}
    (tmp_path / "other/config.json").write_text(json.dumps(config))
    (tmp_path / "readme.pgn").write_text("This is no game.\n")
    for sources, run_dir, words in (
        ([path], None, "--run-dir is needed"),
        ([], tmp_path / "run", "name files of games"),
        ([path, "--run-dri", "x"], None, "Unknown option: --run-dri. Did you mean --run-dir?"),
        ([tmp_path / "no.pgn"], tmp_path / "run", "no such file or folder"),
        ([path], tmp_path / "other", "is a run of othello; games are imported"),
        (["net.nnue"], None, "zerofleet import NET.nnue NET.pt"),
    ):
        with pytest.raises(ValueError, match=re.escape(words)) as raised:
            import_(*map(str, sources), run_dir=run_dir)
        assert raised.value.exit_status == 2
    for arguments, status, words in (
        ([path, "--run-dir", tmp_path / "go"], 1, "is PGN, games of chess; imported here are"),
        ([path, "--run-dir", tmp_path / "run", "--game", "go(size=99)"], 2, "--game: "),
        ([tmp_path / "readme.pgn", "--run-dir", tmp_path / "run"], 1, "no game was imported"),
    ):
        done = run("import", *arguments)
        assert done.returncode == status, (arguments, done.stderr)
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1
