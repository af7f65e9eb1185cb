"""What a trainer and a status command cost with thousands of workers on one run.

    python -m benchmarks.bench_scale [--workers 1000,2000] [--store directory,objects] [--polls 30]
                                     [--latency-ms 10] [--save FOLDER]

Fake workers: their shards and leases are made beforehand, by the code that workers use, and put
into a run directory in memory-backed files and into an object store (moto, a process of its own,
with `--latency-ms` added to each answer: a service in the same region takes 5 to 30 ms). Measured
is what the trainer does, with its own functions and nothing else:

- ingest: list `data/`, read every shard, decide by the ledger, replay and check all games;
- move: after the commit, every shard from `data/` to `consumed/`;
- poll: a look at the leases, as a synchronous run does at each poll, and a listing of `data/` in
  which nothing is new; a tenth of the workers have beaten since the last one (a heartbeat of 10 s);
- first look: the same when every lease has to be read;
- status: all that `zerofleet status` shows, with nothing known from before;
- gate: what a worker asks before it plays on;
- growth of resident memory over `--polls` polls in which every lease has changed.

Times are of the processor (what a busy machine does not change much) and of the wall; the store's
requests are counted, so that figures can be carried over to another latency.
"""

import argparse
import contextlib
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from zerofleet import _core
from zerofleet.fleet.status import collect as collect_status
from zerofleet.records import GameRecords, ShardMeta
from zerofleet.records.write import encode_shard
from zerofleet.replay.shards import positions_of_shard
from zerofleet.roles.collect import Collector
from zerofleet.roles.config import AlphaBetaRunConfig, GameConfig
from zerofleet.roles.dealing import Dealing
from zerofleet.run.documents import encode, sha256_hex
from zerofleet.run.layout import CONFIG, DATA, TRAINER_LEASE, shard_name, worker_lease_key
from zerofleet.run.lease import LeaseWatch
from zerofleet.run.ledger import Ledger
from zerofleet.run.models import publish_model
from zerofleet.run.object_store import ObjectStore
from zerofleet.run.shares import Share
from zerofleet.run.spool import PENDING_BYTES, PendingGate
from zerofleet.run.store import DirectoryStore, Store

NET = Path(__file__).parent / "data" / "ultimate_ttt.nnue"
GAMES_PER_SHARD = 100
BUCKET = "bench"
SECONDS_PER_SHARD = 60.0
"""How often a worker delivers, in the figures per second."""


def make_games() -> list[GameRecords]:
    """A few shards' games; only their numbers will differ from worker to worker."""
    net = _core.NnueNetwork(NET.read_bytes())
    found = []
    for seed in range(4):
        arrays = _core.generate_games(
            "ultimate_ttt", net, seed=seed, first_game=0, num_games=GAMES_PER_SHARD, depth=1
        )["arrays"]
        found.append(GameRecords(**arrays))
    return found


def fill(store: Store, num_workers: int) -> tuple[int, int]:
    """Publishes a model, writes leases and one shard of each worker; returns positions, bytes."""
    publish_model(store, 1, {"nnue": NET.read_bytes()}, "bench", info={"run_id": "bench"})
    config = AlphaBetaRunConfig(game=GameConfig(name="ultimate_ttt"))
    store.put(CONFIG, config.to_json())
    trainer = {**json.loads(lease_of("trainer", 1)), PENDING_BYTES: 0}
    store.put(TRAINER_LEASE, encode(trainer))
    games, sha256 = make_games(), sha256_hex(NET.read_bytes())
    num_positions = num_bytes = 0

    def one(number: int) -> tuple[int, int]:
        worker = f"worker-{number:05d}"
        records = games[number % len(games)]
        meta = ShardMeta(
            game="ultimate_ttt",
            game_options={},
            model_version=1,
            model_sha256=sha256,
            worker_id=worker,
            batch=1,
            run_seed=1,
            run_id="bench",
        )
        data = encode_shard(meta, records)
        store.put(DATA + shard_name(1, worker, 1), data)
        store.put(worker_lease_key(worker), lease_of(worker, 1))
        return records.num_plies, len(data)

    for plies, size in in_parallel(store, one, range(num_workers)):
        num_positions += plies
        num_bytes += size
    return num_positions, num_bytes


