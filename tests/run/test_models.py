import json

import pytest

from zerofleet.run import layout
from zerofleet.run.errors import DamagedError, RunError, StoreError
from zerofleet.run.models import (
    ModelMissingError,
    fetch_model,
    publish_model,
    read_manifest,
    read_version,
)


def test_the_newest_version_comes_back_checked(store):
    assert read_version(store) == 0
    publish_model(store, 1, {"nnue": b"one", "pt": b"weights"}, "arch")
    publish_model(store, 2, {"nnue": b"two"}, "arch", copies={"model/nnue_model.nnue": b"two"})
    assert store.read("model/version.txt") == b"2\n"
    assert store.read("model/nnue_model.nnue") == b"two"
    newest = fetch_model(store)
    assert (newest.version, newest.data, newest.architecture) == (2, b"two", "arch")
    assert fetch_model(store, 1, "pt").data == b"weights"
    assert list(read_manifest(store)["versions"]) == ["1", "2"]


def test_publishing_again_with_the_same_bytes_changes_nothing(store):
    for _ in range(2):
        publish_model(store, 1, {"nnue": b"one"}, "arch", info={"loop": 1})
    publish_model(store, 2, {"nnue": b"two"}, "arch")
    before = {e.key: store.read(e.key) for e in store.list("").entries}
    publish_model(store, 1, {"nnue": b"one"}, "arch", copies={"model/nnue_model.nnue": b"one"})
    assert {e.key: store.read(e.key) for e in store.list("").entries} == before


def test_a_service_that_is_away_for_a_while_is_asked_again(store, monkeypatch):
    publish_model(store, 1, {"nnue": b"one"}, "arch")
    read, times = store.read, iter("away")

    def away(key):
        if key == layout.MODEL_VERSION and next(times, None):
            raise StoreError("cannot read: the service is away")
        return read(key)

    monkeypatch.setattr(store, "read", away)
    publish_model(store, 2, {"nnue": b"two"}, "arch")
    assert next(times, None) is None
    assert read_version(store) == 2
    times = iter("away for long")
    with pytest.raises(StoreError, match="the service is away"):
        publish_model(store, 3, {"nnue": b"three"}, "arch")


def test_a_version_is_immutable(store):
    publish_model(store, 1, {"nnue": b"one"}, "arch")
    with pytest.raises(RunError, match=r"version 1 is published and immutable.*\.nnue"):
        publish_model(store, 1, {"nnue": b"other"}, "arch")
    assert fetch_model(store).data == b"one"


def test_versions_have_no_gaps(store):
    with pytest.raises(RunError, match="the next one is 1"):
        publish_model(store, 2, {"nnue": b"two"}, "arch")


def test_an_old_manifest_that_a_frozen_trainer_writes_late_takes_no_version_away(store):
    known = {}
    publish_model(store, 1, {"nnue": b"one"}, "arch", known=known)
    old = store.read(layout.MODEL_MANIFEST)
    publish_model(store, 2, {"nnue": b"two"}, "arch", known=known)
    store.put(layout.MODEL_MANIFEST, old)
    store.put(layout.MODEL_VERSION, b"1\n")
    publish_model(store, 3, {"nnue": b"three"}, "arch", known=known)
    assert [fetch_model(store, version).data for version in (1, 2, 3)] == [b"one", b"two", b"three"]
    assert read_version(store) == 3
    store.put(layout.MODEL_MANIFEST, old)
    publish_model(store, 3, {"nnue": b"three"}, "arch", known=known)  # a gate refused the next one
    assert list(read_manifest(store)["versions"]) == ["1", "2", "3"]


def test_a_file_no_manifest_names_is_replaced(store):
    """A trainer died between file and manifest, and its successor trained again."""
    store.put(layout.model_key(1, "nnue"), b"never published")
    publish_model(store, 1, {"nnue": b"one"}, "arch")
    assert fetch_model(store).data == b"one"


@pytest.mark.parametrize("damage", [lambda d: d[:-1], lambda d: b"\x00" + d[1:], lambda d: b""])
def test_a_damaged_model_is_refused_and_repaired(store, damage):
    publish_model(store, 1, {"nnue": b"one" * 100}, "arch")
    store.put(layout.model_key(1, "nnue"), damage(b"one" * 100))
    with pytest.raises(DamagedError, match=r"versions/0001\.nnue: damaged: expected 300 bytes"):
        fetch_model(store)
    publish_model(store, 1, {"nnue": b"one" * 100}, "arch")
    assert fetch_model(store).data == b"one" * 100


def test_what_is_not_there_yet(store):
    with pytest.raises(ModelMissingError, match="no model is published"):
        fetch_model(store)
    publish_model(store, 1, {"nnue": b"one"}, "arch")
    with pytest.raises(ModelMissingError, match="does not name version 2"):
        fetch_model(store, 2)
    with pytest.raises(ModelMissingError, match=r"has no \.pt file, only nnue"):
        fetch_model(store, 1, "pt")
    store.delete(layout.model_key(1, "nnue"))
    with pytest.raises(ModelMissingError, match="not there"):
        fetch_model(store)


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "1 2"])
def test_a_version_that_is_none(store, text):
    store.put("model/version.txt", text.encode())
    with pytest.raises(DamagedError, match="expected a version number"):
        read_version(store)


def test_a_later_format_is_refused(store):
    store.put("model/manifest.json", json.dumps({"format": 2, "versions": {}}).encode())
    with pytest.raises(DamagedError, match="format 2, this version of zerofleet reads 1 to 1"):
        fetch_model(store, 1)
