"""`zerofleet selfplay`: games without a trainer."""

import subprocess
import sys
from pathlib import Path

import pytest

from zerofleet.cli import main
from zerofleet.records.read import read_shard
from zerofleet.records.validate import validate


def run(capsys, *arguments) -> tuple[int, str]:
    with pytest.raises(SystemExit) as done:
        main(["selfplay", *map(str, arguments)])
    out = capsys.readouterr()
    return done.value.code, out.out + out.err


def test_it_prints_figures_and_writes_shards(tmp_path, capsys):
    command = ("connect_four", "--games", 12, "--simulations", 9, "--seed", 4, "--threads", 2)
    status, text = run(capsys, *command, "--out", tmp_path / "games")
    assert status == 0
    assert "12 games of connect_four: 12 played to the end" in text
    for word in ("first player won", "plies", "simulations", "a second", "memory"):
        assert word in text
    status, _ = run(capsys, *command, "--out", tmp_path / "games")
    first, second = sorted((tmp_path / "games").iterdir())
    assert (first.name, second.name) == ("v0001_selfplay_0001.npz", "v0001_selfplay_0002.npz")
    meta, records = read_shard(first)
    validate(meta, records, name=first.name)
    assert records.num_games == 12
    again = read_shard(second)[1]
    assert records.action.tobytes() == again.action.tobytes()


def test_scores(capsys):
    status, text = run(capsys, "twenty48(size=2)", "--games", 3, "--simulations", 4)
    assert status == 0
    assert "score" in text


def test_a_game_of_ones_own(tmp_path, capsys):
    example = Path(__file__).parents[2] / "examples" / "custom_game.py"
    game = f"{example}:Line(size=3,line=3)"
    status, text = run(capsys, game, "--games", 5, "--simulations", 4, "--out", tmp_path)
    assert status == 0
    assert "5 games of" in text
    meta, records = read_shard(next(tmp_path.iterdir()))
    assert meta.game == "custom_game.py:Line"
    assert records.num_games == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["conect_four"], "connect_four"),
        (["connect_four", "--games", "0"], "for --games. Must be >= 1"),
        (["connect_four", "--seed", "-1"], "for --seed. Must be >= 0"),
        (["connect_four", "--threads", "-1"], "for --threads. Must be >= 1"),
        (["nowhere.py:Game"], "nowhere.py"),
    ],
)
def test_mistakes_are_told_in_a_line(capsys, arguments, message):
    status, text = run(capsys, *arguments)
    assert status in (1, 2)
    assert message in text
    assert "Traceback" not in text


def test_torch_is_not_loaded():
    code = (
        "import sys, zerofleet.cli\n"
        "try: zerofleet.cli.main(['selfplay', 'tic_tac_toe', '--games', '2'])\n"
        "except SystemExit as done: assert not done.code\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
