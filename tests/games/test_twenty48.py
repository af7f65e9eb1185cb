"""2048 beyond what OpenSpiel's board can hold, its scores and its sizes."""

import numpy as np
import pytest

from zerofleet import load_game


def slide(line: list[int]) -> list[int]:
    """Towards the front, by the rules as people say them."""
    tiles = [tile for tile in line if tile]
    done = []
    while tiles:
        tile = tiles.pop(0)
        if tiles and tiles[0] == tile:
            tile += tiles.pop(0)
        done.append(tile)
    return done + [0] * (len(line) - len(done))


def rows_of(text: str) -> list[list[int]]:
    rows = text.partition(" score")[0].split("/")
    return [[0 if tile == "." else int(tile) for tile in row.split(" ")] for row in rows]


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_the_board_is_seen_as_planes_of_its_size(size: int) -> None:
    """Plane i has the tiles 2^(i + 1); as many planes as there may be different tiles."""
    game = load_game("twenty48") if size == 4 else load_game("twenty48", size=size)
    assert game.observation_shape == (size * size + 1, size, size)
    state = game.initial_state()
    for _ in range(60):
        if state.is_terminal:
            break
        rows = rows_of(state.text())
        planes = state.observation()
        for row in range(size):
            for col in range(size):
                tile = rows[row][col]
                expected = [tile == 2 << plane for plane in range(len(planes))]
                assert planes[:, row, col].tolist() == expected
        state.apply(state.legal_actions()[0])


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_slides_equal_a_twin(size: int) -> None:
    import random

    rng, game = random.Random(size), load_game("twenty48", size=size)
    for _ in range(5):
        state = game.initial_state()
        while not state.is_terminal:
            before = state.copy()
            action = rng.choice(state.legal_actions())
            state.apply(action)
            if before.is_chance:
                continue
            rows = rows_of(before.text())
            if action in (0, 2):
                rows = [list(column) for column in zip(*rows, strict=True)]
            if action in (1, 2):
                rows = [row[::-1] for row in rows]
            rows = [slide(row) for row in rows]
            if action in (1, 2):
                rows = [row[::-1] for row in rows]
            if action in (0, 2):
                rows = [list(column) for column in zip(*rows, strict=True)]
            assert rows == rows_of(state.text()), (before.text(), action)


def test_tiles_beyond_what_fits_in_four_bits() -> None:
    game = load_game("twenty48")
    # (e - 1) 2^e for each tile, all of twos.
    text = "32768 32768 . ./65536 . . 65536/. . . ./2 . . . score 2883584 spawns 0"
    state = game.parse(text)
    assert state.legal_actions() == [0, 1, 2, 3]
    state.apply(3)
    assert state.text() == "65536 . . ./131072 . . ./. . . ./2 . . . score 3080192 spawns 1"
    state.apply(game.action_from_text(state, "b1=4"))
    assert game.action_to_text(state, 0) == "up"
    assert state.legal_actions() == [0, 1, 2]  # the 2 goes up or down, the 4 right or down
    assert state.observation()[16].sum() == 1


def test_tiles_that_no_game_reaches_are_refused() -> None:
    """From the largest sum there is no merge beyond the largest tile; from more there would be."""
    game = load_game("twenty48", size=2)
    most = game.parse("32 16/8 4 score 196 spawns 0")
    assert most.is_terminal
    assert game.unpack(most.pack()) == most
    with pytest.raises(ValueError, match="tiles with the sum 128, which no game reaches"):
        game.parse("32 32/32 32 score 512 spawns 0")
    with pytest.raises(ValueError, match="tiles with the sum 64, which no game reaches"):
        game.unpack(np.array([5, 4, 3, 3, 0, 0, 0, 0, 0], np.uint8))


def test_scores_that_tiles_cannot_have_are_refused() -> None:
    game = load_game("twenty48", size=2)
    for score in (-4, 2, 8, -(2**63)):
        with pytest.raises(ValueError, match="a score that these tiles cannot have"):
            game.parse(f"4 2/. . score {score} spawns 0")


def test_score_is_the_sum_of_merges() -> None:
    game = load_game("twenty48", size=2)
    state = game.initial_state()
    for word in ("a1=2", "b1=2", "left", "b2=4", "up"):
        state.apply(game.action_from_text(state, word))
    assert state.text() == "4 4/. . score 4 spawns 1"
    state.apply(game.action_from_text(state, "a2=2"))
    state.apply(game.action_from_text(state, "right"))
    assert " score 12 " in state.text()


def test_search_value_rises_from_minus_one_to_one() -> None:
    game = load_game("twenty48")
    values = [game.search_value(score) for score in (0, 100, 2000, 20_000, 200_000, 400_000)]
    assert values[0] == -1
    assert values[-1] == 1
    assert values == sorted(set(values))
    assert game.search_value(1e7) == 1


def test_chance_nodes_refuse_players_moves() -> None:
    game = load_game("twenty48")
    state = game.initial_state()
    assert (state.is_chance, state.to_play) == (True, -1)
    assert sum(p for _, p in state.chance_outcomes()) == pytest.approx(1)
    with pytest.raises(ValueError, match=r"outcome 32 \(expected 0..31\) is not legal"):
        state.apply(32)
    with pytest.raises(ValueError, match="expected a cell and its new tile such as"):
        game.action_from_text(state, "up")
    state.apply(0)
    state.apply(3)
    with pytest.raises(ValueError, match="nature does not move in"):
        state.chance_outcomes()
    with pytest.raises(ValueError, match=r"action 3 \(left\) is not legal"):
        state.apply(3)
