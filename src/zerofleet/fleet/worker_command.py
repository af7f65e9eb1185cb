"""The command line of a worker on a host of a fleet, and what it needs there."""

import contextlib
import hashlib
import json
from pathlib import Path

from zerofleet.fleet.launcher import BACKGROUND
from zerofleet.fleet.spec import WorkerSpec


def worker_argv(
    spec: WorkerSpec, python: str, root: str, game_file: Path | None = None
) -> list[str]:
    """The command line; `python` and the directory `root` are those over there."""
    argv = [
        *(*BACKGROUND, python, "-P", "-m", "zerofleet", "worker"),
        *("--run-dir", root, "--worker-id", spec.name),
        *("--device", "auto" if spec.gpu_id is None else "cuda"),
    ]
    if spec.threads is not None:
        argv += ["--threads", str(spec.threads)]
    if game_file is not None:
        argv += ["--game-file", _there(root, game_file)]
    if spec.worker_class is not None:
        place, _, name = spec.worker_class.rpartition(":")
        if spec.class_file is not None:
            place = _there(root, spec.class_file)
        argv += ["--worker-class", f"{place}:{name}"]
    return argv


def worker_env(spec: WorkerSpec) -> dict[str, str]:
    """What is added to the environment there; of GPUs the worker sees its own alone."""
    env = {"PYTHONUNBUFFERED": "1", **spec.env}
    if spec.gpu_id is not None:
        env["CUDA_VISIBLE_DEVICES"] = str(spec.gpu_id)
    return env


def worker_files(spec: WorkerSpec, root: str, game_file: Path | None = None) -> dict[str, str]:
    """Files that go along with the start command: path there -> text. OSError if one is gone."""
    files = [file for file in (spec.class_file, game_file) if file is not None]
    return {_there(root, file): file.read_text(encoding="utf-8") for file in files}


def _there(root: str, file: Path) -> str:
    return f"{root}/.fleet/{file.name}"


def start_mark(spec: WorkerSpec, game_file: Path | None = None) -> str:
    """Changes when a worker has to be started anew; says nothing of the values of `env`."""
    told = spec.model_dump(mode="json", exclude={"weight", "key_path", "host", "port", "user"})
    told["env"] = sorted(spec.env)
    for file in (spec.class_file, game_file):
        if file is not None:
            with contextlib.suppress(OSError):
                told[str(file)] = hashlib.sha256(file.read_bytes()).hexdigest()
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def default_workdir(run_dir: Path, name: str) -> str:
    """Where a worker lives if its entry does not say: in the home of the user there."""
    return f"zerofleet/{run_dir.absolute().name}/{name}"
