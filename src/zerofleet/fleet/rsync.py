"""The mirror over rsync: for a host that is reached by rsync alone, or any path rsync knows.

The remote's data/, workers/, logs/ and STOP are pulled into a staging directory here, `Mirror`
works on that, and what it changed is pushed. rsync itself writes under a temporary name and
renames, and we push in an order in which a reader always finds what a file refers to.
"""

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from zerofleet.fleet.sync import Mirror
from zerofleet.run.errors import StoreError
from zerofleet.run.layout import CONFIG, DATA, LOGS, MODEL, MODEL_VERSION, SHARES, STOP, WORKERS
from zerofleet.run.store import DirectoryStore, Store


class _StagingStore(DirectoryStore):
    """The staging directory; remembers what the mirror changed, for the push."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.leases_put: list[str] = []
        self.deleted: list[str] = []

    def put(self, key: str, data: bytes) -> None:
        """See `Store.put`."""
        super().put(key, data)
        if key.startswith(WORKERS):
            self.leases_put.append(key)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        if self.path(key).exists():
            self.deleted.append(key)
        super().delete(key)


class RsyncMirror:
    """Keeps the run directory at `remote` (host:/path or /path) in step with `main`."""

    def __init__(
        self,
        main: Store,
        remote: str,
        staging: Path,
        *,
        name: str | None = None,
        rsync: Sequence[str] = ("rsync",),
        timeout_seconds: float = 60.0,
        on_event: Callable[[str], None] | None = None,
        log_seconds: float = 30.0,
    ) -> None:
        """`rsync` is the command, with its own options such as -e; `staging` is a path here."""
        self._remote = remote.rstrip("/") + "/"
        self._rsync = tuple(rsync)
        self._timeout_seconds = timeout_seconds
        self._staging = _StagingStore(staging)
        staging.mkdir(parents=True, exist_ok=True)
        self.mirror = Mirror(
            main, self._staging, name or remote, on_event=on_event, log_seconds=log_seconds
        )

    def step(self) -> bool:
        """Pull, mirror, push; StoreError with rsync's own words if the remote cannot be reached.

        Returns: see `Mirror.step`.
        """
        self._pull()
        self._staging.leases_put.clear()
        self._staging.deleted.clear()
        is_complete = self.mirror.step()
        self._push()
        return is_complete

    def _pull(self) -> None:
        # --delete makes the staging an image of the remote, whatever an earlier crash left there.
        wanted = [f"/{DATA}***", f"/{LOGS}***", f"/{STOP}"]
        self._run(["-rt", "--delete"], self._remote, f"{self._staging.root}/", wanted)
        # A lease can change twice within the resolution of file times, at the same size.
        self._run(["-rI", "--delete"], self._remote, f"{self._staging.root}/", [f"/{WORKERS}***"])

    def _push(self) -> None:
        local = f"{self._staging.root}/"
        # Versions never change, so size and time are enough to see that one is there.
        self._run(["-rt"], local, self._remote, [f"/{MODEL}", f"/{MODEL}versions/***"])
        self._run(["-rc"], local, self._remote, [f"/{CONFIG}", f"/{SHARES}***"])
        self._run(["-rc"], local, self._remote, [f"/{MODEL}", f"/{MODEL}manifest.json"])
        self._run(["-rc"], local, self._remote, [f"/{MODEL}", f"/{MODEL_VERSION}"])
        if self._staging.path(STOP).exists():
            self._run(["-rc"], local, self._remote, [f"/{STOP}"])
        if self._staging.leases_put:
            wanted = [f"/{WORKERS}", *(f"/{key}" for key in self._staging.leases_put)]
            self._run(["-rI"], local, self._remote, wanted)
        if self._staging.deleted:
            self._delete(self._staging.deleted)

    def _delete(self, keys: list[str]) -> None:
        """Deletes exactly `keys` at the remote: what is included and missing in an empty source."""
        with tempfile.TemporaryDirectory(prefix="zerofleet-empty-") as empty:
            parents = {key.rpartition("/")[0] for key in keys} - {""}
            for parent in parents:
                (Path(empty) / parent).mkdir(parents=True)
            wanted = [*(f"/{parent}/" for parent in parents), *(f"/{key}" for key in keys)]
            self._run(["-r", "--delete"], f"{empty}/", self._remote, wanted)

    def _run(self, options: list[str], source: str, target: str, wanted: list[str]) -> None:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", prefix="zerofleet-rsync-", suffix=".rules"
        ) as rules:
            # Hidden names first: temporaries of writers never travel and are never deleted.
            lines = ["- .*", *(f"+ {pattern}" for pattern in wanted), "- *"]
            rules.write("\n".join(lines) + "\n")
            rules.flush()
            command = [*self._rsync, *options, f"--filter=merge {rules.name}", source, target]
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, timeout=self._timeout_seconds
                )
            except FileNotFoundError as error:
                raise StoreError(f"{command[0]}: not found; install rsync on this host") from error
            except subprocess.TimeoutExpired as error:
                raise StoreError(
                    f"{self._remote}: rsync took longer than {self._timeout_seconds:.0f} s"
                ) from error
        # 24: a file vanished while it was copied, which is how a live directory behaves.
        if done.returncode not in (0, 24):
            lines = done.stderr.strip().splitlines()
            raise StoreError(
                f"{self._remote}: rsync failed with status {done.returncode}: "
                f"{lines[0] if lines else 'no message'}"
            )
