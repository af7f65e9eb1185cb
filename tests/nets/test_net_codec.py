"""The core's ends of an evaluator against numpy."""

import itertools
import subprocess
import sys

import numpy as np
import pytest

from support import PATIENCE
from zerofleet import _core
from zerofleet.nets.heads import score_centres

RNG = np.random.default_rng(1)


def csr(rows: int, actions: int) -> tuple[np.ndarray, np.ndarray]:
    """Random legal actions, in no order, at least one a row."""
    lists = [RNG.permutation(actions)[: RNG.integers(1, actions + 1)] for _ in range(rows)]
    start = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    return start, np.concatenate(lists).astype(np.int32)


def masked_softmax(logits: np.ndarray, start: np.ndarray, action: np.ndarray) -> np.ndarray:
    out = []
    for row, (first, end) in enumerate(itertools.pairwise(start)):
        x = logits[row, action[first:end]].astype(np.float64)
        x = np.exp(x - x.max())
        out.append(x / x.sum())
    return np.concatenate(out)


@pytest.mark.parametrize("cells", [1, 7, 8, 9, 42, 64, 81])
@pytest.mark.parametrize("threads", [1, 3])
def test_bits_become_numbers(cells, threads):
    rows, planes, scalars = 70, 3, 2
    bits = RNG.integers(0, 2, (rows, planes, cells), np.uint8)
    numbers = RNG.random((rows, scalars), np.float32)
    packed = np.packbits(bits, axis=2, bitorder="little")
    for repeat in (1, cells):
        out = np.full((rows + 5, planes * cells + scalars * repeat), 9, np.float32)
        _core.NetCodec(cells, repeat, threads).encode(packed, numbers, out)
        expected = np.hstack([bits.reshape(rows, -1), np.repeat(numbers, repeat, axis=1)])
        np.testing.assert_array_equal(out[:rows], expected.astype(np.float32))
        assert (out[rows:] == 9).all()


def test_real_planes_are_copied():
    planes = RNG.standard_normal((4, 3, 2, 5)).astype(np.float32)
    out = np.zeros((4, 40), np.float32)
    _core.NetCodec(10, 10).encode(planes, np.ones((4, 1), np.float32), out)
    np.testing.assert_array_equal(out, np.hstack([planes.reshape(4, -1), np.ones((4, 10))]))


@pytest.mark.parametrize("threads", [1, 3])
def test_priors_are_the_softmax_over_legal_actions(threads):
    codec = _core.NetCodec(9, 9, threads)
    logits = (10 * RNG.standard_normal((200, 82))).astype(np.float32)
    start, action = csr(200, 82)
    prior = codec.priors(logits, start, action)
    # Logits up to 40 apart are subtracted in float32: 4e-6 of rounding before the exponential.
    np.testing.assert_allclose(prior, masked_softmax(logits, start, action), rtol=1e-5)
    np.testing.assert_allclose(np.add.reduceat(prior, start[:-1]), 1, rtol=1e-6)
    rows = np.repeat(np.arange(200), np.diff(start))
    gathered = codec.gathered_priors(logits[rows, action], 82, start, action)
    assert gathered.tobytes() == prior.tobytes()


def test_probabilities_stay_probabilities_at_the_ends():
    codec = _core.NetCodec(9, 9)
    logits = np.array([[0, -1e30, 1e30], [-200, -100, 0], [5, 5, 5]], np.float32)
    start, action = np.array([0, 3, 6, 7]), np.array([0, 1, 2, 0, 1, 2, 1], np.int32)
    prior = codec.priors(logits, start, action)
    np.testing.assert_allclose(prior, [0, 0, 1, 0, 0, 1, 1], atol=1e-37)


def test_what_is_no_number_stays_none():
    """The search refuses it: a net that diverged must not look like one that knows nothing."""
    codec = _core.NetCodec(9, 9)
    logits = np.array([[0, np.nan, 1]], np.float32)
    everything = np.array([0, 3]), np.array([0, 1, 2], np.int32)
    assert np.isnan(codec.priors(logits, *everything)).any()
    assert np.isnan(codec.wdl_values(logits)[0]).all()
    assert np.isnan(codec.score_values(logits, score_centres(3), np.zeros(1, np.float32))).all()
    logits[0, 1] = np.inf
    assert np.isnan(codec.priors(logits, *everything)).any()


