"""Every backend against float32 by torch's own modules, with stated tolerances."""

import contextlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from net_kit import MLP, SMALL, game_of, net_for, real_batch

from support import require, skip_or_fail
from zerofleet.games.evaluation import LeafBatch
from zerofleet.nets import evaluator as module
from zerofleet.nets.backend import BackendError, padded_sizes
from zerofleet.nets.build import build_model
from zerofleet.nets.cuda_backend import CudaBackend
from zerofleet.nets.evaluator import NetEvaluator, has_bfloat16, make_evaluator
from zerofleet.nets.heads import score_value, wdl_value
from zerofleet.nets.model_file import ModelFileError, model_to_safetensors
from zerofleet.nets.openvino_backend import part_rows
from zerofleet.nets.processor import has_int8
from zerofleet.search import Mcts, MctsConfig

# Largest difference of a prior or a value from float32. bfloat16 has 8 bits of mantissa.
TOLERANCE = {
    "torch-f32": 2e-5,
    "openvino-f32": 2e-5,
    "torch-bf16": 0.03,
    "torch-bf16-compiled": 0.03,
    "openvino-bf16": 0.03,
    "openvino-int8": 0.08,
}
GAMES = ["tic_tac_toe", "connect_four", "othello(size=6)", "go(size=7)", "twenty48", "python"]


def evaluator_of(model, backend="torch-f32", max_batch=64, threads=2, **options):
    if backend.startswith("openvino"):
        require("openvino")
    if backend == "openvino-int8" and not has_int8():
        pytest.skip("this processor has no VNNI")
    data = model_to_safetensors(model)
    return make_evaluator(data, backend=backend, max_batch=max_batch, threads=threads, **options)


def float32_answers(model, game: str, batch: LeafBatch) -> tuple[np.ndarray, np.ndarray]:
    """Priors and values straight from torch's modules, bits and softmax by numpy."""
    arch = model.architecture
    planes = batch.planes
    if game != "python":
        bits = np.unpackbits(planes, axis=2, bitorder="little")[:, :, : arch.num_cells]
        planes = bits.reshape(len(batch), arch.num_planes, arch.rows, arch.cols)
    scalars = torch.from_numpy(batch.scalars)
    with torch.inference_mode():
        policy, value = model(torch.from_numpy(planes.astype(np.float32)), scalars)
        if arch.value_head == "wdl":
            values = wdl_value(value)
        else:
            base = -1.0 if arch.score_base_scalar is None else scalars[:, arch.score_base_scalar]
            values = score_value(value, base)
    priors = [
        policy[row, batch.legal_action[first:end].tolist()].softmax(0).numpy()
        for row, (first, end) in enumerate(
            zip(batch.legal_start, batch.legal_start[1:], strict=False)
        )
    ]
    return np.concatenate(priors), values.numpy()


def check_close(found, expected: tuple[np.ndarray, np.ndarray], tolerance: float) -> None:
    np.testing.assert_allclose(found.prior, expected[0], rtol=0, atol=tolerance)
    np.testing.assert_allclose(found.value, expected[1], rtol=0, atol=tolerance)
    assert expected[1].std() > 0.01 or len(expected[1]) == 1  # values that differ by row


