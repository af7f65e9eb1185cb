"""A game of one's own on other hosts: the same file, or not at all."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from zerofleet.roles.config import ConfigError, OverrideError, check_unchanged, resolve
from zerofleet.roles.game_of_run import checked_game, game_file_of, name_with_file, refuse_from_run

GAME = Path(__file__).parent.parent / "games" / "short_tic_tac_toe.py"


def config_of(name):
    return checked_game(resolve({"game": {"name": name}, "net": {"kind": "resnet"}}, None, {}))


def test_the_same_file_elsewhere(tmp_path):
    there = shutil.copy(GAME, tmp_path / GAME.name)
    for name, class_name in ((str(GAME), ""), (f"{GAME}:TicTacToe", ":TicTacToe")):
        config = config_of(name)
        assert len(config.game.sha256) == 64
        assert game_file_of(config) == GAME
        assert name_with_file(config, Path(there)) == f"{there}{class_name}"


def test_another_file_is_refused(tmp_path):
    config = config_of(str(GAME))
    other = tmp_path / GAME.name
    other.write_text(GAME.read_text() + "# changed\n")
    with pytest.raises(OverrideError, match="its sha256 is"):
        name_with_file(config, other)
    with pytest.raises(ConfigError, match="No such file"):
        name_with_file(config, tmp_path / "nothing.py")
    with pytest.raises(OverrideError, match="not a file"):
        name_with_file(config_of("tic_tac_toe"), other)


def test_a_game_of_ours_has_no_checksum_and_an_edited_comment_ends_no_run():
    assert config_of("tic_tac_toe").game.sha256 == ""
    config = config_of(str(GAME))
    game = config.game.model_copy(update={"sha256": "0" * 64})
    check_unchanged(config.model_copy(update={"game": game}), config)


def test_no_code_is_loaded_from_the_run_directory(tmp_path):
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    inside = shutil.copy(GAME, run_dir / GAME.name)
    (tmp_path / "link.py").symlink_to(inside)
    for name in (inside, f"{inside}:TicTacToe", tmp_path / "link.py"):
        with pytest.raises(OverrideError, match="from which no code is loaded"):
            refuse_from_run(config_of(str(name)), run_dir)
    refuse_from_run(config_of(str(GAME)), run_dir)
    refuse_from_run(config_of("tic_tac_toe"), run_dir)


def test_a_worker_loads_no_game_from_the_run_directory(tmp_path):
    inside = str(shutil.copy(GAME, tmp_path / GAME.name))
    (tmp_path / "config.json").write_text(config_of(inside).model_dump_json())
    done = subprocess.run(
        [sys.executable, "-m", "zerofleet", "worker", "--run-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert "from which no code is loaded" in done.stdout + done.stderr
