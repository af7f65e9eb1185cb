"""A game of one's own on other hosts: the same file, or not at all."""

import shutil
from pathlib import Path

import pytest

from zerofleet.roles.config import ConfigError, OverrideError, check_unchanged, resolve
from zerofleet.roles.game_of_run import checked_game, game_file_of, name_with_file

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
