"""The whole state of a learner of policy and value as bytes (see checkpoint.py)."""

import logging
from typing import Any

from torch import Tensor, nn

from zerofleet.nets.tensor_file import TensorFileError, tensors_from_bytes, tensors_to_bytes
from zerofleet.training.errors import CheckpointError
from zerofleet.training.policy_value import PolicyValueLearner

log = logging.getLogger(__name__)

FORMAT = "zerofleet-policy-value-learner"
VERSION = 1


def policy_value_learner_to_bytes(learner: PolicyValueLearner) -> bytes:
    """Returns model, average, optimizer and counters. Random numbers derive from (seed, iteration)
    and need no state."""
    return tensors_to_bytes(
        {
            "architecture": learner.model.architecture.to_json(),
            "model": _tensors(learner.model),
            "average": _tensors(learner.average.model),
            "num_updates": learner.average.num_updates,
            "optimizer_name": learner.config.optimizer,
            "optimizer": learner.optimizer.state_dict()["state"],
            "num_steps": learner.num_steps,
            "num_loops": learner.num_loops,
            "num_samples": learner.num_samples,
            "seed": learner.seed,
            "scaler": learner.gradients.scaler.state_dict(),
            "micro_batch": learner.gradients.micro_batch,
        },
        format_name=FORMAT,
        version=VERSION,
    )


def restore_policy_value_learner(
    learner: PolicyValueLearner, data: bytes, *, source: str = "checkpoint"
) -> None:
    """Puts a saved state into a learner of the same architecture.

    Its configuration stays the learner's own: a restart may change the learning rate, say. Another
    optimizer starts with no memory of the steps so far, which is logged.
    Raises: CheckpointError, and then the learner is unchanged.
    """
    try:
        content = tensors_from_bytes(data, format_name=FORMAT, version=VERSION, source=source)
    except TensorFileError as error:
        raise CheckpointError(str(error)) from None
    architecture = learner.model.architecture.to_json()
    if content["architecture"] != architecture:
        raise CheckpointError(
            f"{source}: the net is {content['architecture']}, expected {architecture}"
        )
    for name, model in (("model", learner.model), ("average", learner.average.model)):
        expected, found = _shapes(_tensors(model)), _shapes(content[name])
        if found != expected:
            raise CheckpointError(f"{source}: weights {found}, expected {expected}")
    optimizer = learner.optimizer.state_dict()
    if content["optimizer_name"] == learner.config.optimizer:
        optimizer["state"] = content["optimizer"]
    else:
        optimizer["state"] = {}
        log.warning(
            "%s was written by %s; training goes on with %s, which begins anew",
            source,
            content["optimizer_name"],
            learner.config.optimizer,
        )
    learner.model.load_state_dict(content["model"])
    learner.average.model.load_state_dict(content["average"])
    learner.average.num_updates = int(content["num_updates"])
    learner.optimizer.load_state_dict(optimizer)
    learner.num_steps = int(content["num_steps"])
    learner.num_loops = int(content.get("num_loops", 0))
    drawn = content.get("num_samples", learner.num_steps * learner.config.batch_size)
    learner.num_samples = int(drawn)
    learner.seed = int(content["seed"])
    # Files from before there were these two have neither.
    if content.get("scaler") and learner.gradients.scaler.is_enabled():
        learner.gradients.scaler.load_state_dict(content["scaler"])
    learner.gradients.micro_batch = int(content.get("micro_batch", 0))


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}


def _shapes(tensors: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}