def in_parallel(store: Store, function: Callable[[int], Any], items: range) -> Iterator[Any]:
    from concurrent.futures import ThreadPoolExecutor

    threads = 1 if isinstance(store, DirectoryStore) else 16
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(function, items)


def lease_of(worker: str, counter: int) -> bytes:
    """As a worker on another host writes it."""
    return encode(
        {
            "format": 1,
            "session": sha256_hex(worker.encode())[:32],
            "generation": 0,
            "counter": counter,
            "next_batch": 2,
            "next_game": GAMES_PER_SHARD,
            "state": "active",
            "error": "",
            "rates": {"games_per_second": 1.7, "positions_per_second": 70.0},
            "info": {"threads": 4, "software": "0.1.0"},
            "totals": {"batches": 1, "games": 100, "positions": 4100},
            "model_version": 1,
            "host": f"node-{worker}",
            "boot_id": "0" * 32,
            "pid_namespace": 1,
            "pid": 4711,
            "process_start": 99,
        }
    )


class Counted:
    """A store that counts what is asked of it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.num_calls = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.store, name)
        if name in ("list", "read", "put", "put_if_absent", "delete", "move", "copy"):

            def call(*args: Any, **kwargs: Any) -> Any:
                self.num_calls += 1
                return found(*args, **kwargs)

            return call
        return found


def measure(store: Store, num_workers: int, num_polls: int) -> dict[str, float]:
    """Fills the run and measures; returns figures by name."""
    figures: dict[str, float] = {}
    positions, size = fill(store, num_workers)
    counted: Any = Counted(store)
    figures["shard_bytes"] = size / num_workers

    def timed(
        name: str,
        call: Callable[[], Any],
        repeat: int = 1,
        before: Callable[[int], None] = lambda number: None,
    ) -> Any:
        seconds, processor, result = [], [], None
        for number in range(repeat):
            before(number)
            counted.num_calls = 0
            gc.collect()
            began, used = time.perf_counter(), time.process_time()
            result = call()
            seconds.append(time.perf_counter() - began)
            processor.append(time.process_time() - used)
        figures[f"{name}_seconds"] = statistics.median(seconds)
        figures[f"{name}_cpu"] = statistics.median(processor)
        figures[f"{name}_calls"] = counted.num_calls
        return result

    collector = Collector(
        counted,
        Ledger(),
        game=GameConfig(name="ultimate_ttt"),
        run_id="bench",
        model_kind="nnue",
        read_positions=lambda meta, games, name: positions_of_shard(
            meta, games, name=name, validation_share=0.05
        ),
        on_rejected=lambda name, why: sys.exit(f"{name}: {why}"),
    )
    watch = LeaseWatch()
    dealing = Dealing(
        counted, Share(1, 1, 10**6), watch=watch, num_workers=1, tell=lambda *a, **k: None
    )
    gate = PendingGate(counted, 2**40, check_seconds=0)
    timed("gate", gate.is_open, 3)
    shards = timed("ingest", collector.poll)
    assert len(shards) == num_workers, len(shards)
    figures["positions"] = positions

    def poll() -> None:
        dealing.look()
        collector.poll()

    def beat(number: int) -> None:
        """A tenth of the workers write their leases."""
        workers = range(number % 10, num_workers, 10)

        def one(worker: int) -> None:
            name = f"worker-{worker:05d}"
            store.put(worker_lease_key(name), lease_of(name, number + 2))

        for _ in in_parallel(store, one, workers):
            pass

    timed("first_look", poll)
    timed("poll", poll, 5, beat)
    timed("status", lambda: collect_status(counted, LeaseWatch()), 3)
    names = [(shard.name, shard.sha256) for shard in shards]
    timed("move", lambda: collector.finish(names))
    del shards
    gc.collect()
    before = resident_mib()
    for number in range(num_polls):
        beat(number)
        poll()
        collect_status(counted, watch)
        if number == num_polls // 2:
            gc.collect()
            before = resident_mib()
    gc.collect()
    figures["growth_mib"] = resident_mib() - before
    figures["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return figures


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


SERVER = """
import sys, time
from moto.moto_server.threaded_moto_server import MotoRequestHandler
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

