"""`validate`, one call for shards of every kind of game: compiled, in a file, OpenSpiel's."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from support import require
from zerofleet import _core, load_game
from zerofleet.games.evaluation import random_evaluator
from zerofleet.games.python_game import PythonGame
from zerofleet.records import ShardError, ShardMeta, decode_shard, encode_shard, validate
from zerofleet.records.shard import recorded_name
from zerofleet.search import MctsConfig
from zerofleet.selfplay import PlayConfig, play_games

LINE = str(Path(__file__).parents[2] / "examples" / "custom_game.py") + ":Line"
SPECS = ["tic_tac_toe", "go(size=5)", "twenty48(size=2)", f"{LINE}(size=3,line=3)"]
OPENSPIEL = "openspiel:tic_tac_toe"


def meta_of(game) -> ShardMeta:
    return ShardMeta(
        game=recorded_name(game),
        game_options=dict(game.options),
        model_version=1,
        worker_id="w",
        batch=1,
        run_seed=0,
    )


def played(game):
    search = MctsConfig(num_simulations=6, full_search_probability=1.0, cache_mib=0)
    play = PlayConfig(num_random_plies=1)
    return play_games(game, 6, search, random_evaluator, play=play, seed=5)


@pytest.mark.parametrize("spec", [*SPECS, OPENSPIEL])
def test_every_lie_is_found_whatever_the_game(spec: str) -> None:
    if spec == OPENSPIEL:
        require("pyspiel")
    game = load_game(spec)
    meta, games = meta_of(game), played(game)
    meta, games = decode_shard(encode_shard(meta, games), name="x.npz")
    validate(meta, games, name="x.npz", game=game)

    def refuse(match: str, **changed) -> None:
        with pytest.raises(ShardError, match=match) as caught:
            validate(meta, replace(games, **changed), name="x.npz", game=game)
        assert str(caught.value).startswith("x.npz: does not replay: ")

    illegal = games.action.copy()
    illegal[0] = game.num_actions + 50
    refuse(f"game 0, ply 0: illegal action {illegal[0]} in ", action=illegal)
    illegal[0] = 2**31 - 1
    refuse("game 0, ply 0: illegal action 2147483647 in ", action=illegal)
    if game.num_players == 2 and "go" not in spec:
        again = games.action.copy()
        again[1] = again[0]  # on a stone
        refuse(f"game 0, ply 1: illegal action {again[0]} in ", action=again)
    returns = games.returns.copy()
    returns[2] = -returns[2] if game.num_players == 2 and returns[2, 0] else returns[2] + 1
    if game.num_players == 2 and not games.returns[2, 0]:
        returns[2] = [1, -1]
    refuse("game 2: returns .*; the rules give ", returns=returns)
    refuse(r"returns have shape \(6, 3\); expected", returns=np.zeros((6, 3), np.float32))
    refuse("termination is 2", termination=np.full(6, _core.TERMINATION_RESIGNED, np.uint8))
    flags = games.ply_flags.copy()
    flags[0] ^= _core.PLY_CHANCE
    refuse("game 0, ply 0: flags", ply_flags=flags)
    policy = games.policy_action.copy()
    policy[0] = game.num_actions + 50
    refuse("policy action .* .illegal or unsorted", policy_action=policy)
    short = games.game_start.copy()
    short[-1] -= 1
    refuse("game_start ends with", game_start=short)
    start = np.concatenate([[0], np.full(6, 2)]).astype(np.int64)
    refuse(
        "game 0: start position: ",
        initial_text=np.frombuffer(b"\xff?", np.uint8),
        initial_start=start,
    )


@pytest.mark.parametrize("spec", SPECS[:3])
def test_compiled_games_need_no_rules_and_take_the_fast_path(spec: str, monkeypatch) -> None:
    game = load_game(spec)
    meta, games = meta_of(game), played(game)
    monkeypatch.setattr(_core, "check_games", None)
    validate(meta, games, name="x")
    validate(meta, games, name="x", game=game)
    standard = meta.model_copy(update={"game_options": {"size": 9}})
    if "go" in spec:
        with pytest.raises(ShardError, match=r"holds games of go\(size=9\); the rules given are "):
            validate(standard, games, name="x", game=game)


def test_openspiel_games_are_loaded_by_name() -> None:
    require("pyspiel")
    game = load_game(OPENSPIEL)
    meta, games = meta_of(game), played(game)
    validate(meta, games, name="x")
    with pytest.raises(ShardError, match="OpenSpiel has no game 'tic_tak_toe'"):
        validate(meta.model_copy(update={"game": "openspiel:tic_tak_toe"}), games, name="x")


def test_a_file_of_rules_is_never_run_because_a_shard_names_it() -> None:
    game = load_game(LINE, size=3, line=3)
    meta, games = meta_of(game), played(game)
    assert meta.game == "custom_game.py:Line"
    with pytest.raises(ShardError, match=r"custom_game\.py:Line.*give them as `game`"):
        validate(meta, games, name="x")
    with pytest.raises(
        ShardError, match=r"holds games of .*Line\(line=3,size=3\); the rules given"
    ):
        validate(meta, games, name="x", game=load_game(LINE, size=4, line=3))
    with pytest.raises(ShardError, match="the rules given are those of tic_tac_toe"):
        validate(meta, games, name="x", game=load_game("tic_tac_toe"))
    broken = meta.model_copy(update={"game_options": {"size": "3,line=4"}})
    with pytest.raises(ShardError, match="expected a number or a word"):
        validate(broken, games, name="x", game=game)


def test_rules_that_fail_are_not_the_shards_fault() -> None:
    class Failing:
        num_actions, max_plies = 2, 9
        broken = False

        def initial_position(self):
            return 0

        def to_play(self, position):
            return position % 2

        def legal_actions(self, position):
            return [0, 1]

        def play(self, position, action):
            if self.broken:
                raise ValueError("no idea")
            return position + 1

        def is_terminal(self, position):
            return position == 4

        def returns(self, position):
            return 0

    game = PythonGame(Failing(), "failing.py:Failing")
    meta, games = meta_of(game), played(game)
    validate(meta, games, name="x", game=game)
    game.rules.user.broken = True
    with pytest.raises(ValueError, match="no idea") as caught:
        validate(meta, games, name="x", game=game)
    assert not isinstance(caught.value, ShardError)
