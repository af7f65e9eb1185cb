"""`zerofleet worker`: plays games; with an NNUE net it needs no torch."""

from pathlib import Path

from zerofleet.cli.options import Count, Depth, NumThreads, RunPlace


def worker(
    *,
    run_dir: RunPlace,
    worker_id: str | None = None,
    threads: NumThreads | None = None,
    games_per_batch: Count | None = None,
    depth: Depth | None = None,
    device: str = "cpu",
    game_file: Path | None = None,
    worker_class: str | None = None,
) -> int:
    """Play games with the newest network of a run until the run ends.

    Waits for the trainer if it is not there yet. Any number of workers, on any machines that see
    the directory, may run with different settings. Ctrl-C and SIGTERM save the finished games.

    Examples:

        zerofleet worker --shared-dir /mnt/run

        zerofleet worker --shared-dir s3://bucket/run

        zerofleet worker --shared-dir /mnt/run --worker-id rack7 --threads 16 --games-per-batch 1000

    Parameters
    ----------
    worker_id
        Unique name of this worker (default: host name and a number).
    threads
        Search threads (default: all cores).
    games_per_batch
        Games in one file; the run's by default.
    depth
        Search depth, where the run allows another than its own (default: the run's, 8).
    device
        Where a net of policy and value is evaluated: cpu, cuda, cuda:N, or auto, a GPU if there is
        one.
    game_file
        The file of the run's game, where that is a file of your own that lies elsewhere on this
        host; it has to be the same one, byte for byte.
    worker_class
        FILE.py:CLASS or MODULE:CLASS of your own, a subclass of zerofleet.roles.Worker.
    """
    from zerofleet.monitor.console import ConsoleReport
    from zerofleet.roles.worker import Worker

    kind = Worker
    if worker_class is not None:
        from zerofleet.roles.worker_class import load_worker_class

        kind = load_worker_class(worker_class)
    return kind(
        run_dir,
        worker_id=worker_id,
        threads=threads,
        games_per_batch=games_per_batch,
        depth=depth,
        device=device,
        game_file=game_file,
        report=ConsoleReport(),
    ).run()
