"""Every recipe at work while everything around it fails, and the account of it afterwards.

    python -m benchmarks.chaos --minutes 10 --at-once 3 --save benchmarks/results/DATE_chaos
    python -m benchmarks.chaos --recipes connect_four --minutes 1

Each run has a trainer and three workers, the real commands on tiny settings, and a process that
reads all that is visible. An injector with a seed kills, freezes, replaces and ends processes,
fills the disk (a small one of the run's own: needs root), sets clocks (needs a C compiler), damages
shards and nets, delivers shards twice. At the end the auditor recomputes from the files that every
finished game counts exactly once. Exit status 0 if nothing was found. `docs/chaos.md` says what is
promised.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.chaos.report import FACTS, markdown
from benchmarks.chaos.settings import OWN, settings_of
from benchmarks.tools import machine

MIB_A_MINUTE = 250
"""Size of a run's disk: all games and many nets are kept, and a run on an idle machine is quick."""
SUPERVISED = "train"
RUNS = (*OWN, f"ultimate_ttt+{SUPERVISED}")
"""Recipes; with +train the processes are those of `zerofleet train`."""


def one(name: str, home: Path, *, minutes: float, workers: int, seed: int, pause: float) -> dict:
    """One run in this process; returns its figures."""
    from benchmarks.chaos.campaign import Campaign
    from benchmarks.chaos.clock import Clocks
    from benchmarks.chaos.disk import Disk
    from benchmarks.chaos.faults import Injector
    from benchmarks.chaos.kit import run_kit
    from benchmarks.chaos.processes import TOKEN, ChaosRun, Crew, left_running
    from benchmarks.chaos.supervised import SupervisedCrew, SupervisedInjector
    from benchmarks.chaos.verdict import judge

    recipe, _, kind = name.partition("+")
    supervised = kind == SUPERVISED
    begun = time.monotonic()
    disk = Disk(home / "disk", min(4096, max(512, round(MIB_A_MINUTE * minutes))))
    forge = run_kit.Forge()
    run = ChaosRun(
        forge,
        home,
        settings={},
        directory=disk.path / "run",
        base=settings_of(recipe),
        recipe=recipe,
    )
    kinds = (SupervisedCrew, SupervisedInjector) if supervised else (Crew, Injector)
    clocks = Clocks(home)
    crew = kinds[0](
        run,
        num_workers=workers,
        rng=random.Random(seed + 1),
        clocks=None if clocks.why_not else clocks,
    )
    campaign = Campaign(run, crew, disk, seed=seed)
    skipped = []
    if disk.why_not:
        skipped.append(f"no full disks: a small one cannot be mounted ({disk.why_not})")
    if clocks.why_not:
        skipped.append(f"no clocks are set: {clocks.why_not}")
    for text in skipped:
        print(f"{name}: {text}", flush=True)
    try:
        campaign.go(60 * minutes, kinds[1](campaign).inject, (pause / 4, 7 * pause / 4))
        found = judge(campaign)
    finally:
        run.end()
        forge.close()
        left = left_running(os.environ[TOKEN], wait_seconds=30)
        disk.close()
    memory = campaign.memory.summary()
    if left:
        campaign.findings.append(f"left running: {left}")
    campaign.findings += [f"memory of the {r} grew" for r, m in memory.items() if not m["is_flat"]]
    return {
        "recipe": name,
        "seed": seed,
        "minutes": round((time.monotonic() - begun) / 60, 2),
        **found,
        "faults": dict(sorted(campaign.faults.items())),
        "num_faults": sum(campaign.faults.values()),
        "outcomes": dict(campaign.outcomes),
        "own_ends": dict(campaign.own_ends),
        "starts": sum(slot.starts for slot in crew.slots),
        "memory": memory,
        "left_running": left,
        "skipped": skipped,
        "findings": campaign.findings,
    }


