"""What the fleet of a run is to be: the fleet file, and what commands changed since.

`fleet/plan.json` of the run directory. Commands and `zerofleet.fleet.Fleet` write it, the main node
(`ssh_fleet.py`) follows it. Nothing of an environment is in it: the fleet file is read again where
it lies, since it may hold secrets.
"""

import uuid
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from zerofleet.fleet.spec import FleetError, FleetSpec, WorkerSpec, load_fleet
from zerofleet.run.documents import check_format, decode_object, encode
from zerofleet.run.errors import DamagedError
from zerofleet.run.layout import FLEET_PLAN
from zerofleet.run.store import Store, read_or_none

FORMAT = 1


@dataclass(frozen=True)
class Plan:
    """The document; immutable, written whole."""

    id: str = ""
    """Of this run's fleet: a directory on a host belongs to one run."""
    file: str = ""
    """Absolute path of the fleet file, or of a recipe with a `distributed:` part."""
    reload: int = 0
    """Rises when the file is to be read again."""
    is_down: bool = False
    """Workers are to be stopped."""
    added: tuple[dict[str, Any], ...] = ()
    """Entries of workers that a command added."""
    removed: tuple[str, ...] = ()
    """Names of workers of the file that a command removed."""
    restarts: dict[str, int] = field(default_factory=dict)
    """Rises for a worker that is to be started again."""

    @staticmethod
    def new() -> "Plan":
        """That of a run without a fleet."""
        return Plan(id=uuid.uuid4().hex)

    def spec(self, base: FleetSpec) -> FleetSpec:
        """The fleet: what the file says with the changes."""
        added = tuple(WorkerSpec.model_validate(entry) for entry in self.added)
        names = {worker.name for worker in added}
        kept = [w for w in base.workers if w.name not in self.removed and w.name not in names]
        return base.model_copy(update={"workers": (*kept, *added)})


def read_plan(store: Store) -> Plan | None:
    """The plan; None if this run has no fleet. DamagedError if it is something else."""
    data = read_or_none(store, FLEET_PLAN)
    if data is None:
        return None
    document = decode_object(data, FLEET_PLAN)
    check_format(document, FLEET_PLAN, FORMAT)
    try:
        return Plan(
            id=str(document["id"]),
            file=str(document["file"]),
            reload=int(document["reload"]),
            is_down=bool(document["is_down"]),
            added=tuple(dict(entry) for entry in document["added"]),
            removed=tuple(map(str, document["removed"])),
            restarts={str(k): int(v) for k, v in document["restarts"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedError(f"{FLEET_PLAN}: not a plan of a fleet: {error!r}") from error


def write_plan(store: Store, plan: Plan) -> None:
    """Replaces the plan."""
    store.put(FLEET_PLAN, encode({"format": FORMAT, **asdict(plan)}))


def begin_plan(store: Store, file: Path | None) -> Plan:
    """The plan of a fleet that comes up, with this file or the one it had."""
    old = read_plan(store) or Plan.new()
    path = old.file if file is None else str(file.absolute())
    plan = replace(old, file=path, reload=old.reload + 1, is_down=False)
    write_plan(store, plan)
    return plan


def load_planned(plan: Plan) -> FleetSpec:
    """The fleet as it is to be. Raises FleetError that names every mistake of the file."""
    base = load_fleet(Path(plan.file)) if plan.file else FleetSpec()
    try:
        return plan.spec(base)
    except ValidationError as error:
        raise FleetError(f"{FLEET_PLAN}: {error}") from None
