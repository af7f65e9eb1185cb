"""What a dashboard reads beside the view; nothing in the files makes it fail."""

import json

import pytest

from zerofleet.monitor.facts import FactsReader, log_lines
from zerofleet.run.layout import DATA, MODEL_MANIFEST, REJECTED
from zerofleet.run.models import publish_model
from zerofleet.run.series import SeriesWriter
from zerofleet.run.stop import request_stop
from zerofleet.run.store import DirectoryStore


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path)


def test_an_empty_directory(store):
    facts = FactsReader(store).read()
    assert (facts.num_pending, facts.versions, list(facts.log), facts.is_stopping) == (
        0,
        (),
        [],
        False,
    )
    assert not facts.problems


def test_files_versions_and_log(store, tmp_path):
    for batch in (1, 2):
        store.put(f"{DATA}v0001_w0_{batch:04d}.npz", b"x" * 100)
    for batch in range(30):
        store.put(f"{REJECTED}v0001_w0_{batch:04d}.npz", b"x")
        store.put(f"{REJECTED}v0001_w0_{batch:04d}.npz.reason.txt", f"why {batch}\n".encode())
    for version in (1, 2, 10):
        if version == 10:
            for between in range(3, 10):
                publish_model(store, between, {"nnue": b"x"}, "a net")
        files = {"nnue": b"x" * version, "pt": b"y"}
        publish_model(store, version, files, "a net", info={"iteration": version - 1})
    request_stop(store)
    with SeriesWriter(tmp_path / "logs", "trainer") as series:
        series.append({"time": 5.0, "kind": "rejected", "name": "a.npz", "reason": "bad"})
        series.append({"time": 6.0, "kind": "epoch", "train": 1.0})
        series.append({"time": 7.0, "kind": "done", "loops": 3, "why": "STOP"})
    facts = FactsReader(store).read()
    assert (facts.num_pending, facts.pending_bytes, facts.num_rejected) == (2, 200, 30)
    assert facts.rejected[-1] == ("v0001_w0_0029.npz", "why 29")
    assert len(facts.rejected) == 20
    assert [v.number for v in facts.versions] == list(range(1, 11))
    assert (facts.versions[-1].iteration, facts.versions[-1].size_bytes) == (9, 10)
    assert [(line.time, line.text) for line in facts.log] == [
        (5.0, "rejected a.npz: bad"),
        (7.0, "done after 3 loops: STOP"),
    ]
    assert facts.is_stopping


@pytest.mark.parametrize("manifest", ["[", "[1]", '{"versions": 7}', '{"versions": {"1": 2}}'])
def test_a_damaged_manifest_is_a_problem_at_most(store, manifest):
    publish_model(store, 1, {"nnue": b"x"}, "a net")
    reader = FactsReader(store)
    assert len(reader.read().versions) == 1
    store.put(MODEL_MANIFEST, manifest.encode())
    facts = reader.read()
    assert bool(facts.problems) == (manifest == "[")
    assert len(facts.versions) == (manifest == "[")  # what was known stays


def test_events_of_other_versions_have_a_line_all_the_same():
    strange = {"kind": "loop", "entry": 7}
    (line,) = log_lines([strange])
    assert json.loads(line.text) == strange
