"""One main node after another: which is alive, and whose workers they are."""

import json
from types import SimpleNamespace

import pytest

from support import PATIENCE
from zerofleet.cli import main
from zerofleet.fleet import Fleet
from zerofleet.fleet.host_figures import HostFigures
from zerofleet.fleet.plan import begin_plan
from zerofleet.fleet.ssh_fleet import SshFleet
from zerofleet.run.layout import FLEET_LEASE
from zerofleet.run.lease import Heartbeat, Lease, read_lease
from zerofleet.run.store import DirectoryStore

HEAD = "has a main node already"


@pytest.fixture
def store(tmp_path):
    """A run with a plan of one worker."""
    (tmp_path / "run" / "logs").mkdir(parents=True)
    (tmp_path / "fleet.yaml").write_text("workers: [{name: w0, host: there}]\n")
    store = DirectoryStore(tmp_path / "run")
    begin_plan(store, tmp_path / "fleet.yaml")
    return store


@pytest.fixture
def soon_dead(monkeypatch):
    """Main nodes are taken for dead soon."""
    for module in ("ssh_fleet", "control"):
        monkeypatch.setattr(
            f"zerofleet.fleet.{module}.configured_dead_after", lambda _: 4 * PATIENCE
        )


def take(store):
    return SshFleet(store.root, on_event=lambda event: None)


def let_die(group):
    """The power goes: nothing is given back, and another boot cannot see its processes."""
    (spec,) = group.spec.workers
    child = SimpleNamespace(state="running", num_starts=1)
    figures = HostFigures(link="connected")
    group._hosts["w0"] = SimpleNamespace(spec=spec, child=child, figures=figures, is_over=False)
    group._write_status(now=True)
    group._heartbeat.close()
    group._series.close()
    change_lease(group._store, boot_id="another boot")


def change_lease(store, **changes):
    store.put(FLEET_LEASE, json.dumps({**read_lease(store, FLEET_LEASE), **changes}).encode())


def call(store, verb):
    with pytest.raises(SystemExit) as end:
        main(["fleet", verb, "--run-dir", str(store.root)])
    return end.value.code


def test_up_after_a_power_cut_takes_the_fleet(store, soon_dead, monkeypatch, capsys):
    let_die(take(store))
    monkeypatch.setattr(SshFleet, "poll", lambda self: False)
    store.put("STOP", b"")
    assert call(store, "up") == 0
    out = capsys.readouterr().out
    assert "watching it for up to" in out
    assert "1 worker in the fleet of" in out
    assert HEAD not in out


def test_up_beside_a_main_node_says_so(store, capsys):
    with Heartbeat(Lease.acquire(store, FLEET_LEASE)):
        assert call(store, "up") == 0
    assert HEAD in capsys.readouterr().out


def test_down_after_a_power_cut_stops_the_workers_itself(store, soon_dead, monkeypatch, capsys):
    let_die(take(store))
    taken_down = []

    def take_down(self, grace_seconds):
        taken_down.append(list(self._wanted()))
        self.close()

    monkeypatch.setattr(SshFleet, "take_down", take_down)
    assert call(store, "down") == 0
    assert taken_down == [["w0"]]
    assert "All workers are stopped" not in capsys.readouterr().out


def test_down_before_anybody_was_reached_ends_those_of_an_earlier_main_node(store, monkeypatch):
    group, begun = take(store), []
    Fleet(store.root).down()

    def begin(self, spec, *, end_in_seconds=None):
        begun.append((spec.name, end_in_seconds))

    monkeypatch.setattr(SshFleet, "_begin", begin)
    group.poll()
    group.close()
    assert begun == [("w0", 30.0)]
    assert group.is_down


def test_a_run_that_goes_on_begins_the_workers_that_ended_with_it(store, monkeypatch):
    group, begun = take(store), []
    monkeypatch.setattr(SshFleet, "_begin", lambda self, spec: begun.append(spec.name))
    (spec,) = group._wanted().values()
    group._hosts["w0"] = SimpleNamespace(spec=spec, is_over=True, fleet=None)
    store.put("STOP", b"")
    group._follow_plan()
    assert begun == []
    store.delete("STOP")
    group._follow_plan()
    assert begun == ["w0"]
    group._hosts.clear()
    group.close()


@pytest.mark.parametrize(("by", "asked"), [("another session", "leave"), ("", "end")])
def test_one_that_was_taken_over_leaves_the_workers(store, by, asked):
    group, calls = take(store), []
    group._heartbeat.close()
    host = SimpleNamespace(
        is_over=False, figures=HostFigures(), spec=group.spec.workers[0], child=None
    )

    def over(name):
        calls.append(name)
        host.is_over = True

    host.leave, host.end = lambda: over("leave"), lambda grace_seconds: over("end")
    host.join = lambda seconds: True
    group._hosts["w0"] = host
    group._write_status = lambda now=False: None
    if by:
        change_lease(store, session=by)
    group.stop(1)
    assert calls == [asked]
