"""The sections of the page: never an exception, whatever the files hold; nothing sent twice."""

import asyncio
import json

import pytest
from sample_run import sample_entries
from sample_scores import sample_score_entries
from web_kit import RunOnDisk

from support import require
from zerofleet.monitor.web.sections import MAX_POINTS, curves, thin
from zerofleet.run.layout import MODEL_MANIFEST, TRAINING_STATS, worker_lease_key
from zerofleet.run.store import DirectoryStore

STRANGE = [None, 7, -1.5, "text", [], {}, [1], {"a": 1}, True, 1e400, [[]], {"rating": "high"}]
GOOD = sample_entries(1)[0]


def live_of(store):
    require("starlette")
    from zerofleet.monitor.web.live import LiveRun

    return LiveRun(store, run_dir="runs/x", allow_play=False)


@pytest.mark.parametrize("key", ["iteration", "losses", "game_stats", "elo", "seconds", "games"])
def test_strange_figures_do_not_break_the_page(tmp_path, key):
    store = DirectoryStore(tmp_path)
    live = live_of(store)
    for strange in STRANGE:
        for entry in ({**GOOD, key: strange}, {"iteration": 1, key: {key: strange}}):
            store.put(TRAINING_STATS, json.dumps([entry, {**GOOD, "iteration": 2}]).encode())
            found = {name: json.loads(text) for name, text in live._read().items()}
            assert found["head"]["phase"] == "waiting for the trainer"
    store.put(TRAINING_STATS, json.dumps([GOOD]).encode())
    found = live._read()
    assert json.loads(found["head"])["errors"] == []
    assert json.loads(found["curves"])["loops"] == [1]


@pytest.mark.parametrize("name", ["config.json", "trainer.json", MODEL_MANIFEST, "lease"])
def test_strange_documents_do_not_break_the_page(tmp_path, name):
    run = RunOnDisk(tmp_path / "run")
    key = worker_lease_key("w0") if name == "lease" else name
    live = live_of(run.store)
    good = json.loads(run.store.read(key)) if name != "config.json" else {}
    for field in {*good, "game", "pacing", "arena", "rates", "totals", "progress", "info"}:
        for strange in (None, "text", [1], {"a": [1]}):
            run.store.put(key, json.dumps({**good, field: strange}).encode())
            head = json.loads(live._read()["head"])
            assert head["name"]
    for strange in STRANGE:
        run.store.put(key, json.dumps(strange).encode())
        assert json.loads(live._read()["head"])["name"]


def test_only_what_changed_is_sent(tmp_path):
    run = RunOnDisk(tmp_path / "run")
    live = live_of(run.store)

    async def watch() -> None:
        first = json.loads(await live.snapshot())
        assert set(first) == {"change", "head", "workers", "curves"}
        ending = False
        changes = live.changes(first["change"], lambda: ending)
        waiting = asyncio.ensure_future(anext(changes))
        await live.look()
        assert not waiting.done()
        run.collecting(33_000)
        await live.look()
        name, text, change = await asyncio.wait_for(waiting, 30)
        assert (name, change) == ("head", first["change"] + 1)
        assert json.loads(text)["collected"]["new"] == 33_000
        ending = True
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(anext(changes), 30)
        assert live._watchers == 0

    asyncio.run(watch())


def test_thinning_keeps_the_ends_and_the_order():
    entries = [{"iteration": i} for i in range(100_000)]
    found = [e["iteration"] for e in thin(entries)]
    assert len(found) == MAX_POINTS
    assert (found[0], found[-1]) == (0, 99_999)
    assert found == sorted(set(found))
    assert thin(entries[:10]) == entries[:10]


def test_curves_of_one_player_and_of_other_names():
    found = curves(sample_score_entries(3))
    assert [s["value"] for s in found["rated"]["strength"]] == [1000.0, 2000.0, 3000.0]
    assert found["mean_score"] == [None, 900.0, 1800.0]
    assert found["opponents"] == [["random", 1080.0], ["expectimax:1", 3030.0]]
    assert found["results"] is None
    old = {"white_win_rate": 0.02, "draw_rate": 0.96, "avg_moves": 195.3}
    found = curves([{"iteration": 1, "game_stats": old, "losses": {"total_loss": 5.0}}])
    assert found["mean_plies"] == [195.3]
    assert found["results"]["second"] == [pytest.approx(0.02)]
    assert found["losses"] == {"total_loss": [5.0]}