def all_of(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The figures of every run, each in a process of its own, so many at once."""
    waiting = list(enumerate(args.recipes.split(",")))
    running: dict[subprocess.Popen[bytes], tuple[str, Path]] = {}
    home = Path(tempfile.mkdtemp(prefix="zerofleet-chaos-"))
    try:
        while waiting or running:
            while waiting and len(running) < args.at_once:
                number, recipe = waiting.pop(0)
                running[_start(args, recipe, home / recipe, args.seed + 100 * number)] = (
                    recipe,
                    home / recipe,
                )
            for process in [p for p in running if p.poll() is not None]:
                recipe, where = running.pop(process)
                result = where / "result.json"
                if not result.exists():
                    print(f"{recipe}: ended with {process.returncode}: {where}/campaign.log")
                    yield {"recipe": recipe, "status": process.returncode}
                    continue
                found = json.loads(result.read_text())
                print(_line(found), flush=True)
                if not found["findings"]:
                    shutil.rmtree(where)
                else:
                    print(f"  the logs are in {where}", flush=True)
                yield found
            time.sleep(0.2)
    finally:
        for process in running:  # told to end; each ends what it has started
            process.terminate()
        for process in running:
            process.wait()
    if not any(home.iterdir()):
        home.rmdir()


def _end(*_: object) -> None:
    sys.exit(143)


def _start(args: argparse.Namespace, recipe: str, home: Path, seed: int) -> subprocess.Popen[bytes]:
    home.mkdir(parents=True)
    with (home / "campaign.log").open("wb") as log:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks.chaos", "--one", str(home)),
                *(f"--recipes={recipe}", f"--minutes={args.minutes}", f"--seed={seed}"),
                *(f"--workers={args.workers}", f"--pause={args.pause}"),
            ],
            env={**os.environ, "ZEROFLEET_CHAOS_RUN": uuid.uuid4().hex, "OMP_NUM_THREADS": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _line(run: dict[str, Any]) -> str:
    return (
        f"{run['recipe']:14} {run['minutes']:5.1f} min {run['num_faults']:5,} faults "
        f"{run['loops']:5,} loops {run['games_delivered']:8,} games  lost {run['games_lost']} "
        f"doubled {run['games_doubled']}  corrupt {run['corrupt_reads']} of {run['reads']:,} reads"
        f"  findings {len(run['findings'])}"
    )


def summed(args: argparse.Namespace, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """What `chaos.json` holds."""
    total: Counter[str] = Counter()
    for run in runs:
        total.update({key: value for key, value in run.items() if key.startswith("games_")})
        total.update(
            faults=run["num_faults"],
            reads=run["reads"],
            corrupt_reads=run["corrupt_reads"],
            left_running=len(run["left_running"]),
            findings=len(run["findings"]),
        )
    return {
        **{key: value for key, value in machine().items() if key in FACTS},
        "seed": args.seed,
        "minutes": args.minutes,
        "at_once": args.at_once,
        "command": f"--minutes {args.minutes:g} --at-once {args.at_once} "
        f"--pause {args.pause:g} --seed {args.seed} --recipes {args.recipes}",
        "total": dict(total),
        "runs": runs,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", default=",".join(RUNS), help="separated by commas")
    parser.add_argument("--minutes", type=float, default=10, help="of each run")
    parser.add_argument("--at-once", type=int, default=1, help="runs at the same time")
    parser.add_argument("--workers", type=int, default=3, help="of each run")
    parser.add_argument("--pause", type=float, default=3.0, help="mean seconds between two faults")
    parser.add_argument("--seed", type=int, default=1, help="of what happens when")
    parser.add_argument("--save", type=Path, help="folder for chaos.json and README.md")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    for recipe in args.recipes.split(","):
        name, plus, kind = recipe.partition("+")
        if name not in OWN or (plus and kind != SUPERVISED):
            parser.error(f"--recipes {recipe}: expected some of {', '.join(RUNS)}")
    if args.one is not None:
        signal.signal(signal.SIGTERM, _end)
        result = one(
            args.recipes,
            args.one,
            minutes=args.minutes,
            workers=args.workers,
            seed=args.seed,
            pause=args.pause,
        )
        (args.one / "result.json").write_text(json.dumps(result, indent=1) + "\n")
        return 0
    signal.signal(signal.SIGTERM, _end)
    runs: list[dict[str, Any]] = []
    failed = 0
    for run in all_of(args):
        if "findings" not in run:
            failed += 1
            continue
        runs.append(run)
        result = summed(args, runs)
        if args.save is not None:  # what is there so far
            args.save.mkdir(parents=True, exist_ok=True)
            (args.save / "chaos.json").write_text(json.dumps(result, indent=1) + "\n")
            (args.save / "README.md").write_text(markdown(result))
    for run in runs:
        for text in run["findings"]:
            print(f"{run['recipe']}: {text}")
    return 1 if failed or any(run["findings"] for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
