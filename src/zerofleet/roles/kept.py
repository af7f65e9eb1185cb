"""Copies of the trainer's state under names that people know: checkpoints/model_epoch_50.pth.

They derive from the commit and are redone at start like everything that does. The bytes are those
of the committed learner; `--checkpoint` reads them (warm_start.py), a restart does not.
"""

from zerofleet.roles.config import ConfigError, RunConfig, TreeSearchRunConfig
from zerofleet.run.store import Store, read_or_none


def kept_names(config: RunConfig, iteration: int, *, is_last: bool) -> list[str]:
    """Keys under which the state after this loop is kept; often none.

    Raises: ConfigError if a name wants what this kind of net does not have.
    """
    training = config.training
    names = []
    interval = training.checkpoint_interval
    if interval and iteration and iteration % interval == 0:
        names.append(_filled("checkpoint_name", training.checkpoint_name, config, iteration))
    if training.final_name and is_last:
        names.append(_filled("final_name", training.final_name, config, iteration))
    return names


def check_kept_names(config: RunConfig) -> None:
    """Raises ConfigError unless every name that will be needed can be made."""
    interval = max(1, config.training.checkpoint_interval)
    kept_names(config, interval, is_last=True)


def keep(store: Store, names: list[str], learner: bytes) -> None:
    """Writes the copies, those that are not there already."""
    for name in names:
        if read_or_none(store, name) != learner:
            store.put(name, learner)


def weights_name(config: TreeSearchRunConfig) -> str:
    """The weight file for people, in the directory of a job that trains on given games."""
    return f"{config.net.file_name()}_distributed.pt"


def _filled(key: str, name: str, config: RunConfig, iteration: int) -> str:
    values = {"iteration": iteration}
    for size in ("blocks", "filters"):
        if hasattr(config.net, f"num_{size}"):
            values[size] = getattr(config.net, f"num_{size}")
    try:
        return name.format(**values)
    except KeyError as missing:
        raise ConfigError(
            f"training.{key} {name!r}: {{{missing.args[0]}}} is a size of nets with blocks; the "
            f"net of this run is of kind {config.net.kind}"
        ) from None
