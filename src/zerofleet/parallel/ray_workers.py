"""The workers of a run on a Ray cluster: `zerofleet train RECIPE --fleet ray`."""

import contextlib
import hashlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from zerofleet.fleet.devices import WorkerPlan
from zerofleet.fleet.group import MakeGroup
from zerofleet.fleet.launcher import Command
from zerofleet.fleet.ray import RayLauncher, cluster_size
from zerofleet.fleet.supervisor import Event, Supervisor
from zerofleet.fleet.vitals import LeaseVitals
from zerofleet.parallel.request import PreparedRun
from zerofleet.roles.config import ConfigError
from zerofleet.roles.game_of_run import game_file_of
from zerofleet.run.layout import worker_log_key
from zerofleet.run.place import Place
from zerofleet.run.ray_store import SCHEME, connect, end_service, start_service
from zerofleet.run.words import counted


@contextlib.contextmanager
def ray_workers(run: PreparedRun, address: str | None) -> Iterator[tuple[PreparedRun, MakeGroup]]:
    """The run with as many workers as are asked for or fit, and the group that plays.

    The actor of the run directory, and a cluster that was started for this run, live as long as
    this context.

    Args:
      address: HOST:PORT of the head (GCS); None: the cluster of this machine, or a new one.

    Raises: ConfigError if the cluster has no room for a worker; StoreError if it cannot be joined,
      or another session trains this directory there.
    """
    request = run.request
    ray = connect(address)
    try:
        head = str(ray.get_runtime_context().gcs_address)
        threads, gpus = request.threads or 1, request.gpus_per_worker
        plan = _plan(ray, head, request.workers, threads, gpus)
        place, actor = request.run_dir, ""
        if place.is_directory:
            actor = f"store-{_token(place)}"
            start_service(ray, actor, place.files)
            place = Place(f"{SCHEME}://{head}/{actor}")
        launcher = RayLauncher(
            ray,
            place,
            threads=threads,
            gpus_per_worker=gpus,
            game_file=game_file_of(run.config),
        )
        commands = [_command(request.run_dir, place, plan, n) for n in range(plan.num_workers)]
        store = request.run_dir.store()

        def group(tell: Callable[[Event], None]) -> Supervisor:
            return Supervisor(launcher, commands, vitals=LeaseVitals(store), on_event=tell)

        try:
            yield replace(run, plan=plan), group
        finally:
            end_service(ray, actor)
    finally:
        ray.shutdown()


def _plan(
    ray: Any, address: str, workers: int | None, threads: int, gpus_per_worker: float
) -> WorkerPlan:
    size = cluster_size(ray)
    room = size.room(threads, gpus_per_worker)
    needs = counted(threads, "processor")
    if gpus_per_worker:  # perhaps a part of one
        needs += f" and {gpus_per_worker:g} GPU{'' if gpus_per_worker == 1 else 's'}"
    if room == 0:
        raise ConfigError(
            f"--fleet: no node of the Ray cluster {address} has {needs} for a worker; its nodes "
            f"have {size}: start more nodes, or ask for fewer --threads or --gpus-per-worker"
        )
    number = workers or room
    reason = f"on the Ray cluster {address}, which has room for {room} of {needs}"
    if number > room:
        reason += f"; {number - room} wait until there is more"
    device = "cuda" if gpus_per_worker else "cpu"
    return WorkerPlan(number, threads, reason, (device,) * number)


def _command(run_dir: Place, place: Place, plan: WorkerPlan, number: int) -> Command:
    name = f"ray-{number}"
    return Command(
        name=name,
        argv=(
            "worker",
            *("--run-dir", str(place)),
            *("--worker-id", name),
            *("--threads", str(plan.num_threads)),
            *("--device", plan.devices[number]),
        ),
        log=run_dir.files / worker_log_key(name),
        env={"PYTHONUNBUFFERED": "1"},
    )


def _token(place: Place) -> str:
    """Names the directory of this host on the cluster."""
    return hashlib.sha256(f"{socket.gethostname()}\0{place.identity}".encode()).hexdigest()[:16]