def test_values_of_both_heads():
    codec = _core.NetCodec(9, 9, 2)
    logits = (3 * RNG.standard_normal((100, 3))).astype(np.float32)
    p = np.exp(logits.astype(np.float64))
    p /= p.sum(axis=1, keepdims=True)
    value, wdl = codec.wdl_values(logits)
    np.testing.assert_allclose(wdl, p, rtol=3e-6)
    np.testing.assert_allclose(value, p[:, 0] - p[:, 2], atol=1e-6)

    logits = (3 * RNG.standard_normal((100, 32))).astype(np.float32)
    base = RNG.uniform(-1, 1, 100).astype(np.float32)
    p = np.exp(logits.astype(np.float64))
    p /= p.sum(axis=1, keepdims=True)
    expected = np.clip(base + p @ score_centres(32), -1, 1)
    assert (expected == 1).any()
    assert (expected < 1).any()
    found = codec.score_values(logits, score_centres(32), base)
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_wrong_arrays_are_told():
    codec = _core.NetCodec(9, 9)
    planes, none = np.zeros((2, 3, 2), np.uint8), np.zeros((2, 0), np.float32)
    with pytest.raises(ValueError, match="expected 2 bytes a plane, got 1"):
        codec.encode(planes[:, :, :1].copy(), none, np.zeros((2, 27), np.float32))
    with pytest.raises(ValueError, match=r"expected \[2 or more, 27\]"):
        codec.encode(planes, none, np.zeros((1, 27), np.float32))
    with pytest.raises(ValueError, match=r"expected \[2 or more, 27\]"):
        codec.encode(planes, none, np.zeros((2, 26), np.float32))
    logits = np.zeros((2, 9), np.float32)
    for start in ([0, 1], [0, 2, 1], [0, 0, 2], [1, 1, 1]):
        with pytest.raises(ValueError, match="legal_start: expected 3 numbers that rise"):
            codec.priors(logits, np.array(start), np.zeros(1, np.int32))
    for action in (-1, 9):
        with pytest.raises(ValueError, match=rf"legal_action: {action} in row 1; expected 0\.\.8"):
            codec.priors(logits, np.array([0, 1, 2]), np.array([0, action], np.int32))
    with pytest.raises(ValueError, match="expected win, draw and loss, got 9"):
        codec.wdl_values(logits)
    with pytest.raises(ValueError, match="a centre for each of 9 bins"):
        codec.score_values(logits, np.zeros(8, np.float32), np.zeros(2, np.float32))
    with pytest.raises(ValueError, match="a centre for each of 0 bins, one or more"):
        codec.score_values(none, np.zeros(0, np.float32), np.zeros(2, np.float32))
    with pytest.raises(
        ValueError, match="legal_start: expected a number for each row and one more"
    ):
        codec.gathered_priors(none[0], 9, np.zeros(0, np.int64), np.zeros(0, np.int32))


WITHOUT_THREADS = """
import resource
from pathlib import Path

import numpy as np

from zerofleet import _core, load_game

game = load_game("tic_tac_toe")
states, seeds = [game.initial_state()] * 300, np.arange(300, dtype=np.uint64)
pages = int(Path("/proc/self/statm").read_text().split()[0])
room = pages * resource.getpagesize() + (100 << 20)  # for the stacks of few of 300 threads
resource.setrlimit(resource.RLIMIT_AS, (room, room))
for call in (
    lambda: _core.NetCodec(9, 9, 300),
    lambda: _core.choose_uct(game, states, seeds, num_simulations=1, threads=300),
):
    try:
        call()
        raise SystemExit("the threads were there")
    except (RuntimeError, MemoryError) as error:
        print(type(error).__name__)
"""


def test_threads_that_cannot_be_had_are_an_error():
    """And not a wait without end for those that have started."""
    command = [sys.executable, "-c", WITHOUT_THREADS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.split()) == 2
