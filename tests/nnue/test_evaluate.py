"""The core equals the numpy twin, bit for bit, at every SIMD level."""

import numpy as np
import pytest
from extreme_file import saturated
from nnue_positions import GAMES, random_positions
from nnue_twin import evaluate

from zerofleet import _core

# A, H1, H2, B: the defaults, the smallest, and sizes that need padding.
SHAPES = [(256, 32, 32, 4), (32, 4, 4, 1), (96, 36, 20, 7), (512, 16, 128, 2)]


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("simd", _core.simd_levels())
def test_every_level_equals_the_twin_on_ten_thousand_positions(game: str, simd: str) -> None:
    network = _core.NnueNetwork.random(game, seed=1, simd=simd)
    packed = random_positions(game, 10_000)
    found = network.evaluate(game, packed)
    np.testing.assert_array_equal(found, evaluate(network.to_bytes(), game, packed))
    assert found.std() > 100  # the random net is not a constant, so equality means something


@pytest.mark.parametrize("shape", SHAPES[1:])
@pytest.mark.parametrize("simd", _core.simd_levels())
def test_other_sizes_equal_the_twin(shape: tuple[int, int, int, int], simd: str) -> None:
    packed = random_positions("ultimate_ttt", 10_000)[:2000]
    network = _core.NnueNetwork.random("ultimate_ttt", *shape, seed=2, simd=simd)
    expected = evaluate(network.to_bytes(), "ultimate_ttt", packed)
    np.testing.assert_array_equal(network.evaluate("ultimate_ttt", packed), expected)


def test_evaluations_beyond_the_bound_are_clipped() -> None:
    packed = random_positions("ultimate_ttt", 2_000)
    for sign in (-1, 1):
        data = saturated("ultimate_ttt", sign)
        for simd in _core.simd_levels():
            found = _core.NnueNetwork(data, simd).evaluate("ultimate_ttt", packed)
            np.testing.assert_array_equal(found, evaluate(data, "ultimate_ttt", packed))
            assert np.abs(found).max() == _core.MAX_EVAL


def test_the_answer_does_not_depend_on_threads() -> None:
    network = _core.NnueNetwork.random("ultimate_ttt", seed=3)
    packed = random_positions("ultimate_ttt", 10_000)
    one, three = (network.evaluate("ultimate_ttt", packed, threads=t) for t in (1, 3))
    np.testing.assert_array_equal(one, three)


def test_no_positions_give_no_evaluations() -> None:
    network = _core.NnueNetwork.random("tic_tac_toe")
    assert network.evaluate("tic_tac_toe", np.zeros((0, 5), np.uint8)).shape == (0,)


def test_a_network_of_another_game_is_refused() -> None:
    network = _core.NnueNetwork.random("connect_four")
    with pytest.raises(ValueError, match=r'connect_four/1.*needs "ultimate_ttt/1"'):
        network.evaluate("ultimate_ttt", random_positions("ultimate_ttt", 10_000)[:1])


def test_rows_that_are_no_positions_are_named() -> None:
    network = _core.NnueNetwork.random("ultimate_ttt")
    packed = random_positions("ultimate_ttt", 10_000)[:5].copy()
    packed[3, 22] = 77
    with pytest.raises(ValueError, match=r"row 3: .*77"):
        network.evaluate("ultimate_ttt", packed)
    with pytest.raises(ValueError, match="24 bytes, got rows of 5"):
        network.evaluate("ultimate_ttt", np.zeros((1, 5), np.uint8))


def test_unknown_simd_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="expected auto, scalar, avx2 or avx512"):
        _core.NnueNetwork.random("tic_tac_toe", simd="avx9")
    assert _core.simd_levels()[0] == "scalar"
    assert _core.NnueNetwork.random("tic_tac_toe").simd == _core.simd_levels()[-1]


def test_the_benchmark_reports_every_rate() -> None:
    rates = _core.benchmark_nnue("tic_tac_toe", "scalar", seconds=0.001)
    assert list(rates) == ["refresh", "update", "evaluate", "game", "siblings"]
    assert min(rates.values()) > 0
