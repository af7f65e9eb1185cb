"""A fleet from Python: looks at it and changes it while it trains.

Changes are written into the plan of the run, which its main node (`zerofleet train --fleet`,
`zerofleet fleet up`) follows within a second; without one they hold from its next start on.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from zerofleet.fleet.plan import Plan, load_planned, read_plan, write_plan
from zerofleet.fleet.spec import FleetError, FleetSpec, WorkerSpec, load_fleet, nearest
from zerofleet.fleet.status import FleetStatus, collect
from zerofleet.run.errors import RunError
from zerofleet.run.layout import FLEET_LEASE, check_worker_id
from zerofleet.run.lease import LeaseWatch, configured_dead_after, read_lease
from zerofleet.run.place import check_run_directory
from zerofleet.run.store import DirectoryStore


class Fleet:
    """The fleet of a run directory. Making one changes nothing and connects to nobody."""

    def __init__(self, run_dir: str | Path) -> None:
        self._run_dir = Path(run_dir)
        self._store = DirectoryStore(self._run_dir)
        self._watch = LeaseWatch()

    def status(self) -> FleetStatus:
        """The run now: trainer, workers with their labels, figures; `to_json()` has it all.

        Keep the object between calls: it is what tells a dead worker from a live one.
        """
        self._watch.dead_after_seconds = self.dead_after_seconds
        return collect(self._store, self._watch)

    @property
    def is_up(self) -> bool:
        """A main node follows the plan."""
        lease = read_lease(self._store, FLEET_LEASE)
        return lease is not None and self._watch.observe(FLEET_LEASE, lease)

    @property
    def dead_after_seconds(self) -> float:
        """A main node that is silent for so long is dead."""
        return configured_dead_after(self._store)

    @property
    def is_given_back(self) -> bool:
        """No main node is left, and the last one has ended by itself."""
        lease = read_lease(self._store, FLEET_LEASE)
        return lease is None or bool(lease["state"] == "stopped")

    def spec(self) -> FleetSpec:
        """What the fleet is to be. Raises FleetError for a file that cannot be used."""
        return load_planned(self._plan())

    def worker(self, name: str) -> WorkerSpec:
        """An entry. Raises FleetError that names the nearest one."""
        workers = {worker.name: worker for worker in self.spec().workers}
        if name not in workers:
            known = ", ".join(workers) or "none"
            raise FleetError(
                f"this fleet has no worker {name!r}{nearest(name, list(workers))}; it has: {known}"
            )
        return workers[name]

    def add_worker(self, host: str, user: str | None = None, **entry: Any) -> str:
        """A worker joins the run.

        Args:
          host, user: as in the fleet file.
          entry: the other keys of `WorkerSpec`: name, port, key_path, gpu_id, python, workdir ...
        Returns: its name; worker<N> if none is given.
        Raises: FleetError for what the fleet file would not take either.
        """
        plan = self._plan(begin=True)
        given = {key: value for key, value in entry.items() if value is not None}
        if given.get("env"):
            raise FleetError("env: goes into the fleet file; the run keeps no such values")
        workers = load_planned(plan).workers
        taken = {worker.name for worker in workers}
        name = str(given.get("name") or _free_name(taken | set(plan.removed)))
        if name in taken:
            raise FleetError(f"there is a worker {name!r} already; give this one another name")
        if given.get("key_path"):
            given["key_path"] = str(Path(given["key_path"]).expanduser().absolute())
        document = {"host": host, "user": user, **given, "name": name}
        try:
            spec = WorkerSpec.model_validate(document)
            spec = FleetSpec.model_validate({"workers": [*workers, spec]}).workers[-1]
        except ValidationError as error:
            lines = [
                f"{'.'.join(map(str, e['loc']))}: {str(e['msg']).removeprefix('Value error, ')}"
                for e in error.errors()
            ]
            raise FleetError("\n".join(lines)) from None
        added = spec.model_dump(mode="json", exclude_defaults=True)
        write_plan(self._store, replace(plan, added=(*plan.added, added)))
        return name

    def remove(self, name: str) -> None:
        """A worker leaves the run: it is stopped, its last games are fetched."""
        self.worker(name)
        plan = self._plan()
        added = tuple(entry for entry in plan.added if entry.get("name") != name)
        in_file = plan.file and name in {w.name for w in load_fleet(Path(plan.file)).workers}
        removed = (*plan.removed, name) if in_file else plan.removed
        write_plan(self._store, replace(plan, added=added, removed=removed))

    def restart(self, name: str) -> None:
        """Starts a worker again, and tries a parked one again; the others are not touched."""
        self.worker(name)
        plan = self._plan()
        restarts = {**plan.restarts, name: plan.restarts.get(name, 0) + 1}
        write_plan(self._store, replace(plan, restarts=restarts))

    def reload(self, file: str | Path | None = None) -> list[str]:
        """Reads the fleet file again, or another one; workers that are the same play on.

        Returns: a line for each change.
        Raises: FleetError for a file that cannot be used; then nothing changes.
        """
        plan = self._plan(begin=file is not None)
        path = str(Path(file).absolute()) if file is not None else plan.file
        if not path:
            raise FleetError(
                "this fleet has no file; name one: zerofleet fleet reload --fleet FILE"
            )
        new = load_fleet(Path(path))
        in_file = {worker.name for worker in new.workers}
        removed = tuple(name for name in plan.removed if name in in_file)
        plan = replace(plan, file=path, reload=plan.reload + 1, removed=removed)
        lines = [f"{name} stays removed: zerofleet fleet add brings it back" for name in removed]
        before = {name: role.state for name, role in self._known().items()}
        after = {worker.name for worker in plan.spec(new).workers}
        lines += [f"{name} joins" for name in sorted(after - set(before))]
        lines += [f"{name} leaves" for name in sorted(set(before) - after)]
        write_plan(self._store, plan)
        return lines

    def down(self) -> None:
        """Asks the main node to stop all workers."""
        write_plan(self._store, replace(self._plan(), is_down=True))

    def _known(self) -> dict[str, Any]:
        return {w.name: w for w in self.status().workers if w.link is not None}

    def _plan(self, *, begin: bool = False) -> Plan:
        plan = read_plan(self._store)
        if plan is None and begin:
            check_run_directory(self._run_dir)
            plan = Plan.new()
        if plan is None:
            raise RunError(
                f"{self._run_dir}: this run has no fleet; zerofleet fleet up --fleet FILE "
                f"--run-dir {self._run_dir}"
            )
        return plan


def _free_name(taken: set[str]) -> str:
    number = 1
    while f"worker{number}" in taken:
        number += 1
    return check_worker_id(f"worker{number}")
