"""`python reader.py RUN_DIR REPORT DONE [DAMAGED]`: reads all that is visible until DONE appears.

Each file is read whenever it was replaced, and must be whole: decodable, with its checksums, and
what it names must be there. What is not, goes to REPORT, one line each; the last line counts reads.
DAMAGED is a file with a key in each line: what somebody damages on purpose, now or a moment ago.
"""

import collections
import io
import json
import sys
import time
import zipfile
from pathlib import Path

from zerofleet.records.account import shard_account
from zerofleet.run.commit import read_checkpoints
from zerofleet.run.documents import sha256_hex
from zerofleet.run.errors import DamagedError, KeyMissingError
from zerofleet.run.layout import (
    CONFIG,
    CONSUMED,
    DATA,
    LATEST,
    MODEL_MANIFEST,
    MODEL_VERSION,
    STATUS_TEXT,
    TRAINER_LEASE,
    TRAINING_STATS,
    WINDOW_CHECKPOINT,
    WORKERS,
)
from zerofleet.run.lease import read_lease
from zerofleet.run.models import fetch_model, read_manifest, read_version
from zerofleet.run.stats import read_stats
from zerofleet.run.store import DirectoryStore, iterate

HOT = (
    *(CONFIG, DATA, LATEST, MODEL_MANIFEST, MODEL_VERSION, STATUS_TEXT, TRAINER_LEASE),
    *(TRAINING_STATS, WORKERS),
)
"""What is replaced often."""
ROUNDS = 20
"""Rounds from one look at everything to the next, where a run lasts long."""


class Reader:
    def __init__(self, root, damaged=None):
        self.root, self.store = root, DirectoryStore(root)
        self.damaged = damaged
        self.version = 0
        self.commit = 0
        self.seen = {}
        self.counts = collections.Counter()

    def damaged_keys(self):
        """What is damaged on purpose."""
        if self.damaged is None or not self.damaged.exists():
            return set()
        return set(self.damaged.read_text().split())

    def look(self, *, everything=True):
        """One round; yields what is not whole. Not everything: what lies in consumed/ waits."""
        for entry in self.entries(everything):
            key = entry.key
            check = self.check_of(key)
            if check is None:
                continue
            damaged = set()
            try:
                status = (self.root / key).stat()
                mark = (status.st_ino, status.st_mtime_ns)
                if self.seen.get(key) == mark:
                    continue
                damaged = self.damaged_keys()
                check(key)
                self.seen[key] = mark
                self.counts[key.partition("/")[0]] += 1
            except (KeyMissingError, FileNotFoundError):
                continue  # moved or deleted since the listing
            except (ValueError, DamagedError, AssertionError, zipfile.BadZipFile) as error:
                damaged |= self.damaged_keys()
                if key in damaged or any(other in str(error) for other in damaged):
                    continue
                yield f"{key}: {type(error).__name__}: {error}"

    def entries(self, everything):
        for prefix in ("",) if everything else HOT:
            yield from iterate(self.store, prefix)

    def check_of(self, key):
        if "_evil_" in key:
            return None  # the campaign damaged it
        if key.startswith((DATA, CONSUMED)):
            return lambda key: shard_account(self.store.read(key))
        if key.startswith(WORKERS) or key == TRAINER_LEASE:
            return lambda key: read_lease(self.store, key)
        return {
            CONFIG: lambda key: json.loads(self.store.read(key)),
            MODEL_VERSION: self.check_version,
            MODEL_MANIFEST: self.check_version,
            TRAINING_STATS: lambda key: read_stats(self.store),
            STATUS_TEXT: self.check_status,
            WINDOW_CHECKPOINT: self.check_window,
            LATEST: self.check_latest,
        }.get(key)

    def check_version(self, _):
        """Whoever reads version.txt finds its model, whole; the number never falls."""
        version = read_version(self.store)
        if version:
            for kind in read_manifest(self.store)["versions"][str(version)]["files"]:
                fetch_model(self.store, version, kind)
        assert version >= self.version, f"version {version} after {self.version}"
        self.version = version

    def check_status(self, key):
        text = self.store.read(key).decode()
        assert text.strip(), "empty"
        assert text.endswith("\n"), f"ends with {text[-40:]!r}"

    def check_window(self, key):
        with zipfile.ZipFile(io.BytesIO(self.store.read(key))) as archive:
            assert archive.testzip() is None, "a damaged array"
            assert "values.npy" in archive.namelist()

    def check_latest(self, key):
        checkpoint = read_checkpoints(self.store)[-1]
        for name, ref in checkpoint.files.items():
            try:
                assert sha256_hex(self.store.read(ref.key)) == ref.sha256, f"{name} is not whole"
            except KeyMissingError:
                # Its successor is committed, and this one was pruned; else it is missing.
                assert read_checkpoints(self.store)[-1].commit > checkpoint.commit, (
                    f"{name} is gone"
                )
        assert checkpoint.commit >= self.commit, f"commit {checkpoint.commit} after {self.commit}"
        self.commit = checkpoint.commit


def main(root, report, done, damaged=None):
    reader = Reader(root, damaged)
    rounds, pause = (1, 0.02) if damaged is None else (ROUNDS, 0.1)
    with report.open("w", buffering=1) as out:
        last, number = False, 0
        while not last:
            last = done.exists()
            for line in reader.look(everything=last or number % rounds == 0):
                out.write(f"PARTIAL {line}\n")
            number += 1
            time.sleep(pause)
        out.write(json.dumps({"reads": dict(reader.counts)}) + "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:5]))
