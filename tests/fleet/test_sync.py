import json
import os

import pytest
import toy_run

from support import require_program
from zerofleet.fleet.host import KEEP_VERSIONS, TRUST_SECONDS
from zerofleet.fleet.rsync import RsyncMirror
from zerofleet.fleet.ssh_store import SshStore
from zerofleet.fleet.sync import Mirror
from zerofleet.run.audit import audit
from zerofleet.run.errors import StoreError
from zerofleet.run.layout import worker_lease_key
from zerofleet.run.lease import Lease, LeaseLostError, read_lease
from zerofleet.run.models import fetch_model, publish_model, read_version
from zerofleet.run.stop import clear_stop, request_stop, stop_requested
from zerofleet.run.store import DirectoryStore, exists, iterate

KEY = worker_lease_key("w0")
SHARD = "data/v0001_w0_0001.npz"


@pytest.fixture
def remote(tmp_path):
    (tmp_path / "remote").mkdir()
    return DirectoryStore(tmp_path / "remote")


@pytest.fixture(params=["stores", "rsync", "ssh"])
def mirror(request, tmp_path, store, remote):
    """All transports, behind one `step`."""
    if request.param == "stores":
        return Mirror(store, remote, "gpu3", log_seconds=0)
    if request.param == "ssh":  # as a main node mirrors its host
        distant = SshStore(request.getfixturevalue("ssh_link"), str(remote.root))
        return Mirror(
            store,
            distant,
            "gpu3",
            log_seconds=0,
            trust_seconds=TRUST_SECONDS,
            keep_versions=KEEP_VERSIONS,
        )
    require_program("rsync")
    return RsyncMirror(store, str(remote.root), tmp_path / "staging", name="gpu3", log_seconds=0)


def counts(mirror):
    return getattr(mirror, "mirror", mirror).counts


def test_models_and_config_go_out(store, remote, mirror):
    store.put("config.json", b"{}")
    for version in (1, 2):
        data = b"net %d" % version
        publish_model(store, version, {"nnue": data, "pt": b"big"}, "arch")
        mirror.step()
        assert read_version(remote) == version
        assert fetch_model(remote).data == data
    assert remote.read("config.json") == b"{}"
    assert not exists(remote, "model/versions/0002.pt")
    mirror.step()
    assert counts(mirror).num_models_out == 2


def test_a_round_that_could_not_bring_all_games_says_so(store, remote):
    times = iter(range(0, 1000, 4))
    mirror = Mirror(store, remote, "gpu3", log_seconds=0, clock=lambda: next(times))
    for number in range(1, 6):
        remote.put(f"data/v0001_w0_000{number}.npz", b"games")
    rounds = [mirror.step()]
    while not rounds[-1]:
        rounds.append(mirror.step())
    assert len(rounds) > 1
    assert not list(iterate(remote, "data/"))
    assert len(list(iterate(store, "data/"))) == 5


def test_shards_and_logs_come_in(store, remote, mirror):
    remote.put(SHARD, b"games")
    remote.put("logs/worker_w0.log", b"line 1\n")
    (remote.root / "data" / ".half.tmp").write_bytes(b"never")
    mirror.step()
    assert store.read(SHARD) == b"games"
    assert not exists(remote, SHARD)
    assert (remote.root / "data" / ".half.tmp").exists()
    assert store.read("logs/worker_w0.log") == b"line 1\n"
    remote.put("logs/worker_w0.log", b"line 1\nline 2\n")
    mirror.step()
    assert store.read("logs/worker_w0.log") == b"line 1\nline 2\n"


def test_a_shard_that_is_here_already_is_only_deleted(store, remote, mirror):
    """The mirror died between the copy and the delete."""
    store.put(SHARD, b"games")
    remote.put(SHARD, b"games")
    mirror.step()
    assert store.read(SHARD) == b"games"
    assert not exists(remote, SHARD)
    assert [entry.key for entry in iterate(store, "rejected/")] == []


