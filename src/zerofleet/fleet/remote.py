"""What runs on the host of a fleet: starts the worker there, keeps its pid file, receives models.

`python -P -m zerofleet.fleet.remote VERB` reads one JSON object from standard input and answers
with one on standard output; the SSH connection carries both, so nothing is in an argument that
others on that host could read. ROOT is the worker's run directory; what this file keeps is hidden
in ROOT/.fleet:

    owner.json    whose run the directory is a part of
    worker.json   the worker that was started: its process, an id, who asked
    ended.json    how that worker ended; written by its keeper

The worker is a child of a keeper, a process that outlives the connection and notes how the worker
ended. One that is killed together with its keeper has simply gone.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zerofleet.fleet.launcher import log_tail, prepare_log
from zerofleet.run.atomic import write_atomic
from zerofleet.run.errors import RunError
from zerofleet.run.process import ProcessIdentity, start_time

Document = dict[str, Any]
CHUNK = 1 << 20


class _Place:
    """The files of one worker's directory."""

    def __init__(self, root: str) -> None:
        self.root = Path(root)
        self.hidden = self.root / ".fleet"

    def read(self, name: str) -> Document:
        """One of the documents; empty if it is not there or torn by a crash."""
        try:
            found = json.loads((self.hidden / name).read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, name: str, document: Document) -> None:
        write_atomic(self.hidden / name, json.dumps(document).encode())

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One command at a time on this directory."""
        self.hidden.mkdir(parents=True, exist_ok=True)
        with (self.hidden / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def worker(self) -> tuple[Document, bool]:
        """The worker that was started last, and whether it runs."""
        record = self.read("worker.json")
        runs = bool(record) and not _gone(ProcessIdentity.from_json(record))
        return record, runs


def _gone(process: ProcessIdentity) -> bool:
    # Not comparable: another boot, or another container. Then it is not running here.
    return process.is_gone() or not process.is_comparable()


def claim(ask: Document) -> Document:
    """Makes the directory a part of the run `owner`; `session` is who mirrors it from now on.

    What another run left is put aside under another name, unless its worker still plays.
    """
    place = _Place(ask["root"])
    note = ""
    if place.root.exists():
        owner = place.read("owner.json")
        if owner.get("owner") not in (None, ask["owner"]):
            record, runs = place.worker()
            if runs:
                return {
                    "refused": f"{place.root} belongs to another run, of {owner.get('main')}, "
                    f"whose worker plays there (process {record['pid']}): stop it, or give "
                    "this worker another workdir"
                }
            aside = place.root.with_name(f"{place.root.name}.{uuid.uuid4().hex[:8]}")
            place.root.rename(aside)
            note = f"what another run left in {place.root} is put aside as {aside}"
    with place.locked():
        place.write("owner.json", {key: ask[key] for key in ("owner", "session", "main")})
        for name in ("data", "logs", "model/versions", "workers"):
            (place.root / name).mkdir(parents=True, exist_ok=True)
    for path in place.root.glob("**/.*.sftp"):
        path.unlink(missing_ok=True)  # what a connection that broke had half written
    return {"note": note}


def start(ask: Document) -> Document:
    """Starts the worker unless it runs; it lives on when the connection ends."""
    place = _Place(ask["root"])
    with place.locked():
        record, runs = place.worker()
        if runs:
            return {"already": True, **record}
        (place.hidden / "ended.json").unlink(missing_ok=True)
        for path, text in ask["files"].items():
            write_atomic(Path(path), text.encode())
        log = place.root / ask["log"]
        prepare_log(log)
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.close(reader)
            _keep(place, ask, log, writer)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            answer = json.loads(pipe.read() or "{}")
    return answer or {"failed": "the worker's keeper died before it began"}


def _keep(place: _Place, ask: Document, log: Path, writer: int) -> None:
    """The keeper: a session of its own, away from the connection; never returns."""
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDONLY)
        out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        for target, source in ((0, null), (1, out), (2, out)):
            os.dup2(source, target)
        # The connection would wait for whoever holds its pipes, the next command for the lock.
        os.closerange(3, writer)
        os.closerange(writer + 1, 4096)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        record: Document = {"id": uuid.uuid4().hex, "started": time.time(), "spec": ask["spec"]}
        try:
            worker = subprocess.Popen(
                ask["argv"],
                stdin=subprocess.DEVNULL,
                cwd=place.root,
                env={**os.environ, **ask["env"]},
                process_group=0,
            )
        except OSError as error:
            answer = {"failed": f"{ask['argv'][0]}: cannot be started: {error.strerror}"}
            os.write(writer, json.dumps(answer).encode())
            os._exit(1)
        me = ProcessIdentity.current().to_json()
        record |= {**me, "pid": worker.pid, "process_start": start_time(worker.pid)}
        try:
            place.write("worker.json", record)
        except (OSError, RunError) as error:  # without its pid file it would be started twice
            os.killpg(worker.pid, signal.SIGKILL)
            os.write(writer, json.dumps({"failed": str(error)}).encode())
            os._exit(1)
        os.write(writer, json.dumps(record).encode())
        os.close(writer)
        status = worker.wait()
        with contextlib.suppress(OSError, RunError):  # a full disk: then it has simply gone
            place.write("ended.json", {"id": record["id"], "status": status})
    finally:
        os._exit(0)


def state(ask: Document) -> Document:
    """How the worker is."""
    place = _Place(ask["root"])
    record, runs = place.worker()
    owner = place.read("owner.json")
    answer: Document = {"runs": runs, "worker": record, "ended": None, "tail": "", "owner": owner}
    if runs:
        with contextlib.suppress(OSError, IndexError, ValueError):
            pages = Path(f"/proc/{record['pid']}/statm").read_text(encoding="utf-8").split()[1]
            answer["rss_bytes"] = int(pages) * os.sysconf("SC_PAGE_SIZE")
        answer["suspended"] = ProcessIdentity.from_json(record).is_suspended()
    elif record:
        ended = place.read("ended.json")
        if ended.get("id") == record["id"]:
            answer["ended"] = ended["status"]
        answer["tail"] = log_tail(place.root / ask["log"])
    with contextlib.suppress(OSError):
        answer["free_bytes"] = shutil.disk_usage(place.root).free
    return answer


def stop(ask: Document) -> Document:
    """SIGTERM to the worker, SIGKILL to its group after `grace` seconds; then it is gone."""
    place = _Place(ask["root"])
    with place.locked():
        record, runs = place.worker()
        if not runs:
            return {"was_running": False, "killed": False}
        pid = record["pid"]
        killed = ask["grace"] <= 0
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL if killed else signal.SIGTERM)
        end = time.monotonic() + max(ask["grace"], 5.0)
        while place.worker()[1]:
            if time.monotonic() > end:
                if killed:
                    return {"refused": f"process {pid} does not end, not even by SIGKILL"}
                killed, end = True, time.monotonic() + 5.0
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
            time.sleep(0.05)
    return {"was_running": True, "killed": killed}


def receive(ask: Document) -> Document:
    """Makes a file that came in a part visible: checked, decompressed, durable, at once."""
    root = Path(ask["root"])
    part, target = root / ask["part"], root / ask["key"]
    unpack = zlib.decompressobj() if ask["compressed"] else None
    data = bytearray()
    try:
        with part.open("rb") as file:
            while block := file.read(CHUNK):
                data += unpack.decompress(block) if unpack else block
        if unpack is not None:
            data += unpack.flush()
    except zlib.error as error:
        part.unlink(missing_ok=True)
        return {"damaged": f"{error}"}
    found = hashlib.sha256(data).hexdigest()
    if found != ask["sha256"]:
        part.unlink(missing_ok=True)
        return {"damaged": f"sha256 {found[:16]}... instead of {ask['sha256'][:16]}..."}
    write_atomic(target, bytes(data))
    for left in part.parent.glob(".*.part"):  # of this file, and of earlier ones given up
        left.unlink(missing_ok=True)
    return {}


VERBS = {"claim": claim, "start": start, "state": state, "stop": stop, "receive": receive}


def main() -> None:
    """See the module's docstring. Errors are answers too: {"failed": "..."}."""
    try:
        answer = VERBS[sys.argv[1]](json.loads(sys.stdin.read()))
    except (OSError, RunError) as error:
        answer = {"failed": str(error)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
