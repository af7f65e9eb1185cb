"""The page of a run in a real Chromium: it shows what the files say, whatever they say."""

import gzip
import re
import urllib.request

import pytest
from sample_run import true_elo
from web_kit import SECONDS, RunOnDisk, base_of, chromium, entries_with_times, opened, see, served

from zerofleet.monitor.web.live import SHORTEST_SECONDS
from zerofleet.monitor.web.sections import MAX_POINTS, MAX_WORKERS
from zerofleet.run.documents import encode
from zerofleet.run.layout import TRAINING_STATS, worker_lease_key

MAX_FIRST_VIEW_BYTES = 150_000
HALVES = [992.5, 993.5, -0.5, 0.5, 1.5, -2.5, 1234.5, 992.4999999999999, 7.0]
SHARES = [0.125, 0.135, 0.12345, 0.1225, 0.1235, 0.00125, 0.0, 1.0, 0.0625, 0.9375, 0.3145]
ROUND = """async ([halves, shares]) => {
  const f = await import(new URL("format.js", document.querySelector("script[type=module]").src));
  return [halves.map(f.count), shares.map((v) => f.percent(v)), shares.map((v) => f.percent(v, 1))];
}"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


def tile(name: str) -> str:
    return f'[data-tile="{name}"] dd'


def test_one_loop_alone_has_one_mark_and_room_around_it(tmp_path, browser):
    run = RunOnDisk(tmp_path / "run", loops=1)
    with served(run.root) as url, opened(browser, url) as page:
        see(page, tile("strength"), f"{true_elo(1):.0f} ± 25")
        plot = "zerofleet.charts.strength.plot"
        page.wait_for_function(f"{plot}?.axes[0]._values != null", timeout=1000 * SECONDS)
        marks = page.evaluate(f"{plot}.axes[0]._values.filter((v) => v)")
        assert marks == ["1"]
        low, high = page.evaluate(f"[{plot}.scales.y.min, {plot}.scales.y.max]")
        assert high - low == pytest.approx(100, abs=2)  # its error bar is half as high


def test_values_are_those_of_the_files_and_changes_come_by_themselves(tmp_path, browser):
    run = RunOnDisk(tmp_path / "run", workers=2)
    with served(run.root) as url, opened(browser, url) as page:
        see(page, "[data-field=name]", "first")
        see(page, "[data-field=state]", "collecting")
        see(page, "[data-field=loop]", "Loop 4 of 10")
        see(page, "[data-field=doing]", "collecting: 20,000 of 50,000 new positions")
        see(page, tile("strength"), f"{true_elo(3):.0f} ± 25")
        see(page, tile("games_per_second"), "41.00 games/s")
        see(page, tile("workers"), "2 of 3")
        see(page, tile("window"), "90.0 k")
        see(page, tile("reuse"), "4.00 ×")
        see(page, tile("training_share"), "75 %")
        see(page, tile("pending"), "1")
        see(page, tile("loss"), "0.0310")
        limit = page.inner_text("[data-field=bottleneck]")
        assert "Training: it takes 75 % of the time" in limit
        assert "1 file of games not taken in yet" in limit
        # Who failed comes first, with the reason; the whole of it is among the errors.
        rows = page.locator("[data-worker]")
        assert rows.first.get_attribute("data-worker") == "broken"
        assert "the disk is full" in rows.first.inner_text()
        assert "second line" in page.inner_text("[data-field=errors]")
        assert "does not replay" in page.inner_text("[data-field=errors]")
        assert "20.50" in page.inner_text('[data-worker="w1"]')
        assert "v0001" in page.inner_text('[data-version="1"]')
        assert "Loop 3" in page.inner_text("[data-field=log]")
        shown = page.evaluate("zerofleet.state.curves")
        assert shown["loops"] == [1, 2, 3]
        assert shown["losses"]["val"] == [e["losses"]["val"] for e in run.entries]
        assert shown["mean_plies"] == [60.0, 59.0, 58.0]
        assert shown["results"]["first"] == pytest.approx([0.425] * 3)
        assert [s["value"] for s in shown["rated"]["strength"]] == [true_elo(v) for v in (1, 2, 3)]
        assert (
            shown["rated"]["scores"]["rnd"][2][0]
            == run.entries[2]["game_stats"]["matches"][0]["score"]
        )
        assert page.locator(".u-wrap canvas").count() >= 6

        # Numbers are rounded as everywhere else: halves to the even neighbour, by the exact value.
        texts = page.evaluate(ROUND, [HALVES, SHARES])
        assert texts[0] == [f"{v:,.0f}" for v in HALVES]
        assert texts[1] == [f"{v:.0%}".replace("%", " %") for v in SHARES]
        assert texts[2] == [f"{v:.1%}".replace("%", " %") for v in SHARES]

        # What changes in the run changes on the page, without a reload: two seconds are promised,
        # and a look every half second keeps that.
        assert SHORTEST_SECONDS <= 0.5
        page.evaluate("window.stays = true")
        run.collecting(30_500)
        see(page, "[data-field=doing]", "collecting: 30,500 of 50,000 new positions")
        run.entries = entries_with_times(4)
        run.write_stats()
        see(page, tile("strength"), f"{true_elo(4):.0f} ± 25")
        assert page.evaluate("zerofleet.state.curves.loops") == [1, 2, 3, 4]
        run.play(run.workers[1], 4.0)
        see(page, '[data-worker="w1"] .tag', "slow")
        assert page.evaluate("window.stays")

        # A file that is damaged or away for a while takes nothing from the page.
        run.store.put(TRAINING_STATS, b'[{"iteration": 1, "losses"')
        run.store.put(worker_lease_key("w1"), b"{")
        see(page, "[data-field=errors] b", "files")
        see(page, "[data-field=errors]", re.compile(r"training_stats\.json"))
        see(page, tile("strength"), f"{true_elo(4):.0f} ± 25")
        run.store.delete("config.json")
        see(page, "[data-field=loop]", "Loop 5")
        run.write_stats()
        run.store.put("config.json", encode({"pacing": "none", "game": 7, "replay": [1]}))
        run.play(run.workers[0], 21.0)
        see(page, tile("games_per_second"), "21.00 games/s")

        # The end.
        run.trainer.release("the optimizer diverged")
        see(page, "[data-field=state]", "trainer stopped: the optimizer diverged")
        assert "the optimizer diverged" in page.inner_text("[data-field=errors]")


def test_hostile_names_are_shown_as_they_are(tmp_path, browser):
    evil = "<img src=x onerror='window.hacked=1'>"
    run = RunOnDisk(tmp_path / "run", name=evil, loops=2)
    run.workers[0].beat(state="error", error=f"{evil}</pre><script>hacked=2</script>", host=evil)
    run.entries[1]["losses"][evil] = 0.5
    run.entries[1]["elo"]["ratings"] = {evil: [100.0, 5.0]}
    run.entries[1]["game_stats"]["matches"][0]["opponent"] = evil
    run.write_stats()
    (run.root / "logs" / "worker_w0.log").write_text(f"{evil}\n")
    with served(run.root) as url, opened(browser, url) as page:
        see(page, "[data-field=name]", evil)
        see(page, '[data-worker="w0"] .note', f"{evil}</pre><script>hacked=2</script>")
        assert evil in page.inner_text("[data-field=charts]")
        page.click('[data-worker="w0"] button')
        see(page, "#sheet pre", evil)
        assert page.evaluate("typeof window.hacked") == "undefined"
        assert page.locator("img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_sees_all_of_a_dead_run(tmp_path, browser, scheme):
    run = RunOnDisk(tmp_path / "run")
    lease = run.store.read("trainer.json").replace(
        f'"pid": {run.trainer._document["pid"]}'.encode(), b'"pid": 999999999'
    )
    run.store.put("trainer.json", lease)
    with served(run.root) as url, opened(browser, url, width=390, scheme=scheme) as page:
        see(page, "[data-field=state]", "trainer offline")
        assert "The trainer is gone" in page.inner_text("[data-field=bottleneck]")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert sum(map(int, re.findall(r"\d+", ground)[:3])) > 600 or scheme == "dark"
        assert sum(map(int, re.findall(r"\d+", ground)[:3])) < 150 or scheme == "light"


def test_the_page_comes_back_when_the_server_does(tmp_path, browser):
    run = RunOnDisk(tmp_path / "run")
    with served(run.root) as url:
        page = browser.new_page()
        page.goto(url)
        see(page, "[data-field=state]", "collecting")
    see(page, "[data-field=state]", "connection lost, trying again")
    run.collecting(40_000)
    with served(run.root, port=int(url.split(":")[2].strip("/"))):
        see(page, "[data-field=doing]", "collecting: 40,000 of 50,000 new positions")
        see(page, "[data-field=state]", "collecting")
        run.collecting(41_000)
        see(page, "[data-field=doing]", "collecting: 41,000 of 50,000 new positions")
        page.close()


def test_an_empty_directory_is_a_run_that_has_not_begun(tmp_path, browser):
    with served(tmp_path) as url, opened(browser, url) as page:
        see(page, "[data-field=state]", "waiting for the trainer")
        assert "No worker has come yet" in page.inner_text("[data-field=workers]")


def test_a_thousand_workers_and_a_hundred_thousand_loops(tmp_path, browser):
    from playwright.sync_api import expect

    run = RunOnDisk(tmp_path / "run")
    lease = run.store.read(worker_lease_key("w0"))
    for number in range(1000):
        (run.root / "workers" / f"node-{number:04d}.json").write_bytes(lease)
    entry = {
        "model_version": 1,
        "games": 100,
        "positions": 5000,
        "losses": {"train": 0.5, "val": 0.6},
        "game_stats": {"mean_plies": 50.0, "draw_share": 0.5, "first_player_score": 0.5},
        "elo": {"rating": 100.0, "error": 10.0},
        "seconds": 10.0,
    }
    loops = [{**entry, "iteration": i, "model_version": i} for i in range(1, 100_001)]
    run.store.put(TRAINING_STATS, encode(loops, indent=None))
    with served(run.root) as url, opened(browser, url) as page:
        see(page, tile("workers"), "1,001 of 1,002")
        assert page.locator("[data-worker]").count() == MAX_WORKERS
        page.click("[data-field=workers-more]")
        expect(page.locator("[data-worker]")).to_have_count(1002, timeout=1000 * SECONDS)
        curves = page.evaluate("zerofleet.state.curves")
        assert (len(curves["loops"]), curves["num_loops"]) == (MAX_POINTS, 100_000)
        assert (curves["loops"][0], curves["loops"][-1]) == (1, 100_000)
        # Everything of the first view, as it travels.
        names = page.evaluate("performance.getEntriesByType('resource').map(e => e.name)")
        first = {n for n in [url, *names] if "/api/events" not in n and "/api/workers" not in n}
        assert len(first) >= 8
        assert sum(size_of(name) for name in first) < MAX_FIRST_VIEW_BYTES
        assert not any("games.js" in name for name in first)


def size_of(url: str) -> int:
    request = urllib.request.Request(url, headers={"accept-encoding": "gzip"})
    with urllib.request.urlopen(request) as answer:
        data = answer.read()
    assert answer.headers["content-encoding"] == "gzip" or len(data) < 1000, url
    assert len(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data) > 0
    assert url.startswith(base_of(url))
    return len(data)
