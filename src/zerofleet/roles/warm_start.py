"""--checkpoint: a new run begins with the net, optimizer and counters of another one.

Read are the trainer's own state (`checkpoints/model_epoch_50.pth`, `learner.pt` of a commit) and,
for weights alone, models (`model.pt`, `.safetensors`, `.nnue`). All of them are plain tensors:
opening one runs no code.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from zerofleet.games.registry import load_game
from zerofleet.nets import model_file
from zerofleet.nets.architecture import ArchitectureError, NetArchitecture
from zerofleet.nets.export import load_model
from zerofleet.nets.features import feature_set_of_game
from zerofleet.nets.nnue_file import NnueArchitecture, NnueFileError
from zerofleet.nets.tensor_file import TensorFileError, tensors_of_formats
from zerofleet.roles.config import AlphaBetaRunConfig, ConfigError, RunConfig, TreeSearchRunConfig
from zerofleet.training import checkpoint, policy_value_checkpoint
from zerofleet.training.learner import Learner
from zerofleet.training.played_net import FORMATS, NNUE_FORMATS
from zerofleet.training.policy_value import PolicyValueLearner


@dataclass(frozen=True)
class WarmStart:
    """What a new run begins with; made by `read_warm_start`, which has checked it."""

    source: str
    """The file, for people."""
    num_loops: int
    """Loops that were trained before; those of the new run are counted on from here."""
    learner: bytes | None
    """The whole state of a trainer; None if the file has weights alone."""
    weights: dict[str, Tensor]
    """Without a learner's state: the weights."""

    def __str__(self) -> str:
        if self.learner is None:
            return f"begins with the weights of {self.source}; it has no optimizer and no counters"
        return f"goes on from loop {self.num_loops} of {self.source}"

    def restore(self, learner: Learner | PolicyValueLearner, *, seed: int) -> None:
        """Puts it into the learner of the new run, whose random numbers are its own."""
        if isinstance(learner, PolicyValueLearner):
            if self.learner is None:
                learner.model.load_state_dict(self.weights)
                learner.average.model.load_state_dict(self.weights)
            else:
                policy_value_checkpoint.restore_policy_value_learner(
                    learner, self.learner, source=self.source
                )
            learner.num_samples = 0  # this run's samples allow this run's steps
            learner.gradients.micro_batch = 0  # this device may have more memory
        elif self.learner is None:
            learner.model.load_weights(self.weights)
        else:
            checkpoint.restore_learner(learner, self.learner, source=self.source)
        learner.seed = seed


def read_warm_start(path: Path, config: RunConfig) -> WarmStart:
    """Reads and checks a file for a run of this configuration.

    Raises: ConfigError if there is no such file, if it is nothing of ours, or if its net is not the
      one of the configuration: then it says which settings make it so.
    """
    source = f"--checkpoint {path}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{source}: {(error.strerror or str(error)).lower()}") from None
    try:
        if path.suffix == ".safetensors":
            return _of_safetensors(data, source, config)
        if path.suffix == ".nnue":
            return _of_nnue(path, source, config)
        content = tensors_of_formats(data, FORMATS, source=source)
    except (TensorFileError, model_file.ModelFileError, NnueFileError) as error:
        raise ConfigError(str(error)) from None
    _check(_architecture(content, source), source, config)
    if content["format"] in (checkpoint.FORMAT, policy_value_checkpoint.FORMAT):
        return WarmStart(source, int(content.get("num_loops", 0)), data, {})
    return WarmStart(source, 0, None, content["state"])


def _of_safetensors(data: bytes, source: str, config: RunConfig) -> WarmStart:
    model = model_file.model_from_safetensors(data, source)
    _check(model.architecture, source, config)
    return WarmStart(source, 0, None, model.state_dict())


def _of_nnue(path: Path, source: str, config: RunConfig) -> WarmStart:
    model = load_model(path)
    _check(model.architecture, source, config)
    return WarmStart(source, 0, None, dict(model.named_parameters()))


def _architecture(content: dict[str, Any], source: str) -> NetArchitecture | NnueArchitecture:
    try:
        if content["format"] in NNUE_FORMATS:
            return NnueArchitecture(**content["architecture"])
        return NetArchitecture.from_json(content["architecture"], source=source)
    except (ArchitectureError, KeyError, TypeError) as error:
        raise ConfigError(f"{source}: no architecture of a net: {error}") from None


def _check(found: NetArchitecture | NnueArchitecture, source: str, config: RunConfig) -> None:
    """Raises ConfigError unless it is the net of the configuration."""
    expected: NetArchitecture | NnueArchitecture
    if isinstance(config, AlphaBetaRunConfig):
        expected = NnueArchitecture.of(feature_set_of_game(config.game.spec), config.net)
    else:
        assert isinstance(config, TreeSearchRunConfig)
        expected = NetArchitecture.of(load_game(config.game.spec), config.net)
    if found == expected:
        return
    hint = ""
    if isinstance(found, NetArchitecture) and found.game == config.game.spec:
        own = config.net.model_dump()
        settings = [
            f"--set net.{key}={value}"
            for key, value in found.net.model_dump().items()
            if own.get(key) != value
        ]
        hint = f"; {' '.join(settings)} makes them alike" if settings else ""
    raise ConfigError(f"{source}: its net is a {found}; this run's is a {expected}{hint}")
