"""`zerofleet fleet`: workers on other hosts, over SSH."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.console import Console

from zerofleet.cli.options import AsJson, Count, Flag, NumThreads, OptionalRunDir
from zerofleet.cli.plain import plain_lines
from zerofleet.fleet.supervisor import Event, stop_signals
from zerofleet.run.words import counted

if TYPE_CHECKING:
    from zerofleet.fleet.control import Fleet
    from zerofleet.run.store import DirectoryStore

DOWN_SECONDS = 120.0
GRACE_SECONDS = 30.0

app = App(name="fleet", help="Start, watch and change workers on other hosts, over SSH.")

FleetFile = Annotated[
    Path | None,
    Parameter(name=["--fleet"], help="The fleet file; or a recipe with a distributed: part."),
]


@app.command
def up(
    *,
    fleet: FleetFile = None,
    run_dir: OptionalRunDir = None,
    install: Flag = False,
    wheelhouse: Path | None = None,
    extras: str = "",
) -> int:
    """Start the workers of a fleet and look after them, until the run ends or Ctrl-C.

    Workers that play already are found and not started twice. This is for a run whose trainer is
    started by another command, on several GPUs for instance; `zerofleet train --fleet` does both.

    For example:

        zerofleet fleet up --fleet fleet.yaml --run-dir runs/go7

        zerofleet fleet up --run-dir runs/go7

        zerofleet fleet up --install --wheelhouse wheels --extras cpu --run-dir runs/go7

    Parameters
    ----------
    install
        Install zerofleet with pip on hosts that have none or another version, into the Python of
        their entry; a virtual environment that is not there is made.
    wheelhouse
        Directory of wheels to send and install from, for hosts without an index.
    extras
        Extras to install: cpu, train, or both with a comma.
    run_dir
        The run directory (default: the only one in runs/ that has a fleet).
    """
    from zerofleet.fleet.install import Installer
    from zerofleet.fleet.plan import begin_plan, read_plan
    from zerofleet.fleet.spec import FleetError, load_fleet
    from zerofleet.fleet.ssh_fleet import SshFleet
    from zerofleet.run.lease import LeaseHeldError, LeaseLostError
    from zerofleet.run.stop import stop_requested
    from zerofleet.run.store import DirectoryStore

    if not install and (wheelhouse or extras):
        raise FleetError("--wheelhouse and --extras have no meaning without --install")
    installer = Installer(wheelhouse=wheelhouse, extras=extras) if install else None
    run_dir = _run_dir(run_dir)
    if fleet is not None:
        load_fleet(fleet)
    store = DirectoryStore(run_dir)
    plan = read_plan(store)
    if fleet is not None or plan is not None:
        begin_plan(store, fleet)
    try:
        group = SshFleet(
            run_dir,
            on_event=_show,
            on_wait=print,
            prepare=installer,
            game_file=_game_file(store),
        )
    except LeaseHeldError:
        print("The fleet has a main node already; it follows the plan: zerofleet fleet status")
        return 0
    with stop_signals() as stop:
        try:
            workers = counted(len(group.spec.workers), "worker")
            print(f"{workers} in the fleet of {run_dir}; Ctrl-C stops it")
            while not stop.is_set():
                if not group.poll() and (stop_requested(store) or group.is_down):
                    break
                stop.wait(0.2)
        finally:
            group.stop(GRACE_SECONDS)
    if group.lost:
        raise LeaseLostError(group.lost)
    print(
        "All workers are stopped." if stop.is_set() else "The run has ended, or the fleet is down."
    )
    return 130 if stop.is_set() else 0


@app.command
def down(*, run_dir: OptionalRunDir = None) -> int:
    """Stop all workers of a fleet and fetch their last games.

    Works with and without a main node: workers that one left behind are found on their hosts.

    For example:

        zerofleet fleet down --run-dir runs/go7

    Parameters
    ----------
    run_dir
        The run directory (default: the only one in runs/ that has a fleet).
    """
    run_dir = _run_dir(run_dir)
    fleet = _fleet(run_dir)
    if not fleet.is_up:
        return _take_down(fleet, run_dir)
    fleet.down()
    print("The main node stops the workers and fetches their last games.")
    seconds = max(DOWN_SECONDS, 1.5 * fleet.dead_after_seconds)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status = fleet.status()
        if not fleet.is_up and not fleet.is_given_back:
            return _take_down(fleet, run_dir)  # it was dead already
        if not status.is_fleet_up or not any(w.link for w in status.workers):
            print("All workers are stopped.")
            return 0
        time.sleep(0.5)
    print(f"zerofleet: not all have stopped within {seconds:.0f} s: see fleet status")
    return 1


def _take_down(fleet: "Fleet", run_dir: Path) -> int:
    from zerofleet.fleet.ssh_fleet import SshFleet

    SshFleet(run_dir, on_event=_show, on_wait=print).take_down(GRACE_SECONDS)
    fleet.down()
    return 0


@app.command
def status(*, run_dir: OptionalRunDir = None, as_json: AsJson = False) -> int:
    """Show the run and every worker: active, syncing, in error (and why), offline or stopped.

    The same lines are in status.txt of the run directory, which may be watched.

    For example:

        zerofleet fleet status --run-dir runs/go7

        watch -n 1 cat runs/go7/status.txt

    Parameters
    ----------
    as_json
        Print everything as one JSON object.
    run_dir
        The run directory (default: the only one in runs/ that has a fleet).
    """
    found = _fleet(_run_dir(run_dir)).status()
    print(f"{json.dumps(found.to_json(), indent=2)}\n" if as_json else found.text(), end="")
    return 0


@app.command
def reload(*, fleet: FleetFile = None, run_dir: OptionalRunDir = None) -> int:
    """Apply the edited fleet file: changed workers start again, the others play on.

    A file with a mistake changes nothing.

    For example:

        zerofleet fleet reload --run-dir runs/go7

        zerofleet fleet reload --fleet other.yaml --run-dir runs/go7

    Parameters
    ----------
    run_dir
        The run directory (default: the only one in runs/ that has a fleet).
    """
    control = _fleet(_run_dir(run_dir))
    for line in control.reload(fleet):
        print(line)
    return _told(control, "The fleet file is applied")


@app.command
def restart(name: str, /, *, run_dir: OptionalRunDir = None) -> int:
    """Start one worker again, or try a parked one again; the others are not touched.

    For example:

        zerofleet fleet restart worker1 --run-dir runs/go7

    Parameters
    ----------
    name
        As in the fleet file.
    run_dir
        The run directory (default: the only one in runs/ that has a fleet).
    """
    control = _fleet(_run_dir(run_dir))
    control.restart(name)
    return _told(control, f"{name} starts again")


@app.command
def add(
    host: str,
    /,
    *,
    run_dir: OptionalRunDir = None,
    name: str | None = None,
    user: str | None = None,
    port: Annotated[int, Parameter(validator=Number(gte=1, lte=65535))] | None = None,
    key_path: Path | None = None,
    gpu_id: Annotated[int, Parameter(validator=Number(gte=0))] | None = None,
    python: str | None = None,
    workdir: str | None = None,
    threads: NumThreads | None = None,
    weight: Annotated[float, Parameter(validator=Number(gt=0))] | None = None,
) -> int:
    """A worker on another host joins the run, and stays in it over restarts.

    For example:

        zerofleet fleet add gpu7 --user zero --gpu-id 1 --run-dir runs/go7

    Parameters
    ----------
    host
        Name, address, or an alias of your ssh config.
    name
        Of the worker (default: worker1, worker2, ... whichever is free).
    user
        Login there.
    port
        Of the SSH server.
    key_path
        Private key to log in with.
    gpu_id
        The GPU it uses.
    python
        Python with zerofleet, over there (default: python3).
    workdir
        Its directory over there (default: zerofleet/RUN/NAME in the home).
    threads
        Search threads (default: all cores).
    weight
        Its share of the games where shares go by weight.
    run_dir
        The run directory (default: the only one in runs/ that has a fleet).
    """
    control = _fleet(_run_dir(run_dir))
    found = control.add_worker(
        host,
        user,
        name=name,
        port=port,
        key_path=None if key_path is None else str(key_path),
        gpu_id=gpu_id,
        python=python,
        workdir=workdir,
        threads=threads,
        weight=weight,
    )
    return _told(control, f"{found} joins the run")


@app.command
def remove(name: str, /, *, run_dir: OptionalRunDir = None) -> int:
    """A worker leaves the run: it is stopped and its last games are fetched.

    For example:

        zerofleet fleet remove worker3 --run-dir runs/go7

    Parameters
    ----------
    name
        As in the fleet file.
    run_dir
        The run directory (default: the only one in runs/ that has a fleet).
    """
    control = _fleet(_run_dir(run_dir))
    control.remove(name)
    return _told(control, f"{name} leaves the run")


@app.command
def logs(
    name: str,
    /,
    *,
    run_dir: OptionalRunDir = None,
    lines: Count = 50,
    follow: Annotated[bool, Parameter(name=["--follow", "-f"], negative=())] = False,
) -> int:
    """Print the log of a worker, as it is on its host now.

    For example:

        zerofleet fleet logs worker1 --run-dir runs/go7

        zerofleet fleet logs worker1 --follow --run-dir runs/go7

    Parameters
    ----------
    name
        As in the fleet file.
    lines
        So many of the last ones.
    follow
        Go on with what is written from now on, until Ctrl-C.
    run_dir
        The run directory (default: the only one in runs/ that has a fleet).
    """
    from zerofleet.fleet.ssh import SshLink
    from zerofleet.fleet.ssh_store import SshStore
    from zerofleet.fleet.worker_command import default_workdir
    from zerofleet.run.errors import KeyMissingError
    from zerofleet.run.layout import worker_log_key

    run_dir = _run_dir(run_dir)
    control = _fleet(run_dir)
    worker, spec = control.worker(name), control.spec()
    key = worker_log_key(name)
    with SshLink(worker, known_hosts=spec.known_hosts, ssh_config=spec.ssh_config) as link:
        root = link.path(worker.workdir or default_workdir(run_dir, name))
        store = SshStore(link, root)
        try:
            data = store.read(key)
        except KeyMissingError:
            print(f"zerofleet: {worker.where}:{root}/{key}: no log there yet")
            return 1
        print("\n".join(data.decode("utf-8", "replace").splitlines()[-lines:]), flush=True)
        size = len(data)
        with stop_signals() as stop:
            while follow and not stop.wait(1.0):
                more = store.read_from(key, size)
                size += len(more)
                print(more.decode("utf-8", "replace"), end="", flush=True)
    return 0


@app.command
def doctor(
    name: str | None = None,
    /,
    *,
    run_dir: OptionalRunDir = None,
    fleet: FleetFile = None,
    skip_torch: Flag = False,
) -> int:
    """Say why a worker does not connect, and what makes a fleet slow.

    Looks at every host: login, host key, Python, version, GPUs and torch, disk, speed of the link,
    the worker's process and the end of its log. With a run also at rates per stage and at the
    memory a worker may take. Exit status 1 if a host has a problem. Changes nothing.

    For example:

        zerofleet fleet doctor --fleet fleet.yaml

        zerofleet fleet doctor worker3 --run-dir runs/go7

    Parameters
    ----------
    name
        One worker alone.
    run_dir
        The run directory (default: the only one in runs/ that has a fleet; none is needed with
        --fleet).
    skip_torch
        Do not load torch there, which takes seconds.
    """
    from zerofleet.cli.fleet_doctor import show_doctor

    if run_dir is None and fleet is not None:
        return show_doctor(None, fleet, name, torch=not skip_torch)
    return show_doctor(_run_dir(run_dir), fleet, name, torch=not skip_torch)


def _run_dir(given: Path | None) -> Path:
    """The directory named; or the only one in runs/ that has a fleet."""
    from zerofleet.fleet.spec import FleetError
    from zerofleet.run.layout import FLEET_PLAN
    from zerofleet.run.place import check_run_directory

    if given is not None:
        check_run_directory(given)
        return given
    found = sorted(path for path in Path("runs").glob("*") if (path / FLEET_PLAN).exists())
    if len(found) == 1:
        return found[0]
    names = ", ".join(map(str, found)) or "none in runs/"
    raise FleetError(f"which run? give --run-dir; runs with a fleet: {names}")


def _fleet(run_dir: Path) -> "Fleet":
    from zerofleet.fleet.control import Fleet

    return Fleet(run_dir)


def _game_file(store: "DirectoryStore") -> Path | None:
    """That of the run, if its game is a file; known once a trainer has begun it."""
    from zerofleet.roles.config import parse_config_json, resolve
    from zerofleet.roles.game_of_run import game_file_of
    from zerofleet.run.layout import CONFIG
    from zerofleet.run.store import read_or_none

    data = read_or_none(store, CONFIG)
    return None if data is None else game_file_of(resolve({}, parse_config_json(data), {}))


def _told(control: "Fleet", what: str) -> int:
    if control.is_up:
        print(f"{what}; see: zerofleet fleet status")
    else:
        print(f"{what} once the fleet is up: zerofleet fleet up")
    return 0


def _show(event: Event) -> None:
    plain_lines(Console())(f"[{event.name}] {event.text}")