@pytest.mark.parametrize("config", [SMALL, MLP], ids=["resnet", "mlp"])
@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("backend", [b for b in TOLERANCE if not b.endswith("compiled")])
def test_backends_agree_with_float32(backend, game, config):
    model = net_for(game, config)
    evaluator = evaluator_of(model, backend)
    assert evaluator.backend == backend
    batch = real_batch(game, 40)
    found = evaluator(batch)
    check_close(found, float32_answers(model, game, batch), TOLERANCE[backend])
    if model.architecture.value_head == "wdl":
        np.testing.assert_allclose(found.wdl.sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_allclose(found.wdl[:, 0] - found.wdl[:, 2], found.value, atol=1e-6)
    else:
        assert found.wdl is None


@pytest.mark.long  # it is never chosen by itself, and compiles for as long as ten other tests take
def test_the_compiled_backend_agrees_with_float32():
    model = net_for("tic_tac_toe", MLP)
    batch = real_batch("tic_tac_toe", 10)
    try:
        evaluator = evaluator_of(model, "torch-bf16-compiled", max_batch=10)
    except BackendError as error:
        skip_or_fail(str(error))
    assert evaluator.backend == "torch-bf16-compiled"
    expected = float32_answers(model, "tic_tac_toe", batch)
    check_close(evaluator(batch), expected, TOLERANCE["torch-bf16-compiled"])
    other = net_for("tic_tac_toe", MLP, seed=2)
    evaluator.load(model_to_safetensors(other))
    expected = float32_answers(other, "tic_tac_toe", batch)
    check_close(evaluator(batch), expected, TOLERANCE["torch-bf16-compiled"])


@pytest.mark.parametrize("game", ["go(size=7)", "twenty48", "python"])
def test_the_device_path_agrees_with_float32(game):
    """What a GPU does, expansion and choice of legal logits included, on the processor."""
    from zerofleet import _core

    model = net_for(game)
    sizes = padded_sizes(16)
    codec = _core.NetCodec(model.architecture.num_cells, model.scalar_repeat)
    backend = CudaBackend(model, sizes, device="cpu", dtype=torch.float32)
    evaluator = NetEvaluator(model, backend, codec, sizes)
    batch = real_batch(game, 40)
    check_close(evaluator(batch), float32_answers(model, game, batch), 2e-5)
    other = net_for(game, seed=2)
    evaluator.load(model_to_safetensors(other))
    check_close(evaluator(batch), float32_answers(other, game, batch), 2e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU on this machine")
@pytest.mark.parametrize("game", ["go(size=7)", "twenty48", "python"])
def test_cuda_agrees_with_float32(game):
    model = net_for(game)
    evaluator = make_evaluator(model_to_safetensors(model), device="cuda", max_batch=64)
    assert evaluator.backend == "cuda-bf16"
    batch = real_batch(game, 100)
    check_close(evaluator(batch), float32_answers(model, game, batch), 0.03)
    other = net_for(game, seed=2)
    evaluator.load(model_to_safetensors(other))
    check_close(evaluator(batch), float32_answers(other, game, batch), 0.03)


@pytest.mark.parametrize("backend", [b for b in TOLERANCE if not b.endswith("compiled")])
def test_a_row_is_answered_the_same_whatever_is_in_its_batch(backend):
    """Bit for bit: alone, in any place, in any company, by any number of threads."""
    model = net_for("go(size=7)")
    batch = real_batch("go(size=7)", 150)
    found = set()
    for threads in (1, 5, 2):  # torch's number is one for the process: the last one stays
        evaluator = evaluator_of(model, backend, max_batch=130, threads=threads)
        everything = evaluator(batch)
        found.add(everything.prior.tobytes())
    assert len(found) == 1
    rng = np.random.default_rng(2)
    for count in (1, 3, 16, 17, 64, 65, 149):
        rows = rng.permutation(150)[:count]
        part = evaluator(rows_of(batch, rows))
        assert part.value.tobytes() == everything.value[rows].tobytes()
        assert part.wdl.tobytes() == everything.wdl[rows].tobytes()
        expected = [everything.prior[batch.legal_start[r] : batch.legal_start[r + 1]] for r in rows]
        assert part.prior.tobytes() == np.concatenate(expected).tobytes()


def rows_of(batch: LeafBatch, rows: np.ndarray) -> LeafBatch:
    legal = [batch.legal_action[batch.legal_start[r] : batch.legal_start[r + 1]] for r in rows]
    start = np.cumsum([0, *map(len, legal)]).astype(np.int64)
    return LeafBatch(batch.planes[rows], batch.scalars[rows], start, np.concatenate(legal))


def test_batches_are_cut_into_parts_of_64_rows_or_more():
    found = {
        (size, threads): part_rows(size, threads)
        for size in (1, 16, 64, 112, 256, 1008)
        for threads in (1, 2, 8, 100)
    }
    assert found == {
        (1, 1): 1, (1, 2): 1, (1, 8): 1, (1, 100): 1,
        (16, 1): 16, (16, 2): 16, (16, 8): 16, (16, 100): 16,
        (64, 1): 64, (64, 2): 64, (64, 8): 64, (64, 100): 64,
        (112, 1): 112, (112, 2): 112, (112, 8): 112, (112, 100): 112,
        (256, 1): 256, (256, 2): 64, (256, 8): 64, (256, 100): 64,
        (1008, 1): 1008, (1008, 2): 256, (1008, 8): 64, (1008, 100): 64,
    }  # fmt: skip


def cores_of_threads() -> list[set[int]]:
    """Where each thread of this process may run."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
            found.append(os.sched_getaffinity(int(task.name)))
    return found


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are read from /proc")
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core: nothing to be bound to")
def test_no_thread_is_bound_to_a_core():
    """Libraries bind threads to the first cores, in every process: workers would share one core."""
    evaluator = evaluator_of(net_for("tic_tac_toe"), "openvino-f32", threads=2)
    evaluator(real_batch("tic_tac_toe", 60))
    here = os.sched_getaffinity(0)
    assert [cores for cores in cores_of_threads() if cores != here] == []


def test_sizes_are_few_and_end_at_the_largest():
    assert padded_sizes(1024) == (4, 16, 64, 256, 1024)
    assert padded_sizes(100) == (8, 32, 112)
    assert padded_sizes(1) == (1,)
    assert padded_sizes(15) == (15,)


class OddSizes:
    """A backend whose sums depend on the size of the batch, or on the place in it."""

    name = "odd"

    def __init__(self, arch, odd_size: int = 0, by_place: bool = False) -> None:
        self.arch, self.odd_size, self.by_place = arch, odd_size, by_place
        self.seen: list[tuple[int, int]] = []

    def load(self, model) -> None:
        raise NotImplementedError

    def logits(self, batch, size):
        from zerofleet.nets.backend import Logits

        self.seen.append((len(batch), size))
        policy = np.zeros((len(batch), self.arch.num_actions), np.float32)
        policy[:, 0] = batch.planes.sum(axis=(1, 2)) / 1000 + (size == self.odd_size) * 1e-4
        if self.by_place:
            policy[:, 0] += np.arange(len(batch))
        return Logits(policy, np.zeros((len(batch), 3), np.float32))


def odd_evaluator(**options):
    from zerofleet import _core

    model = net_for("go(size=7)")
    backend = OddSizes(model.architecture, **options)
    return NetEvaluator(model, backend, _core.NetCodec(49, 49), padded_sizes(64)), backend


def test_sizes_that_answer_differently_are_not_used():
    evaluator, backend = odd_evaluator(odd_size=16)
    assert evaluator.sizes == (4, 64)
    backend.seen.clear()
    evaluator(real_batch("go(size=7)", 5))
    evaluator(real_batch("go(size=7)", 130))
    assert backend.seen == [(5, 64), (64, 64), (64, 64), (2, 4)]
    with pytest.raises(BackendError, match="odd: answers depend on a row's place"):
        odd_evaluator(by_place=True)


def test_no_rows_have_no_answers():
    evaluator = evaluator_of(net_for("tic_tac_toe"))
    empty = LeafBatch(
        np.zeros((0, 2, 2), np.uint8),
        np.zeros((0, 0), np.float32),
        np.zeros(1, np.int64),
        np.zeros(0, np.int32),
    )
    found = evaluator(empty)
    assert (len(found.prior), len(found.value)) == (0, 0)


def test_a_batch_of_another_game_is_told():
    evaluator = evaluator_of(net_for("tic_tac_toe"))
    with pytest.raises(ValueError, match=r"planes \(3, 2, 6\).*net of tic_tac_toe expects \(3, 2,"):
        evaluator(real_batch("connect_four", 3))


@pytest.mark.parametrize("backend", ["torch-f32", "torch-bf16", "openvino-f32", "openvino-int8"])
def test_another_version_is_loaded(backend):
    first, second = net_for("go(size=7)", seed=1), net_for("go(size=7)", seed=2)
    batch = real_batch("go(size=7)", 20)
    evaluator = evaluator_of(first, backend)
    before = evaluator(batch)
    evaluator.load(model_to_safetensors(second))
    expected = evaluator_of(second, backend)(batch)
    assert evaluator(batch).prior.tobytes() == expected.prior.tobytes() != before.prior.tobytes()
    with pytest.raises(ModelFileError, match=r"9.safetensors: the net is a .*expected another ver"):
        evaluator.load(model_to_safetensors(net_for("go(size=7)", MLP)), source="9.safetensors")
    assert evaluator(batch).prior.tobytes() == expected.prior.tobytes()


def test_openvino_traces_a_net_once(monkeypatch):
    """Torch keeps every trace for ever; workers load thousands of versions."""
    traces, trace = [], torch.jit.trace
    monkeypatch.setattr(torch.jit, "trace", lambda *a, **k: traces.append(a) or trace(*a, **k))
    for config in (SMALL, MLP):
        traces.clear()
        evaluator = evaluator_of(net_for("go(size=7)", config), "openvino-f32")
        for seed in (2, 3):
            evaluator.load(model_to_safetensors(net_for("go(size=7)", config, seed=seed)))
        assert len(traces) == 1


def test_auto_says_what_it_chose_and_why(monkeypatch):
    data = model_to_safetensors(net_for("tic_tac_toe", MLP))
    chosen = make_evaluator(data, max_batch=4)
    assert chosen.backend.endswith("bf16" if has_bfloat16() else "f32")
    assert "bfloat16" in chosen.reason

    monkeypatch.setattr(module, "has_bfloat16", lambda: False)
    assert make_evaluator(data, max_batch=4).backend.endswith("f32")

    monkeypatch.setattr(module, "has_bfloat16", lambda: True)
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)  # as if not installed
    fallback = make_evaluator(data, max_batch=4)
    assert fallback.backend == "torch-bf16"
    assert "pip install 'zerofleet[cpu]'" in fallback.reason
    with pytest.raises(BackendError, match="OpenVINO is not installed"):
        make_evaluator(data, backend="openvino-f32", max_batch=4)


def test_backends_that_cannot_be_used_are_told():
    data = model_to_safetensors(net_for("tic_tac_toe", MLP))
    with pytest.raises(ValueError, match="unknown backend 'fast'; expected one of auto, openvino"):
        make_evaluator(data, backend="fast")
    with pytest.raises(ValueError, match="cuda-bf16 does not compute on device 'cpu'"):
        make_evaluator(data, backend="cuda-bf16")
    with pytest.raises(ValueError, match="max_batch and threads must be at least 1"):
        make_evaluator(data, max_batch=0)
    if not torch.cuda.is_available():
        with pytest.raises(BackendError, match="device cuda:1: torch finds no GPU here"):
            make_evaluator(data, device="cuda:1")


def test_a_search_runs_on_a_net():
    """The same search as with float32 by torch, and its priors are the net's."""
    game = game_of("connect_four")
    model = net_for("connect_four")
    config = MctsConfig(num_simulations=50, gumbel_scale=0, full_search_probability=1)
    search = Mcts(game, config, evaluator_of(model), seed=1)
    found = search.search(game.initial_state())
    expected = float32_answers(model, "connect_four", real_batch_of_start(game))
    np.testing.assert_allclose(found.prior, expected[0], atol=2e-5)
    assert found.net_value == pytest.approx(expected[1][0], abs=2e-5)


def real_batch_of_start(game) -> LeafBatch:
    from net_kit import batch_of

    return batch_of(game, [game.initial_state()])


def test_a_net_that_is_no_number_ends_the_search():
    game = game_of("connect_four")
    evaluator = evaluator_of(net_for("connect_four"))
    broken = build_model(evaluator.architecture)
    with torch.no_grad():
        broken.value.out.bias[0] = float("nan")
    evaluator._backend.load(broken)
    with pytest.raises(RuntimeError, match="evaluat"):
        Mcts(game, MctsConfig(num_simulations=5), evaluator).search(game.initial_state())
