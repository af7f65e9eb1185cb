"""Installs zerofleet on a host, into the Python that its entry names."""

import os
import shlex
from pathlib import Path

from zerofleet.fleet.probe import HostFacts, release
from zerofleet.fleet.spec import FleetError
from zerofleet.fleet.ssh import RefusedError, SshLink
from zerofleet.fleet.ssh_store import SshStore
from zerofleet.run.software import software_version

INSTALL_SECONDS = 1800.0


class Installer:
    """Brings our version to hosts that have none, or another one."""

    def __init__(self, *, wheelhouse: Path | None = None, extras: str = "") -> None:
        """Nothing is done yet.

        Args:
          wheelhouse: directory of wheels, ours and all it needs, that are sent to the host; None:
            pip gets them there from the index that is configured there.
          extras: as in zerofleet[EXTRAS].
        Raises: FleetError for a directory without a wheel of ours.
        """
        self._wheels = sorted(wheelhouse.glob("*.whl")) if wheelhouse is not None else []
        self._wheelhouse = wheelhouse
        named = f"zerofleet[{extras}]" if extras else "zerofleet"
        self._requirement = f"{named}=={release(software_version())}"
        if wheelhouse is not None and not any(
            w.name.startswith("zerofleet-") for w in self._wheels
        ):
            raise FleetError(
                f"--wheelhouse {wheelhouse}: there is no wheel of zerofleet in it; make one with "
                f"pip wheel . --wheel-dir {wheelhouse}"
            )

    def __call__(self, link: SshLink) -> None:
        """Installs if it is needed. Raises: RefusedError with what pip said."""
        facts = self._facts(link)
        if facts is None:
            self._make_environment(link)
        elif facts.zerofleet and release(facts.zerofleet) == release(software_version()):
            return
        command = [link.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if self._wheelhouse is not None:
            place = link.path(".cache/zerofleet-wheelhouse")
            store = SshStore(link, place)
            there = {entry.key: entry.size_bytes for entry in store.list("").entries}
            for wheel in self._wheels:
                if there.get(wheel.name) != wheel.stat().st_size:
                    store.put(wheel.name, wheel.read_bytes())
            command += ["--no-index", "--find-links", place]
        self._run(link, [*command, self._requirement], "pip install")

    def _facts(self, link: SshLink) -> HostFacts | None:
        try:
            return link.facts(link.home)
        except RefusedError:
            return None

    def _make_environment(self, link: SshLink) -> None:
        """A virtual environment where python: points to one that is not there."""
        folder, name = os.path.split(link.python)
        if os.path.basename(folder) != "bin" or not name.startswith("python"):
            raise RefusedError(
                f"{link.spec.where}: python: {link.spec.python} does not run there, and is no path "
                "of a virtual environment to be made, like ~/zerofleet-env/bin/python"
            )
        self._run(link, ["python3", "-m", "venv", os.path.dirname(folder)], "python3 -m venv")

    def _run(self, link: SshLink, command: list[str], what: str) -> None:
        status, output, errors = link.run(shlex.join(command), seconds=INSTALL_SECONDS)
        if status != 0:
            said = (errors.strip() or output.strip() or "nothing").splitlines()
            raise RefusedError(f"{link.spec.where}: {what} failed: {' / '.join(said[-3:])[:400]}")
