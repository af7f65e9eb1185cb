"""Chains of kills on one run, and what must hold after each and at the end.

`python campaign.py REPORT` prints what a campaign wrote to REPORT as a Markdown table.
"""

import collections
import json
import os
import re
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

REPORT_VARIABLE = "ZEROFLEET_CAMPAIGN_REPORT"
"""Names a file to which every kill is appended, one JSON object in each line."""

_TEMPORARY = re.compile(r"\.(.+)\.[0-9a-f]{12}-(\d+)-\d+-[0-9a-f]{12}\.tmp")


@dataclass
class Kill:
    """One process that died by SIGKILL at a fault point."""

    role: str
    fault: str
    """As in ZEROFLEET_FAULT."""
    iteration: int
    """Committed loops at that moment; -1 before the bootstrap's commit."""
    writing: str
    """The file whose temporary it left behind; empty if none."""


class Chain:
    """One run, a reader and a watcher beside it; kills one role after the other."""

    def __init__(self, run, watcher):
        self.run, self.watcher = run, watcher
        self.kills = []
        self._evil = 0
        self._report = run.home / "reader.txt"
        self._done = run.home / "reader.done"
        script = Path(__file__).with_name("reader.py")
        self._reader = run.start(script, run.directory, self._report, self._done)
        watcher.start()

    def kill_trainer(self, fault):
        if fault.startswith("reject."):
            self._spoil_a_shard()
        role = self.run.trainer(fault=fault, pacing__max_loops=10_000)
        self._expect_kill(role, fault)

    def kill_worker(self, fault, *argv):
        role = self.run.worker("w0", *argv, fault=fault)
        self._expect_kill(role, fault)

    def kill_at_random(self, role, fault=""):
        """Kills a running role from outside."""
        role.signal(signal.SIGKILL)
        self._expect_kill(role, fault or "at random")

    def finish(self, *workers):
        """Goes on without faults for two loops, then checks everything."""
        run = self.run
        goal = max(0, run.iteration()) + 2
        trainer = run.trainer(pacing__max_loops=goal)
        assert trainer.wait() == 0, trainer.text()
        assert run.iteration() == goal
        assert "done after" in trainer.text()
        for worker in workers:
            assert worker.wait() == 0, worker.text()
        return self.check_end()

    def check_end(self):
        """Nothing lost, doubled or partial; every kill goes to the report."""
        run = self.run
        self._done.touch()
        assert self._reader.wait() == 0, self._reader.text()
        *partial, reads = self._report.read_text().splitlines()
        assert partial == [], partial[:5]
        delivered = self.watcher.delivered()
        report = run.audit(delivered)
        games = sum(len(content.game_numbers) for content in delivered)
        assert report.num_games_counted + report.num_games_pending == games
        assert not list((run.home / "state").rglob("*.npz")), "a shard was left in a spool"
        # The trainer that started last has swept what the killed ones were writing.
        assert not list(run.directory.rglob(".*"))
        path = os.environ.get(REPORT_VARIABLE)
        if path:
            end = {"games": games, "counted": report.num_games_counted, **json.loads(reads)}
            with Path(path).open("a") as file:
                file.writelines(json.dumps(asdict(kill)) + "\n" for kill in self.kills)
                file.write(json.dumps({**end, "lost": 0}) + "\n")
        return report

    def _spoil_a_shard(self):
        self._evil += 1
        self.run.store.put(f"data/v0001_evil_{self._evil:04d}.npz", b"not a shard")

    def _expect_kill(self, role, fault):
        status = role.wait()
        assert status == -signal.SIGKILL, f"{fault} was not passed; {role.text()}"
        self.kills.append(Kill(role.argv[0], fault, self.run.iteration(), self._writing(role.pid)))
        self.run.audit()

    def _writing(self, pid):
        found = [_TEMPORARY.fullmatch(path.name) for path in self.run.home.rglob(".*.tmp")]
        names = [match[1] for match in found if match and int(match[2]) == pid]
        return names[0] if names else ""


def random_pause(rng, longest):
    """Sleeps for a random time, short ones more often."""
    time.sleep(longest * rng.random() ** 2)


def main(path):
    """Prints the table of a report."""
    kills, files = collections.Counter(), collections.defaultdict(set)
    ends = collections.Counter()
    reads = collections.Counter()
    for line in Path(path).read_text().splitlines():
        entry = json.loads(line)
        if "fault" not in entry:
            ends.update(runs=1, games=entry["games"], counted=entry["counted"], lost=entry["lost"])
            reads.update(entry["reads"])
            continue
        point = entry["fault"].split(",")[-1].split(":")[0]
        kills[entry["role"], point] += 1
        name = re.sub(r"v?\d{4,}", "N", re.sub(r"-[0-9a-f]{8,}", "", entry["writing"]))
        files[entry["role"], point] |= {name} - {""}
    print("| role | killed at | kills | while writing |\n|---|---|---:|---|")
    for (role, point), number in sorted(kills.items()):
        written = ", ".join(sorted(files[role, point]))
        print(f"| {role} | {point} | {number} | {written} |")
    print(f"\n{sum(kills.values())} kills in {ends['runs']} runs. {ends['games']:,} games were")
    print(f"delivered, {ends['counted']:,} of them counted when the runs ended and the others")
    print(f"pending in data/; lost: {ends['lost']}, counted twice: 0. Files the reader checked")
    print(f"meanwhile: {sum(reads.values()):,} ({dict(reads)}), partial: 0.")


if __name__ == "__main__":
    main(sys.argv[1])
