"""A fleet file beside a recipe: which keys of the run it sets, and who plays."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from zerofleet.fleet.group import JoinedGroup, MakeGroup, WorkerGroup
from zerofleet.fleet.plan import begin_plan
from zerofleet.fleet.spec import FleetError, FleetSpec, load_fleet
from zerofleet.fleet.supervisor import Event
from zerofleet.roles.config import RunConfig, recipe_path
from zerofleet.roles.game_of_run import game_file_of
from zerofleet.run.place import Place
from zerofleet.run.store import DirectoryStore


class FleetWarning(UserWarning):
    """A part of a fleet file that changes nothing in this run."""


def fleet_of(recipe: str, file: str | None) -> tuple[Path, FleetSpec] | None:
    """The fleet file to use and what is in it; None: no other host takes part.

    Args:
      recipe: whose `distributed:` part is taken, if it has one and it is enabled.
      file: a fleet file, which goes before it; one that is not enabled means here alone.
    Raises: FleetError.
    """
    path = recipe_path(recipe) if file is None else Path(file)
    if path is None or (file is None and not _has_fleet(path)):
        return None
    spec = load_fleet(path)
    return (path, spec) if spec.enabled else None


def _has_fleet(recipe: Path) -> bool:
    """What else is wrong with the file is told by who reads the recipe."""
    try:
        tree = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False
    return isinstance(tree, dict) and "distributed" in tree


def fleet_keys(spec: FleetSpec, num_local: int = 0) -> dict[str, Any]:
    """Dotted keys of the run's configuration that a fleet file sets; docs/fleet.md has the table.

    Args:
      num_local: workers of this host that play as well.
    """
    play = spec.self_play
    keys: dict[str, Any] = {
        "selfplay.games_per_batch": spec.batch_size,
        "fleet.games_between_looks": spec.sync_interval,
        "selfplay.num_parallel_games": play.parallel_games,
    }
    if play.games_per_worker is not None:
        workers = len(spec.workers) + num_local
        keys["pacing.games_per_iteration"] = play.games_per_worker * max(1, workers)
    if play.batch_size is not None:
        if play.parallel_games is None:
            raise FleetError(
                f"self_play.batch_size: {play.batch_size} leaves are those of all games of a "
                "batch; set self_play.parallel_games as well"
            )
        keys["search.leaves_per_round"] = max(1, play.batch_size // play.parallel_games)
    return {key: value for key, value in keys.items() if value is not None}


def warn_of_weights(spec: FleetSpec, config: RunConfig) -> None:
    """Weights mean shares, and there are none where workers play on."""
    weighted = any(spec.weight_of(worker) != 1.0 for worker in spec.workers)
    if weighted and not config.pacing.games_per_iteration:
        warnings.warn(
            "weights of workers have no effect in this run, whose workers play on by themselves; "
            "give it games to deal: --games-per-iteration N",
            FleetWarning,
            stacklevel=3,
        )


def fleet_group(
    place: Place, file: Path, config: RunConfig, local: MakeGroup | None = None
) -> MakeGroup:
    """Makes the group of the fleet's workers, and those of `local` beside them.

    Raises: FleetError for a run in object storage.
    """
    if not place.is_directory:
        raise FleetError(
            f"{place}: a fleet over SSH needs a run directory here; hosts that reach the bucket "
            f"take part by themselves: zerofleet worker --shared-dir {place}"
        )

    def make(on_event: Callable[[Event], None]) -> WorkerGroup:
        from zerofleet.fleet.ssh_fleet import SshFleet

        begin_plan(DirectoryStore(place.files), file)
        fleet = SshFleet(place.files, on_event=on_event, game_file=game_file_of(config))
        return fleet if local is None else JoinedGroup([fleet, local(on_event)])

    return make
