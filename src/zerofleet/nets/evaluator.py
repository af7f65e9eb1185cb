"""Batches of leaves to a net and back: the evaluator of tree search (docs/nets.md).

A backend computes logits of padded batches; bits, priors and values are the core's. A row's answer
never depends on what else is in its batch: sizes whose answers differ in a bit are not used.
"""

from typing import Any, Literal, get_args

import numpy as np

from zerofleet import _core
from zerofleet.games.evaluation import Evaluation, LeafBatch
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.backend import Backend, BackendError, padded_sizes
from zerofleet.nets.build import Net
from zerofleet.nets.config import Precision
from zerofleet.nets.heads import score_centres
from zerofleet.nets.model_file import ModelFileError, model_from_safetensors
from zerofleet.nets.processor import has_bfloat16, has_int8

BackendName = Literal[
    "auto",
    "openvino-bf16",
    "openvino-f32",
    "openvino-int8",
    "torch-bf16",
    "torch-bf16-compiled",
    "torch-f32",
    "cuda-bf16",
]

_NUM_PROBES = 32


class NetEvaluator:
    """An `Evaluator` of one net. Made by `make_evaluator`; one call at a time."""

    def __init__(
        self, model: Net, backend: Backend, codec: _core.NetCodec, sizes: tuple[int, ...]
    ) -> None:
        self.architecture = model.architecture
        self.reason = ""
        """Why this backend and no other, for the log."""
        self._backend = backend
        self._codec = codec
        self._centres = score_centres(model.architecture.num_values)
        self.sizes = self._equal_sizes(sizes)
        """Numbers of rows that batches are padded to, rising."""

    @property
    def backend(self) -> str:
        """What computes the net: "openvino-bf16"."""
        return self._backend.name

    def load(self, data: bytes, *, source: str = "model") -> None:
        """Goes on with another version of the net; the codes of most backends are kept.

        Raises: ModelFileError if the file is damaged or holds another architecture.
        """
        model = model_from_safetensors(data, source)
        if model.architecture != self.architecture:
            raise ModelFileError(
                f"{source}: the net is a {model.architecture}; expected another version of the "
                f"{self.architecture}"
            )
        self._backend.load(model)

    def __call__(self, batch: LeafBatch, /) -> Evaluation:
        """Evaluates all rows; batches above the largest size are split.

        Raises: ValueError if the arrays are not those of this net's game.
        """
        self._check(batch)
        most = self.sizes[-1]
        if len(batch) <= most:
            return self._evaluate(batch)
        parts = [
            self._evaluate(_rows(batch, first, first + most))
            for first in range(0, len(batch), most)
        ]
        wdl = [part.wdl for part in parts if part.wdl is not None]
        return Evaluation(
            np.concatenate([part.prior for part in parts]),
            np.concatenate([part.value for part in parts]),
            np.concatenate(wdl) if wdl else None,
        )

    def _check(self, batch: LeafBatch) -> None:
        arch = self.architecture
        cells: tuple[int, ...] = ((arch.num_cells + 7) // 8,)
        if arch.real_planes:
            cells = (arch.rows, arch.cols)
        found = batch.planes.shape, batch.scalars.shape
        expected = (len(batch), arch.num_planes, *cells), (len(batch), arch.num_scalars)
        if found != expected:
            raise ValueError(
                f"batch: planes {found[0]} and scalars {found[1]}; the net of {arch.game} expects "
                f"{expected[0]} and {expected[1]}"
            )

    def _evaluate(self, batch: LeafBatch) -> Evaluation:
        if len(batch) == 0:
            return Evaluation(np.zeros(0, np.float32), np.zeros(0, np.float32))
        size = next(size for size in self.sizes if size >= len(batch))
        return self._answer(batch, size)

    def _answer(self, batch: LeafBatch, size: int) -> Evaluation:
        logits = self._backend.logits(batch, size)
        if logits.policy.ndim == 2:
            prior = self._codec.priors(logits.policy, batch.legal_start, batch.legal_action)
        else:
            prior = self._codec.gathered_priors(
                logits.policy,
                self.architecture.num_actions,
                batch.legal_start,
                batch.legal_action,
            )
        if self.architecture.value_head == "wdl":
            value, wdl = self._codec.wdl_values(logits.value)
            return Evaluation(prior, value, wdl)
        column = self.architecture.score_base_scalar
        if column is None:
            base = np.full(len(batch), -1.0, np.float32)
        else:
            base = np.ascontiguousarray(batch.scalars[:, column])
        return Evaluation(prior, self._codec.score_values(logits.value, self._centres, base))

    def _equal_sizes(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """Those of the sizes at which rows get bit for bit the answers of the largest.

        Libraries choose kernels by the size. The same rows, first in a small batch and last in the
        largest, show whether that changes their sums.
        """
        most = sizes[-1]

        def answers(size: int, offset: int, rows: int) -> bytes:
            batch = _probes(self.architecture, offset, rows)
            found = self._answer(batch, size)
            wdl = b"" if found.wdl is None else found.wdl[offset:].tobytes()
            prior = found.prior[batch.legal_start[offset] :]
            return prior.tobytes() + found.value[offset:].tobytes() + wdl

        def is_equal(size: int) -> bool:
            rows = min(_NUM_PROBES, size)
            return answers(size, 0, rows) == answers(most, most - rows, rows)

        equal = tuple(size for size in sizes if is_equal(size))
        if most not in equal:
            raise BackendError(
                f"{self.backend}: answers depend on a row's place in its batch here; use another "
                "backend"
            )
        return equal


def make_evaluator(
    data: bytes,
    *,
    device: str = "cpu",
    backend: BackendName = "auto",
    precision: Precision = "auto",
    threads: int = 1,
    max_batch: int = 1024,
    source: str = "model",
) -> NetEvaluator:
    """Returns the evaluator of a model file.

    Args:
      data: the whole `.safetensors` file.
      device: "cpu", "cuda" or "cuda:N".
      backend: auto: on a GPU cuda-bf16. On a processor with bfloat16 openvino-bf16 if OpenVINO is
        installed and supports the net, else torch-bf16; without bfloat16 openvino-f32, else
        torch-f32. Games depend on it, so it is named in logs and shards.
      precision: for `auto` on a processor. bf16 and f32: by OpenVINO, else by torch; int8:
        openvino-int8 or an error, but as `auto` where the processor has no VNNI.
      threads: of a processor backend and of what the core does around it.
      max_batch: rows computed at once; other batches are padded to this or to a fourth of it, a
        sixteenth, ..., or split.
      source: name of the file, for messages.
    Raises: ModelFileError if the file cannot be used; BackendError if the backend cannot be used
      here or with this net; ValueError for a name that is none.
    """
    if max_batch < 1 or threads < 1:
        raise ValueError(f"max_batch and threads must be at least 1, got {max_batch} and {threads}")
    model = model_from_safetensors(data, source)
    sizes = padded_sizes(max_batch)
    codec = _core.NetCodec(model.architecture.num_cells, model.scalar_repeat, threads)
    tried: list[str] = []
    for name, reason in _candidates(backend, device, precision):
        try:
            made = _make_backend(name, model, codec, sizes, device, threads)
            evaluator = NetEvaluator(model, made, codec, sizes)
        except BackendError as error:
            if backend != "auto" or name == "openvino-int8":
                raise
            tried.append(str(error))
            continue
        evaluator.reason = "; ".join([reason, *tried])
        return evaluator
    raise BackendError(f"no backend can compute the net: {'; '.join(tried)}")


def _candidates(backend: str, device: str, precision: str) -> list[tuple[str, str]]:
    """Backends to try, best first, each with the reason for it."""
    if precision not in get_args(Precision):
        known = ", ".join(get_args(Precision))
        raise ValueError(f"unknown precision {precision!r}; expected one of {known}")
    if backend != "auto":
        if backend not in get_args(BackendName):
            known = ", ".join(get_args(BackendName))
            raise ValueError(f"unknown backend {backend!r}; expected one of {known}")
        if (device != "cpu") != backend.startswith("cuda"):
            raise ValueError(f"backend {backend} does not compute on device {device!r}")
        return [(backend, "asked for")]
    if device != "cpu":
        return [("cuda-bf16", f"the device is {device}")]
    if precision in ("bf16", "f32"):
        return [(f"{family}-{precision}", "asked for") for family in ("openvino", "torch")]
    if precision == "int8" and has_int8():
        return [("openvino-int8", "asked for")]
    if has_bfloat16():
        reason = "the processor has bfloat16"
        chosen = "bf16"
    else:
        reason = "the processor has no bfloat16"
        chosen = "f32"
    if precision == "int8":
        reason = f"int8 was asked for, but the processor has no VNNI; {reason}"
    return [(f"{family}-{chosen}", reason) for family in ("openvino", "torch")]


def _make_backend(
    name: str,
    model: Net,
    codec: _core.NetCodec,
    sizes: tuple[int, ...],
    device: str,
    threads: int,
) -> Backend:
    # Imported here: a worker loads only what its backend needs.
    family, precision, *rest = name.split("-")
    if family == "openvino":
        from zerofleet.nets.openvino_backend import OpenVinoBackend

        return OpenVinoBackend(model, codec, sizes, precision=precision, threads=threads)
    import torch

    if family == "cuda":
        from zerofleet.nets.cuda_backend import CudaBackend

        if not torch.cuda.is_available():
            raise BackendError(f"device {device}: torch finds no GPU here; use --device cpu")
        return CudaBackend(model, sizes, device=device)
    from zerofleet.nets.torch_backend import TorchBackend

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    return TorchBackend(
        model, codec, sizes, dtype=dtype, compiled=rest == ["compiled"], threads=threads
    )


def _rows(batch: LeafBatch, first: int, end: int) -> LeafBatch:
    start = batch.legal_start[first : end + 1]
    return LeafBatch(
        batch.planes[first:end],
        batch.scalars[first:end],
        start - start[0],
        batch.legal_action[start[0] : start[-1]],
    )


def _probes(arch: NetArchitecture, offset: int, rows: int) -> LeafBatch:
    """`offset` rows of zeros, then `rows` random ones, always the same; some actions are legal."""
    rng = np.random.default_rng(1)
    total = offset + rows
    planes: np.ndarray[Any, Any]
    if arch.real_planes:
        planes = np.zeros((total, arch.num_planes, arch.rows, arch.cols), np.float32)
        planes[offset:] = rng.standard_normal((rows, *planes.shape[1:]))
    else:
        planes = np.zeros((total, arch.num_planes, (arch.num_cells + 7) // 8), np.uint8)
        planes[offset:] = rng.integers(0, 256, (rows, *planes.shape[1:]))
    scalars = np.zeros((total, arch.num_scalars), np.float32)
    scalars[offset:] = rng.random((rows, arch.num_scalars))
    legal = np.arange(0, arch.num_actions, 1 + arch.num_actions // 100, dtype=np.int32)
    start = np.arange(total + 1, dtype=np.int64) * len(legal)
    return LeafBatch(planes, scalars, start, np.tile(legal, total))
