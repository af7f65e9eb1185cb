"""`zerofleet doctor`: whether the devices of this host do what training asks of them."""

from typing import Annotated

from cyclopts import Parameter

from zerofleet.fleet.devices import parse_devices, visible_gpus
from zerofleet.roles.config import ConfigError

Devices = Annotated[
    str | None,
    Parameter(
        help="Devices, as CUDA numbers them here: 0,1; or cpu,cpu for two workers on the processor "
        "(default: all GPUs, or two workers on the processor). One that is not here is refused."
    ),
]


def doctor(*, gpus: Devices = None) -> int:
    """Play two games on each device, in a process of its own, and look at what comes back.

    A net is loaded on every device, its games are written, read, replayed and made into tensors, as
    in training. Takes some seconds; exits with 1 and the end of the log where a device fails.

    Before a long run, for example:

        zerofleet doctor --gpus 0,1
    """
    from zerofleet.parallel.device_check import check_devices

    default = ",".join(map(str, range(visible_gpus()))) or "cpu,cpu"
    try:
        devices = parse_devices(gpus or default)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return 0 if check_devices(devices, lambda line: print(line, flush=True)) else 1
