"""A run's statistics on Weights & Biases, for those who have an account: `--use-wandb`.

An extra look at `training_stats.json`: whatever happens to it, training goes on. The package is
imported by this file alone and is no dependency of ours.
"""

import json
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zerofleet.monitor.tensorboard import scalars_of
from zerofleet.run.errors import RunError
from zerofleet.run.layout import LOGS, WANDB
from zerofleet.run.place import Place
from zerofleet.run.store import read_or_none

DEFAULT_PROJECT = "zerofleet"
ITERATION = "iteration"
"""The axis of all curves there."""


class WandbError(RunError):
    """It was asked for and cannot be; the message says what to do."""

    exit_status = 2
    """A usage error: starting again does not mend it."""


def import_wandb() -> Any:
    """The package. Raises: WandbError, naming it, where it is not installed."""
    try:
        import wandb  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise WandbError(
            f"--use-wandb needs the package wandb ({error}): pip install wandb, or leave the flag "
            "out: the same curves are in tensorboard/ and `zerofleet status --plot`"
        ) from None
    return wandb


class WandbReport:
    """A role's `report` that sends each loop and passes every event on.

    A run has one id, kept in logs/wandb.json: started again, it goes on there too.
    """

    def __init__(
        self, run_dir: Place | Path, project: str, then: Callable[[Mapping[str, Any]], None]
    ) -> None:
        """Sends nothing before the trainer has started. Raises: WandbError without the package."""
        self._wandb = import_wandb()
        self._place = Place.of(run_dir)
        self._project = project
        self._then = then
        self._run: Any = None

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Passes the event on, then sends it if it is a loop.

        Raises: WandbError if the run cannot be opened there; what fails later is told and ends the
          sending alone.
        """
        self._then(event)
        kind = event.get("kind")
        if kind == "started" and "config" in event:
            self._open(event["config"])
        elif kind == "loop" and self._run is not None:
            entry = event["entry"]
            # Not `step=`, which may only rise: a rated loop comes after those that followed it.
            values = {ITERATION: entry["iteration"], **scalars_of(entry)}
            self._attempt(lambda: self._run.log(values))

    def close(self) -> None:
        """Ends the run there; waits until everything is sent."""
        if self._run is not None:
            self._attempt(self._run.finish)
            self._run = None

    def _open(self, config: Mapping[str, Any]) -> None:
        directory = self._place.files / LOGS
        run_id = self._id()
        try:
            self._run = self._wandb.init(
                project=self._project,
                name=config.get("run_name") or self._place.name,
                id=run_id,
                resume="allow",
                dir=str(directory),
                config=dict(config),
            )
            self._run.define_metric(ITERATION)
            self._run.define_metric("*", step_metric=ITERATION)
        except Exception as error:  # of its own kinds: no account, no network, a wrong project
            raise WandbError(
                f"--use-wandb: the run cannot be opened in project {self._project!r}: {error}; log "
                "in with `wandb login`, or set WANDB_MODE=offline, or leave the flag out"
            ) from error

    def _id(self) -> str:
        store = self._place.store()
        fresh = json.dumps({"id": uuid.uuid4().hex[:16]}).encode()
        store.put_if_absent(WANDB, fresh)
        return str(json.loads(read_or_none(store, WANDB) or fresh)["id"])

    def _attempt(self, send: Callable[[], object]) -> None:
        try:
            send()
        except Exception as error:
            self._run = None
            self._then({"kind": "note", "text": f"nothing more is sent to wandb: {error}"})
