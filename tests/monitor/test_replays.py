"""Games from shards as frames: every position, move and thought is what the rules and files say."""

import numpy as np
import pytest
from game_runs import SPECS, game_run, random_game_records, write_shard

from support import require
from zerofleet import load_game
from zerofleet.monitor.boards import BOARD_GAMES, Board
from zerofleet.monitor.replays import Replays
from zerofleet.records.errors import ShardError
from zerofleet.run.errors import KeyMissingError
from zerofleet.run.layout import CONSUMED, DATA
from zerofleet.run.store import DirectoryStore, move


@pytest.mark.parametrize("name", SPECS)
def test_frames_follow_the_rules(tmp_path, name):
    store = game_run(tmp_path, name, net=False)
    replays = Replays(store)
    (shard,) = replays.list_shards()
    listed = replays.list_games(shard["name"])
    assert listed["has_board"]
    assert [g["number"] for g in listed["games"]] == [100, 101]
    game = load_game(name, **SPECS[name])
    records = random_game_records(game, 2)
    for index in range(2):
        found = replays.replay(shard["name"], index)
        assert found["error"] == ""
        assert found["returns"] == records.returns[index].tolist()
        state = game.initial_state()
        plies = range(records.game_start[index], records.game_start[index + 1])
        played = [int(records.action[p]) for p in plies]
        assert [a for frame in found["frames"] for a in frame["actions"]] == played
        ply = int(records.game_start[index])
        for number, frame in enumerate(found["frames"]):
            for action in frame["actions"]:
                if not state.is_chance:
                    assert frame["move"]["text"] == game.action_to_text(state, action)
                    assert frame["move"]["by"] == state.to_play
                state.apply(action)
                ply += 1
            assert cells_of(game, state) == list(frame["board"])
            if number == len(found["frames"]) - 1:
                break
            assert frame["to_play"] == state.to_play
            value = float(records.search_value[ply])
            assert frame["value"] == (None if np.isnan(value) else pytest.approx(value, abs=1e-4))
            entries = range(records.policy_start[ply], records.policy_start[ply + 1])
            recorded = {int(records.policy_action[e]): records.policy_prob[e] for e in entries}
            shown = {m["action"]: m["policy"] for m in frame["policy"]}
            assert len(shown) == min(32, len(recorded))
            assert all(shown[a] == pytest.approx(recorded[a], abs=1e-3) for a in shown)
            probabilities = list(shown.values())
            assert probabilities == sorted(probabilities, reverse=True)


def cells_of(game, state) -> list:
    """The board from what the rules print, which nothing of the page reads for most games."""
    size = Board(game).num_columns
    if game.name == "chess":
        rows = [line.split()[1:] for line in str(state).splitlines()[:8]]
    elif game.name == "twenty48":
        rows = [line.split() for line in str(state).splitlines()[:size]]
        return [0 if cell == "." else int(cell) for row in rows for cell in row]
    elif game.name == "go":
        planes = state.observation()
        mine, others = ("X", "O") if planes[16].all() else ("O", "X")
        return [
            mine if planes[0].flat[i] else others if planes[1].flat[i] else "."
            for i in range(size * size)
        ]
    else:
        lines = [line for line in str(state).splitlines() if set(line) & set(".XO")]
        rows = [
            [c for c in line.partition("board")[0] if c in ".XO"]
            for line in lines
            if ":" not in line and "to play" not in line and ";" not in line
        ]
        rows = [row for row in rows if len(row) == size]
    return [cell for row in rows for cell in row]


def test_chess_moves_are_seen_where_python_chess_sees_them(tmp_path):
    chess = require("chess")
    replays = Replays(game_run(tmp_path, "chess", net=False))
    found = replays.replay(replays.list_shards()[0]["name"], 0)
    board = chess.Board()
    for before, frame in zip(found["frames"], found["frames"][1:], strict=False):
        move = board.parse_san(frame["move"]["text"])
        for thought in before["policy"]:
            seen = board.parse_san(thought["text"])
            squares = [chess.square_mirror(s) for s in (seen.from_square, seen.to_square)]
            assert [thought["from"], thought["to"]] == squares
        assert frame["move"]["from"] == chess.square_mirror(move.from_square)
        board.push(move)
        pieces = "".join(
            str(board.piece_at(chess.square_mirror(cell)) or ".") for cell in range(64)
        )
        assert frame["board"] == pieces


def test_targets_of_other_games():
    connect_four = load_game("connect_four")
    state = connect_four.initial_state()
    board = Board(connect_four)
    assert board.target(state, 3).cell == 5 * 7 + 3
    state.apply(3)
    assert board.target(state, 3).cell == 4 * 7 + 3
    go = load_game("go", size=5)
    assert Board(go).target(go.initial_state(), 25).cell is None  # a pass
    assert Board(go).target(go.initial_state(), 24).cell == 24


def test_ultimate_shows_small_boards_and_the_active_one():
    game = load_game("ultimate_ttt")
    state = game.parse(
        "XXX....../OO......./........./........./........./........./........./........./"
        "......... O -"
    )
    small, active = Board(game).remark(state).split()
    assert (small, active) == ("X........", "-")


def test_a_game_without_a_board_is_listed_and_not_run(tmp_path):
    """The rules of a file are a program; the page never runs one."""
    store = DirectoryStore(tmp_path)
    game = load_game("tic_tac_toe")
    name = write_shard(store, "my_game.py:Mine", {}, random_game_records(game, 1))
    replays = Replays(store)
    assert not replays.list_games(name)["has_board"]
    with pytest.raises(ValueError, match="no board for my_game"):
        replays.replay(name, 0)
    assert "my_game" not in str(BOARD_GAMES)


def test_an_illegal_game_is_shown_up_to_the_mistake(tmp_path):
    store = DirectoryStore(tmp_path)
    records = random_game_records(load_game("tic_tac_toe"), 1)
    records.action[3] = records.action[0]
    records.policy_action[:3] = 8
    name = write_shard(store, "tic_tac_toe", {}, records)
    found = Replays(store).replay(name, 0)
    assert len(found["frames"]) == 4
    assert found["error"].startswith("ply 4: ")
    records = random_game_records(load_game("tic_tac_toe"), 1)
    name = write_shard(store, "go", {"size": 1000}, records, batch=2)
    with pytest.raises(ValueError, match="size"):
        Replays(store).replay(name, 0)


def test_files_that_are_damaged_gone_or_something_else(tmp_path):
    store = game_run(tmp_path, "tic_tac_toe", net=False)
    store.put(f"{DATA}v0009_w0_0009.npz", b"half a fi")
    store.put(f"{DATA}notes.txt", b"")
    replays = Replays(store)
    assert [s["name"] for s in replays.list_shards()] == ["v0009_w0_0009.npz", "v0001_w0_0001.npz"]
    with pytest.raises(ShardError, match="v0009_w0_0009"):
        replays.list_games("v0009_w0_0009.npz")
    with pytest.raises(KeyMissingError):
        replays.list_games("v0001_w0_0002.npz")
    for name in ("../config.json", "config.json", ""):
        with pytest.raises(ValueError, match="not the name of a shard"):
            replays.list_games(name)
    with pytest.raises(ValueError, match="games 0 to 1; came 2"):
        replays.replay("v0001_w0_0001.npz", 2)
    # Counted while somebody looks at it: it is the same file at another place.
    move(store, f"{CONSUMED}v0001_w0_0001.npz", f"{DATA}v0001_w0_0001.npz")
    assert Replays(store).replay("v0001_w0_0001.npz", 0)["error"] == ""
