"""A trainer and two workers killed at random moments, for minutes."""

import os
import random
import signal
import time

import pytest
import run_kit
from campaign import Chain

from support import PATIENCE

MINUTES = float(os.environ.get("ZEROFLEET_SOAK_MINUTES", "3"))


@pytest.mark.long
@pytest.mark.timeout(MINUTES * 60 + 300)
def test_random_kills(run):
    run.base = run_kit.RATED
    run.settings |= {"search.depth": 4, "replay.keep": "all"}
    chain = Chain(run, run_kit.Watcher(run))
    rng = random.Random(2)

    def start(name):
        if name == "trainer":
            return run.trainer(pacing__max_loops=10_000)
        return run.worker(name, f"--games-per-batch={rng.choice((5, 10, 40))}")

    names = ("trainer", "w0", "w1")
    roles = {name: start(name) for name in names}
    end = time.monotonic() + MINUTES * 60
    while time.monotonic() < end:
        # Mostly short lives, so that start and recovery are hit as well as steady work.
        time.sleep(3 * rng.random() ** 3)
        name = rng.choice(names)
        assert roles[name].poll() is None, roles[name].text()
        if rng.random() < 0.1:
            # Frozen for a moment instead: slower than everybody expects, but alive.
            roles[name].signal(signal.SIGSTOP)
            time.sleep(rng.random())
            roles[name].signal(signal.SIGCONT)
            continue
        if rng.random() < 0.2:
            # Asked to stop, in the middle of whatever it does, it ends cleanly and soon.
            # Before it has begun the signal ends it as any process.
            expected = 0 if "started" in roles[name].text() else -signal.SIGTERM
            assert roles[name].stop(30 * PATIENCE) in (0, expected), roles[name].text()
            roles[name] = start(name)
            continue
        chain.kill_at_random(roles[name])
        roles[name] = start(name)
    before = run.iteration()
    assert roles["trainer"].stop() == 0, roles["trainer"].text()
    assert before >= 2
    assert len(chain.kills) >= 10 * MINUTES
    chain.finish(roles["w0"], roles["w1"])