app, latency = DomainDispatcherApplication(create_backend_app), float(sys.argv[1]) / 1000

class Handler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_request(self, *_): pass

def slow(environ, start_response):
    time.sleep(latency)
    return app(environ, start_response)

server = make_server("127.0.0.1", 0, slow, threaded=True, request_handler=Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextlib.contextmanager
def object_service(latency_ms: float) -> Iterator[None]:
    """moto in a process of its own; the environment names it."""
    import boto3

    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(latency_ms)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        endpoint = f"http://127.0.0.1:{int(process.stdout.readline())}"
        os.environ |= {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_REGION": "us-east-1",
        }
        boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket=BUCKET)
        yield
    finally:
        process.kill()
        process.wait()


def report(name: str, workers: int, found: dict[str, float]) -> str:
    """A line of the table."""
    per_shard = (found["ingest_cpu"] + found["move_cpu"]) / workers
    share = per_shard * workers / SECONDS_PER_SHARD
    return (
        f"{name:<10}{workers:>7}{found['positions'] / found['ingest_cpu']:>13,.0f}"
        f"{1000 * per_shard:>10.2f}{share:>9.1%}"
        f"{found['poll_cpu']:>9.3f}{found['poll_seconds']:>9.3f}"
        f"{found['first_look_cpu']:>9.3f}{found['first_look_seconds']:>9.3f}"
        f"{found['status_cpu']:>9.3f}{found['status_seconds']:>9.3f}"
        f"{found['poll_calls']:>10,.0f}{found['gate_calls']:>7,.0f}"
        f"{found['growth_mib']:>8.1f}{found['peak_mib']:>7.0f}"
    )


HEAD = (
    "          workers  positions/s ms a shard  at one a  poll s   poll s  first s  first s"
    " status s status s  requests   gate  growth   peak\n"
    "                    ingested    in + move  minute      cpu     wall      cpu     wall"
    "      cpu     wall    a poll  calls     MiB    MiB"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", default="1000,2000")
    parser.add_argument("--store", default="directory,objects")
    parser.add_argument("--polls", type=int, default=30)
    parser.add_argument("--latency-ms", type=float, default=10.0)
    parser.add_argument("--only", help=argparse.SUPPRESS)  # one measurement, as JSON
    parser.add_argument("--save", type=Path)
    args = parser.parse_args()
    if args.only:
        kind, workers = args.only.split(":")
        with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
            if kind == "directory":
                found = measure(DirectoryStore(directory), int(workers), args.polls)
            else:
                with object_service(args.latency_ms):
                    store = ObjectStore(f"s3://{BUCKET}/run", timeout_seconds=60)
                    found = measure(store, int(workers), args.polls)
        print(json.dumps(found))
        return
    print(HEAD)
    figures = {}
    for kind in args.store.split(","):
        for workers in map(int, args.workers.split(",")):
            # A process each, so that memory is that of one measurement.
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "benchmarks.bench_scale"),
                    *("--only", f"{kind}:{workers}", "--polls", str(args.polls)),
                    *("--latency-ms", str(args.latency_ms)),
                ],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            found = figures[f"{kind}:{workers}"] = json.loads(done.stdout.splitlines()[-1])
            print(report(kind, workers, found), flush=True)
    if args.save is not None:
        args.save.mkdir(parents=True, exist_ok=True)
        (args.save / "scale.json").write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
