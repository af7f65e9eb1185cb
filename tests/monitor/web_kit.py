"""A run directory, its page served in a thread, and a real Chromium that opens it."""

import contextlib
import re
import threading
from pathlib import Path

from sample_run import sample_entries

from support import PATIENCE, require, require_program
from zerofleet.run.documents import encode
from zerofleet.run.layout import DATA, REJECTED, TRAINER_LEASE, TRAINING_STATS, worker_lease_key
from zerofleet.run.lease import Lease
from zerofleet.run.models import publish_model
from zerofleet.run.series import SeriesWriter
from zerofleet.run.store import DirectoryStore

SECONDS = 60 * PATIENCE
"""What a page is waited for; it usually takes one."""
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]


def entries_with_times(count: int) -> list:
    """Loops that also say what the window was and how long training took: 75 % of the time."""
    extra = {"window": 200_000, "training_seconds": 30.75}
    return [
        {
            **e,
            **extra,
            "samples": 4 * e["positions"],
            "game_stats": {**e["game_stats"], **played(i)},
        }
        for i, e in enumerate(sample_entries(count))
    ]


def played(loop: int) -> dict:
    return {"mean_plies": 60.0 - loop, "draw_share": 0.25, "first_player_score": 0.55}


class RunOnDisk:
    """A run in progress: three loops, a trainer that collects, a worker, a failed one."""

    def __init__(self, root: Path, *, name: str = "first", loops: int = 3, workers: int = 1):
        self.root = root
        self.store = DirectoryStore(root)
        self.entries = entries_with_times(loops)
        config = {
            "run_name": name,
            "game": {"name": "ultimate_ttt", "options": {}},
            "pacing": {"max_loops": 10, "min_new_positions": 50_000},
            "replay": {"max_positions": 2_000_000},
        }
        self.store.put("config.json", encode(config))
        self.write_stats()
        publish_model(self.store, 1, {"nnue": b"x" * 2048}, "a net", info={"iteration": 1})
        self.trainer = Lease.acquire(self.store, TRAINER_LEASE)
        self.collecting(20_000)
        self.workers = [
            Lease.acquire(self.store, worker_lease_key(f"w{n}"), info={"threads": 2})
            for n in range(workers)
        ]
        for worker in self.workers:
            self.play(worker, 20.5)
        self.failed = Lease.acquire(self.store, worker_lease_key("broken"))
        self.failed.beat(state="error", error="the disk is full\nsecond line")
        self.store.put(f"{DATA}v0001_w0_0003.npz", b"x" * 1000)
        self.store.put(f"{REJECTED}v0001_w0_0002.npz.reason.txt", b"does not replay\n")
        with SeriesWriter(root / "logs", "trainer") as series:
            series.append({"time": 1.8e9, "kind": "loop", "entry": self.entries[-1]})

    def write_stats(self) -> None:
        self.store.put(TRAINING_STATS, encode(self.entries))

    def collecting(self, num_new: int) -> None:
        progress = {"phase": "collecting", "new_positions": num_new, "window": 90_000}
        self.trainer.beat(state="active", progress=progress)

    def play(self, worker: Lease, games_per_second: float) -> None:
        worker.beat(
            state="active",
            model_version=1,
            rates={
                "games_per_second": games_per_second,
                "positions_per_second": 35 * games_per_second,
            },
            totals={"batches": 2, "games": 2000, "positions": 61_000},
        )


@contextlib.contextmanager
def served(root: Path, **options):
    """The address of the page of a run, while it is served from a thread."""
    require("starlette")
    from zerofleet.monitor.web.server import PageServer

    server = PageServer(DirectoryStore(root), run_dir=str(root), **{"port": 0, **options})
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server.url
    finally:
        server.stop()
        thread.join(timeout=SECONDS)
        assert not thread.is_alive()


@contextlib.contextmanager
def chromium():
    """A browser, and what goes wrong in its pages fails the test that opened them."""
    playwright = require("playwright.sync_api")
    path = require_program("chromium")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=CHROMIUM)
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(browser, url: str, *, width: int = 1280, scheme: str = "light"):
    """A page of its own at an address; errors in its scripts and outside requests fail."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    context.set_default_timeout(1000 * SECONDS)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith(base_of(url)) else errors.append(r.url))
    try:
        page.goto(url)
        yield page
    finally:
        context.close()
    assert errors == []


def base_of(url: str) -> str:
    return "/".join(url.split("/")[:3])


def see(page, selector: str, text: str | re.Pattern) -> None:
    """Waits until an element of the page has this text."""
    from playwright.sync_api import expect

    expect(page.locator(selector).first).to_have_text(text, timeout=1000 * SECONDS)
