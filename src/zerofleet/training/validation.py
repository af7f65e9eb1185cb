"""Measures the net, exactly as it will be exported, on positions it does not learn from."""

import numpy as np
import numpy.typing as npt
import torch

from zerofleet import _core
from zerofleet.nets.nnue import NnueModel
from zerofleet.nets.nnue_file import EVAL_PER_LOGIT
from zerofleet.replay.window import Window
from zerofleet.training.loss import win_probability_loss, win_probability_target

MAX_POSITIONS = 16_384
"""The newest so many; the loss of 16,384 positions is known to about one percent."""


class ValidationSet:
    """Encoded positions and their targets; made once per loop."""

    def __init__(self, window: Window, *, lambda_search: float) -> None:
        """Takes the newest validation positions of the window."""
        self._fill(window, window.validation_rows, lambda_search)

    @classmethod
    def of_rows(
        cls, window: Window, rows: npt.NDArray[np.int64], lambda_search: float
    ) -> "ValidationSet":
        """Takes the newest of other rows."""
        made = cls.__new__(cls)
        made._fill(window, rows, lambda_search)
        return made

    def _fill(self, window: Window, rows: npt.NDArray[np.int64], lambda_search: float) -> None:
        rows = rows[-MAX_POSITIONS:]
        self._packed_NK, _, self._bucket_N = _core.encode_features(
            window.game, window.packed[rows], None, window.num_buckets
        )
        self._target_N = win_probability_target(
            window.search_value[rows], window.result[rows], lambda_search=lambda_search
        )

    def __len__(self) -> int:
        return len(self._target_N)

    def evaluations(self, model: NnueModel) -> npt.NDArray[np.float32]:
        """Returns the integer evaluations, as f32 [N], mover's view, 512 to a logit."""
        return model.evaluate(self._packed_NK, self._bucket_N) * np.float32(EVAL_PER_LOGIT)

    def loss(self, model: NnueModel, *, power: float) -> float:
        """Returns the mean loss. Raises: ValueError if there are no positions."""
        if not len(self):
            raise ValueError("no positions are kept for validation")
        logits = torch.from_numpy(model.evaluate(self._packed_NK, self._bucket_N))
        return win_probability_loss(logits, torch.from_numpy(self._target_N), power=power).item()
