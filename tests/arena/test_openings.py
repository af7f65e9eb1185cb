"""Openings are distinct up to symmetry, open, seeded, and enough even in small games."""

import pytest

from zerofleet.arena.openings import OpeningError, folded_key, make_openings
from zerofleet.games import load_game


@pytest.mark.parametrize(
    ("name", "count", "plies"), [("ultimate_ttt", 100, 4), ("connect_four", 100, 4)]
)
def test_openings_are_distinct_positions_up_to_symmetry(name: str, count: int, plies: int) -> None:
    game = load_game(name)
    openings = make_openings(game, count, plies=plies, seed=3)
    states = [o.play(game) for o in openings]
    assert all(len(o.actions) == plies for o in openings)
    assert not any(s.is_terminal for s in states)
    turned = [{s.transformed(k).text() for k in range(game.symmetries)} for s in states]
    for i, images in enumerate(turned):
        assert all(states[j].text() not in images for j in range(i))


def test_folded_key_is_the_same_for_all_images() -> None:
    game = load_game("ultimate_ttt")
    state = make_openings(game, 1, plies=7, seed=1)[0].play(game)
    images = [state.transformed(k) for k in range(game.symmetries)]
    assert len({folded_key(game, s) for s in images}) == 1
    assert len({s.text() for s in images}) == 8
    other = make_openings(game, 1, plies=7, seed=2)[0].play(game)
    assert folded_key(game, other) != folded_key(game, state)


def test_seeded_and_a_longer_list_begins_with_the_shorter() -> None:
    game = load_game("connect_four")
    assert make_openings(game, 40, plies=3, seed=9) == make_openings(game, 40, plies=3, seed=9)
    assert make_openings(game, 40, plies=3, seed=9)[:10] == make_openings(game, 10, plies=3, seed=9)
    assert make_openings(game, 40, plies=3, seed=9) != make_openings(game, 40, plies=3, seed=8)


def test_small_games_fill_up_with_longer_openings() -> None:
    game = load_game("tic_tac_toe")
    openings = make_openings(game, 50, plies=2, seed=0)
    lengths = [len(o.actions) for o in openings]
    # Two plies of tic-tac-toe make 12 positions up to symmetry.
    assert lengths.count(2) == 12
    assert lengths == sorted(lengths)
    assert max(lengths) <= 4


def test_too_few_openings_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(OpeningError, match=r"tic_tac_toe: found \d+ distinct.*needs 5000.*fewer"):
        make_openings(load_game("tic_tac_toe"), 5000, plies=0, seed=0)
