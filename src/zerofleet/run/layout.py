"""The fixed names of a run directory, as keys: POSIX paths relative to its root.

Nothing else in the code spells one of these names. `docs/run_directory.md` shows the tree.
"""

import re
import socket
from dataclasses import dataclass

CONFIG = "config.json"
STOP = "STOP"
STATUS_TEXT = "status.txt"
TRAINING_STATS = "training_stats.json"
TRAINER_LEASE = "trainer.json"
WINDOW_CHECKPOINT = "checkpoint.npz"

MODEL = "model/"
MODEL_VERSIONS = "model/versions/"
MODEL_MANIFEST = "model/manifest.json"
MODEL_VERSION = "model/version.txt"
SHARES = "shares/"
DATA = "data/"
CONSUMED = "consumed/"
REJECTED = "rejected/"
CHECKPOINTS = "checkpoints/"
LATEST = "checkpoints/latest.json"
WORKERS = "workers/"
LOGS = "logs/"
TENSORBOARD = "tensorboard/"
GAMES = "games/"
IMPORTS = "imports/"
IMPORT_JOURNAL = "imports/journal.jsonl"
SKIPPED_GAMES = "imports/skipped.txt"
TRAINER_LOG = "logs/trainer.log"
RATING = "logs/rating.json"
RATING_LOG = "logs/rating.log"
WANDB = "logs/wandb.json"
FLEET_PLAN = "fleet/plan.json"
FLEET_LEASE = "fleet/main.json"
FLEET_STATUS = "fleet/status.json"
FLEET_WEIGHTS = "fleet/weights.json"
DISTRIBUTED_LOG = "logs/distributed_training.log"

DIRECTORIES = (
    MODEL,
    MODEL_VERSIONS,
    DATA,
    CONSUMED,
    REJECTED,
    CHECKPOINTS,
    WORKERS,
    LOGS,
)
"""Directories every run has from the start."""

_WORKER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHARD_NAME = re.compile(r"v(\d{4,9})_(.+)_(\d{4,12})\.npz")


@dataclass(frozen=True, order=True)
class ShardName:
    """What a shard's file name says; its identity is (worker, batch)."""

    version: int
    """Model version that played the games."""
    worker: str
    """Worker id."""
    batch: int
    """Batch number of that worker, from 1; never used twice."""


def check_worker_id(worker: str) -> str:
    """Returns `worker` if it may be used in file names; raises ValueError that says what may."""
    if not _WORKER_ID.fullmatch(worker):
        raise ValueError(
            f"worker id {worker!r} is not usable as a file name: 1 to 64 letters, digits, '.', "
            "'_' or '-', beginning with a letter or a digit"
        )
    return worker


def default_worker_id(number: int = 0) -> str:
    """`<host name>-<number>`, with what file names cannot hold replaced by '-'."""
    host = re.sub(r"[^A-Za-z0-9.-]+", "-", socket.gethostname()).strip(".-")[:48] or "host"
    return check_worker_id(f"{host}-{number}")


def shard_name(version: int, worker: str, batch: int) -> str:
    """File name of a shard: `v0007_host-0_0042.npz`."""
    if version < 1 or batch < 0:
        raise ValueError(f"a shard needs version >= 1 and batch >= 0, got {version} and {batch}")
    return f"v{version:04d}_{check_worker_id(worker)}_{batch:04d}.npz"


def parse_shard_name(name: str) -> ShardName:
    """Reads what `shard_name` wrote; raises ValueError on any other name."""
    match = _SHARD_NAME.fullmatch(name)
    if match is not None:
        found = ShardName(int(match[1]), match[2], int(match[3]))
        try:
            if shard_name(found.version, found.worker, found.batch) == name:
                return found
        except ValueError:
            pass
    raise ValueError(f"{name!r} is not the name of a shard; expected v0001_<worker id>_0001.npz")


def base_name(key: str) -> str:
    """The last part of a key."""
    return key.rpartition("/")[2]


def model_key(version: int, kind: str) -> str:
    """Key of one file of a model version; `kind` is its ending: nnue, safetensors, pt."""
    return f"{MODEL_VERSIONS}{version:04d}.{kind}"


def worker_lease_key(worker: str) -> str:
    """Key of a worker's lease."""
    return f"{WORKERS}{check_worker_id(worker)}.json"


def worker_of_lease_key(key: str) -> str | None:
    """The worker id of a lease's key, or None if the key is not a worker's lease."""
    name = key.removeprefix(WORKERS)
    if not key.startswith(WORKERS) or not name.endswith(".json") or "/" in name:
        return None
    worker = name.removesuffix(".json")
    return worker if _WORKER_ID.fullmatch(worker) else None


def worker_log_key(worker: str) -> str:
    """Key of a worker's log."""
    return f"{LOGS}worker_{check_worker_id(worker)}.log"


def reason_key(name: str) -> str:
    """Key of the text that says why the shard `name` was rejected."""
    return f"{REJECTED}{name}.reason.txt"
