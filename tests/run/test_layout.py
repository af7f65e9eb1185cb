import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerofleet.run import layout

WORKERS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)


@settings(deadline=None)
@given(st.integers(1, 10**6), WORKERS, st.integers(0, 10**7))
def test_shard_names_round_trip(version, worker, batch):
    name = layout.shard_name(version, worker, batch)
    assert layout.parse_shard_name(name) == layout.ShardName(version, worker, batch)


def test_the_documented_name():
    assert layout.shard_name(1, "worker0", 1) == "v0001_worker0_0001.npz"


@pytest.mark.parametrize(
    "name",
    [
        "v1_w_0001.npz",
        "v00001_w_0001.npz",
        "v0000_w_0001.npz",
        "v0001_w_0001.npz.tmp",
        ".v0001_w_0001.npz",
        "v0001__0001.npz",
        "v0001_../x_0001.npz",
        "v0001_.w_0001.npz",
        "v0001_w_0001.npy",
        "v0001_w_٠٠٠١.npz",
        "",
    ],
)
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match="not the name of a shard"):
        layout.parse_shard_name(name)


@pytest.mark.parametrize("worker", ["", ".w", "a/b", "-a", "a b", "x" * 65, "é"])
def test_worker_ids_that_are_no_file_names(worker):
    with pytest.raises(ValueError, match="not usable as a file name"):
        layout.worker_lease_key(worker)


def test_lease_keys_round_trip():
    assert layout.worker_of_lease_key(layout.worker_lease_key("gpu3-0")) == "gpu3-0"
    assert layout.worker_of_lease_key("workers/.gpu3.json") is None
    assert layout.worker_of_lease_key("data/gpu3.json") is None


def test_the_default_id_is_usable():
    assert layout.check_worker_id(layout.default_worker_id(3)).endswith("-3")
