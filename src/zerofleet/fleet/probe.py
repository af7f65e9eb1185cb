"""What a host has, asked before anything is started there.

The question is a script on the standard input of the host's Python, whatever version that is; so
it is written for any, and needs nothing of zerofleet over there.
"""

import json
from dataclasses import dataclass, field
from typing import Any

MIN_PYTHON = (3, 11)
MIN_FREE_BYTES = 256 * 2**20
"""Room that a worker needs for networks, logs and games on their way."""

SCRIPT = r"""
import json, os, sys
ask = json.loads(%r)
found = {"python": list(sys.version_info[:3]), "executable": sys.executable}
try:
    from zerofleet.run.software import software_version
    found["zerofleet"] = software_version()
except Exception:
    found["why"] = "%%s: %%s" %% (sys.exc_info()[0].__name__, sys.exc_info()[1])
try:
    from zerofleet.fleet.devices import usable_cores, visible_gpus
    found["cores"], found["gpus"] = usable_cores(), visible_gpus()
except Exception:
    pass
try:
    found["memory_bytes"] = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
except (AttributeError, OSError, ValueError):
    pass
root = os.path.expanduser(ask["root"])
while not os.path.isdir(root) and root != os.path.dirname(root):
    root = os.path.dirname(root)
room = os.statvfs(root)
found["free_bytes"] = room.f_bavail * room.f_frsize
found["writable"] = os.access(root, os.W_OK) and not (room.f_flag & 1)
found["exists"] = root
if ask["torch"]:
    try:
        import torch
        found["torch"] = torch.__version__
        found["cuda"] = bool(torch.cuda.is_available())
    except Exception:
        found["torch"] = None
print("ZEROFLEET " + json.dumps(found))
"""


def probe_script(root: str, *, torch: bool = False) -> str:
    """The script for a worker's directory; `torch` also loads torch there, which takes seconds."""
    return SCRIPT % json.dumps({"root": root, "torch": torch})


@dataclass(frozen=True)
class HostFacts:
    """What a host answered."""

    python: tuple[int, ...]
    executable: str
    zerofleet: str | None
    """Version there; None: it cannot be imported."""
    why: str
    """Why it cannot."""
    free_bytes: int
    writable: bool
    exists: str
    """The directory that was looked at: the worker's, or the next one above it that exists."""
    cores: int = 0
    gpus: int = 0
    memory_bytes: int = 0
    torch: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def parse(output: str) -> "HostFacts | None":
        """Reads the answer among what a login shell may print; None if there is none."""
        for line in output.splitlines():
            if line.startswith("ZEROFLEET "):
                found = json.loads(line.removeprefix("ZEROFLEET "))
                return HostFacts(
                    python=tuple(found["python"]),
                    executable=str(found["executable"]),
                    zerofleet=found.get("zerofleet"),
                    why=str(found.get("why", "")),
                    free_bytes=int(found["free_bytes"]),
                    writable=bool(found["writable"]),
                    exists=str(found["exists"]),
                    cores=int(found.get("cores", 0)),
                    gpus=int(found.get("gpus", 0)),
                    memory_bytes=int(found.get("memory_bytes", 0)),
                    torch={key: found[key] for key in ("torch", "cuda") if key in found},
                )
        return None

    def problem(self, *, python: str, version: str, gpu_id: int | None) -> str:
        """Why no worker can start there, and what to do; empty if one can.

        Args:
          python: as the fleet file names it.
          version: of zerofleet here.
        """
        number = ".".join(map(str, self.python))
        wanted = ".".join(map(str, MIN_PYTHON))
        if self.python[:2] < MIN_PYTHON:
            return (
                f"{python} is Python {number} there, zerofleet needs {wanted} or later: name "
                "another one, python: /path/to/python"
            )
        if self.zerofleet is None:
            return (
                f"zerofleet cannot be imported by {self.executable} there ({self.why}): install it "
                "there, or let `zerofleet fleet up --install` do so"
            )
        if release(self.zerofleet) != release(version):
            return (
                f"zerofleet {self.zerofleet} is there and {version} is here: all of a run are of "
                "one version; `zerofleet fleet up --install` brings ours"
            )
        if not self.writable:
            return f"{self.exists} cannot be written there: another workdir, or the permission"
        if self.free_bytes < MIN_FREE_BYTES:
            return (
                f"the disk of {self.exists} is full there: {self.free_bytes / 2**20:,.0f} MiB are "
                f"free, a worker needs {MIN_FREE_BYTES / 2**20:,.0f}"
            )
        if gpu_id is not None and gpu_id >= self.gpus:
            have = f"GPUs 0 to {self.gpus - 1}" if self.gpus else "no GPU"
            return f"gpu_id {gpu_id}: there is {have} there"
        return ""


def release(version: str) -> str:
    """A version without the git revision of a checkout."""
    return version.partition("+")[0]
