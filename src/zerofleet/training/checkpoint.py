"""The learner's whole state as bytes: what a restarted trainer goes on from.

The trainer commits these bytes with the ledger (run/commit.py); this file only makes and reads
them. They hold plain tensors and numbers and are opened with `weights_only=True`.
"""

from dataclasses import asdict

from zerofleet.nets.nnue_file import NnueArchitecture
from zerofleet.nets.tensor_file import TensorFileError, tensors_from_bytes, tensors_to_bytes
from zerofleet.training.errors import CheckpointError
from zerofleet.training.learner import Learner

FORMAT = "zerofleet-learner"
VERSION = 1


def learner_to_bytes(learner: Learner) -> bytes:
    """Returns model, optimizer and counters. Random numbers derive from (seed, iteration, epoch)
    and need no state."""
    return tensors_to_bytes(
        {
            "architecture": asdict(learner.model.architecture),
            "model": {k: v.detach().cpu() for k, v in learner.model.named_parameters()},
            "optimizer": learner.optimizer.state_dict()["state"],
            "num_steps": learner.num_steps,
            "num_loops": learner.num_loops,
            "seed": learner.seed,
        },
        format_name=FORMAT,
        version=VERSION,
    )


def restore_learner(learner: Learner, data: bytes, *, source: str = "checkpoint") -> None:
    """Puts a saved state into a learner of the same architecture.

    Its configuration stays the learner's own: a restart may change the learning rate, say.
    Raises: CheckpointError, and then the learner is unchanged.
    """
    try:
        content = tensors_from_bytes(data, format_name=FORMAT, version=VERSION, source=source)
    except TensorFileError as error:
        raise CheckpointError(str(error)) from None
    architecture = learner.model.architecture
    saved = NnueArchitecture(**content["architecture"])
    if saved != architecture:
        raise CheckpointError(f"{source}: the net is {saved}, expected {architecture}")
    optimizer = learner.optimizer.state_dict()
    optimizer["state"] = content["optimizer"]
    expected = {k: tuple(v.shape) for k, v in learner.model.named_parameters()}
    found = {k: tuple(v.shape) for k, v in content["model"].items()}
    if found != expected:
        raise CheckpointError(f"{source}: weights {found}, expected {expected}")
    learner.model.load_weights(content["model"])
    learner.optimizer.load_state_dict(optimizer)
    learner.num_steps = int(content["num_steps"])
    learner.num_loops = int(content.get("num_loops", 0))
    learner.seed = int(content["seed"])
