"""Where settings come from: defaults < recipe < the run's config.json < the command line."""

import json

import run_kit

from zerofleet.records.read import decode_shard
from zerofleet.roles.config import parse_setting, resolve
from zerofleet.run.layout import CONSUMED, DATA
from zerofleet.run.stats import read_stats


def tree_of(keys):
    tree = {}
    for key, value in (parse_setting(f"{key}={value}") for key, value in keys.items()):
        *sections, last = key.split(".")
        place = tree
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return tree


def test_what_is_stronger():
    recipe = {"game": {"name": "ultimate_ttt"}, "search": {"depth": 5, "table_kib": 32}}
    existing = {"game": {"name": "ultimate_ttt"}, "search": {"depth": 3}}
    assert resolve(recipe, None, {}).search.depth == 5
    assert resolve(recipe, existing, {}).search.depth == 3
    assert resolve(recipe, existing, {}).search.table_kib == 32
    assert resolve(recipe, existing, {"search.depth": 2}).search.depth == 2


def test_a_file_that_was_there_before_sets_both_roles(run):
    """`--shared-dir` is all that either role needs; a flag is stronger than the file."""
    keys = {**run_kit.TINY, "search.depth": 3, "replay.keep": "all"}
    run.directory.mkdir()
    document = {"game": {"name": "ultimate_ttt"}, **tree_of(keys)}
    (run.directory / "config.json").write_text(json.dumps(document))
    trainer = run.start("trainer", f"--shared-dir={run.directory}", "--max-loops=1")
    worker = run.start("worker", f"--shared-dir={run.directory}")
    assert (trainer.wait(), worker.wait()) == (0, 0), trainer.text() + worker.text()
    assert [entry["iteration"] for entry in read_stats(run.store)] == [0, 1]
    written = json.loads((run.directory / "config.json").read_text())
    assert written["search"]["depth"] == 3
    assert written["pacing"]["max_loops"] == 1
    assert written["net"]["num_accumulators"] == 32
    # As `net.num_accumulators`, so what only workers care about: depth and games of a file.
    for name in run.names(DATA, CONSUMED):
        prefix = DATA if name in run.names(DATA) else CONSUMED
        meta, games = decode_shard(run.store.read(prefix + name), name=name)
        assert meta.search["depth"] == 3
        assert games.num_games <= 10
    run.audit()
