"""A small disk of the run's own, which can be filled; needs root and CAP_SYS_ADMIN."""

import os
import shutil
import subprocess
from pathlib import Path


class Disk:
    """A directory; a file system of its own where this process may mount one."""

    def __init__(self, path: Path, size_mib: int) -> None:
        path.mkdir(parents=True)
        self.path = path
        self._filler = path / "filler"
        command = ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "zerofleet-chaos", str(path)]
        done = subprocess.run(command, capture_output=True, text=True)
        self.why_not = done.stderr.strip() if done.returncode else ""
        """Why it cannot be filled; empty if it can."""

    def fill(self, left_bytes: int) -> None:
        """Leaves so many bytes free."""
        descriptor = os.open(self._filler, os.O_WRONLY | os.O_CREAT)
        try:
            size = os.fstat(descriptor).st_size
            while (free := shutil.disk_usage(self.path).free) > left_bytes:
                try:
                    os.posix_fallocate(descriptor, size, free - left_bytes)
                except OSError:
                    break  # somebody else took the rest
                size += free - left_bytes
        finally:
            os.close(descriptor)

    def empty(self) -> None:
        """Takes back what `fill` took."""
        self._filler.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmounts it; what is on it is gone."""
        if not self.why_not:
            subprocess.run(["umount", "-l", str(self.path)], check=False)
