"""`zerofleet doctor`: what would go wrong, before it does."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from zerofleet.cli.options import Flag, OptionalRunDir
from zerofleet.roles.config import ConfigError

if TYPE_CHECKING:
    from zerofleet.doctor.finding import Check, Finding

Devices = Annotated[
    str | None,
    Parameter(
        help="Devices, as CUDA numbers them here: 0,1; or cpu,cpu for two workers on the "
        "processor. Two games are played on each."
    ),
]


def doctor(
    *,
    gpus: Devices = None,
    run_dir: OptionalRunDir = None,
    need_gib: Annotated[float, Parameter(validator=Number(gte=0))] = 2.0,
    master_addr: str | None = None,
    master_port: Annotated[int, Parameter(validator=Number(gte=1, lte=65535))] = 12355,
    node_rank: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
    serve: Flag = False,
    minutes: Annotated[float, Parameter(validator=Number(gt=0))] = 10.0,
) -> int:
    """Check a host, its network and a directory before a run needs them.

    Looks at processors, memory, GPUs, driver, torch, gloo and NCCL; with --run-dir at a directory;
    with --master-addr at the place where the ranks of several nodes meet. With --gpus it plays two
    games on each device instead, in a process of its own: a net is loaded, games are written, read,
    replayed and made into tensors, as in training. Each failure comes with its remedy, and then the
    exit status is 1.

    Examples:

        zerofleet doctor

        zerofleet doctor --gpus 0,1

        zerofleet doctor --run-dir /mnt/run --need-gib 100

        zerofleet doctor --serve --master-port 29500

        zerofleet doctor --master-addr 10.0.0.1 --master-port 29500

    Parameters
    ----------
    run_dir
        A run directory, there or to be made: space, writing, and how files appear.
    need_gib
        So many GiB have to be free there.
    master_addr
        Host of node 0. On that host its port has to be free, from others it has to be reachable.
    master_port
        Its port.
    node_rank
        Which node this is, where addresses do not tell: 0 listens, the others connect.
    serve
        Answer at the port for a while, so that other nodes can try to reach it.
    minutes
        How long.
    """
    if serve:
        from zerofleet.doctor.network import serve as answer

        return answer(master_port, _print, minutes=minutes)
    devices = () if gpus is None else _devices(gpus)
    from zerofleet.doctor.finding import run_checks
    from zerofleet.doctor.host import check_devices, check_host
    from zerofleet.run.threads import calm_threads

    calm_threads()
    checks: list[Check] = [] if devices else [check_host, check_devices]
    if run_dir is not None:
        checks.append(partial(_directory, run_dir, need_gib))
    if master_addr is not None:
        checks.append(partial(_address, master_addr, master_port, node_rank))
    failures = run_checks(checks, _print)
    if devices:
        from zerofleet.parallel import device_check

        failures += not device_check.check_devices(devices, _print)
    return 1 if failures else 0


def _devices(gpus: str) -> tuple[str, ...]:
    from zerofleet.fleet.devices import parse_devices

    try:
        return parse_devices(gpus)
    except ValueError as error:
        raise ConfigError(
            f"{error}; name devices that are here: `nvidia-smi -L` lists those of the driver, "
            "CUDA_VISIBLE_DEVICES hides some"
        ) from None


def _directory(run_dir: Path, need_gib: float) -> "Iterator[Finding]":
    from zerofleet.doctor.directory import check_directory

    return check_directory(run_dir, need_gib=need_gib)


def _address(host: str, port: int, node_rank: int | None) -> "Iterator[Finding]":
    from zerofleet.doctor.network import check_address

    return check_address(host, port, node_rank=node_rank)


def _print(line: str) -> None:
    print(line, flush=True)
