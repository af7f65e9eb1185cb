"""Clusters that play for a run that is trained here: what `--fleet KIND` and `KIND://ADDRESS` name.

A kind of cluster is a context manager `(run, address)` that yields the run, with the workers that
play there, and the function that makes their group (fleet/group.py).
"""

import importlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from zerofleet.fleet.group import MakeGroup
    from zerofleet.parallel.request import PreparedRun


class Kind(NamedTuple):
    """Who starts the workers."""

    workers: str
    """MODULE:FUNCTION of the context manager, loaded when it is used."""
    address: str
    """What stands after KIND://, for people."""


KINDS: Mapping[str, Kind] = {
    "ray": Kind(
        "zerofleet.parallel.ray_workers:ray_workers",
        "HOST:PORT with the address that `ray start --head` printed, such as ray://10.0.0.1:6379",
    ),
}


@dataclass(frozen=True)
class Cluster:
    """`ray` or `ray://HOST:PORT`."""

    kind: str
    address: str | None
    """HOST:PORT of the cluster's head; None: the one of this machine, or a new one."""

    @staticmethod
    def parse(text: str) -> "Cluster | None":
        """The cluster that `--fleet` names; None if it names a file.

        Raises: ValueError for an address without host or port.
        """
        kind, is_address, address = text.partition("://")
        if kind not in KINDS:
            return None
        if not is_address:
            return Cluster(kind, None)
        address = address.rstrip("/")
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise ValueError(f"--fleet {text}: expected {kind}, or {kind}://{KINDS[kind].address}")
        return Cluster(kind, address)

    def workers(
        self, run: "PreparedRun"
    ) -> "AbstractContextManager[tuple[PreparedRun, MakeGroup]]":
        """The run with its workers there, and what makes their group."""
        module, _, name = KINDS[self.kind].workers.partition(":")
        found: AbstractContextManager[tuple[PreparedRun, MakeGroup]]
        found = getattr(importlib.import_module(module), name)(run, self.address)
        return found