def test_another_shard_of_the_same_name_is_kept_with_the_reason(store, remote, mirror):
    store.put(SHARD, b"games")
    remote.put(SHARD, b"other games")
    mirror.step()
    assert store.read(SHARD) == b"games"
    assert store.read("rejected/v0001_w0_0001.npz") == b"other games"
    assert b"two workers use one id" in store.read("rejected/v0001_w0_0001.npz.reason.txt")
    assert not exists(remote, SHARD)


def test_stop_goes_out_and_is_cleared(store, remote, mirror):
    request_stop(store)
    mirror.step()
    assert stop_requested(remote)
    clear_stop(store)
    mirror.step()
    assert not stop_requested(remote)


def test_leases_come_in_and_beat(store, remote, mirror):
    lease = Lease.acquire(remote, KEY)
    mirror.step()
    assert read_lease(store, KEY)["session"] == lease.session
    lease.reserve(10)
    mirror.step()
    assert read_lease(store, KEY)["next_batch"] == 2
    lease.release()
    again = Lease.acquire(remote, KEY, settle_seconds=0)
    mirror.step()
    assert read_lease(store, KEY)["session"] == again.session
    again.beat()


def test_a_doubled_id_is_found_and_one_stops(store, remote, mirror):
    here = Lease.acquire(store, KEY)
    there = Lease.acquire(remote, KEY)
    there.reserve(5)
    mirror.step()
    assert counts(mirror).num_doubled_ids == 1
    with pytest.raises(LeaseLostError, match="taken over"):
        there.beat()
    here.reserve(3)
    mirror.step()
    here.confirm()
    # A restart at the remote meets a holder that beats.
    notice = read_lease(remote, KEY)
    assert notice["session"] == here.session
    assert notice["counter"] == read_lease(store, KEY)["counter"]


def test_an_id_that_moves_hosts_goes_on_from_the_right_numbers(store, remote, mirror):
    old = Lease.acquire(store, KEY)
    for _ in range(3):
        old.reserve(10)
    old.release()
    there = Lease.acquire(remote, KEY)
    mirror.step()
    with pytest.raises(LeaseLostError):
        there.beat()
    restarted = Lease.acquire(remote, KEY, settle_seconds=0)
    reserved = restarted.reserve(1)
    assert (reserved.batch, reserved.first_game) == (4, 30)
    mirror.step()
    assert read_lease(store, KEY)["session"] == restarted.session
    restarted.beat()


def test_damaged_leases_do_not_stop_the_mirror(store, remote, mirror):
    remote.put(KEY, b"{")
    remote.put(SHARD, b"games")
    mirror.step()
    assert store.read(SHARD) == b"games"


def test_an_unreachable_rsync_remote_is_one_line(store, tmp_path):
    require_program("rsync")
    mirror = RsyncMirror(store, str(tmp_path / "nowhere" / "at-all"), tmp_path / "staging")
    with pytest.raises(StoreError, match=r"nowhere/at-all/: rsync failed with status \d+: .+"):
        mirror.step()
    mirror = RsyncMirror(store, "x", tmp_path / "staging", rsync=["no-rsync"])
    with pytest.raises(StoreError, match="install rsync"):
        mirror.step()


def test_leases_are_json_for_people(store):
    Lease.acquire(store, KEY)
    assert json.loads(store.read(KEY))["pid"] == os.getpid()


def test_a_whole_run_through_the_mirror(tmp_path, store, remote, mirror):
    """The worker plays in the remote's run directory, the trainer learns in ours."""
    (tmp_path / "worker").mkdir()
    (tmp_path / "worker" / "run").symlink_to(remote.root)
    toy_run.play(tmp_path / "worker")
    mirror.step()
    toy_run.learn(tmp_path)
    mirror.step()
    report = audit(store, toy_run.read_shard, toy_run.read_finished(tmp_path / "worker"))
    assert report.is_sound, report.text()
    assert (report.num_games_counted, report.num_rejected) == (20, 1)
    assert fetch_model(remote).data == b"net 2"
