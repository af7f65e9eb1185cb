"""What `--fleet` names: a file that lists hosts, or a Ray cluster."""

from dataclasses import dataclass

RAY = "ray"


@dataclass(frozen=True)
class RayCluster:
    """`ray` or `ray://HOST:PORT`."""

    address: str | None
    """HOST:PORT of the cluster's head (GCS); None: the one of this machine, or a new one."""


def parse_ray(text: str) -> RayCluster | None:
    """The cluster that `--fleet` names; None if it names a file.

    Raises: ValueError for an address without host or port.
    """
    if text == RAY:
        return RayCluster(None)
    if not text.startswith(f"{RAY}://"):
        return None
    address = text.removeprefix(f"{RAY}://").rstrip("/")
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(
            f"--fleet {text}: expected ray, or ray://HOST:PORT with the address that "
            "`ray start --head` printed, such as ray://10.0.0.1:6379"
        )
    return RayCluster(address)
