"""docs/fleet.md, "Two hosts, step by step", followed literally on a main node and two hosts.

Every block of the section is run in its order, as it is there, on the machine that its mark names;
the one of `fleet.yaml` is the fleet file. Only pip is not: see `install`.
"""

import re
import signal
import venv
from importlib.metadata import distribution
from pathlib import Path

import pytest
from fleet_kit import wait_for
from machines import network
from run_kit import PATIENCE_SECONDS

import zerofleet
from installed import link, needed, requirements
from shell_blocks import ROOT, blocks_of
from support import PATIENCE, require
from zerofleet import _core
from zerofleet.records.account import shard_account
from zerofleet.run.audit import audit
from zerofleet.run.layout import worker_lease_key
from zerofleet.run.lease import read_lease
from zerofleet.run.stats import read_stats
from zerofleet.run.store import DirectoryStore

PAGE = ROOT / "docs" / "fleet.md"
CORE = Path(_core.__file__)  # an editable installation has it beside the environment's packages
TITLE = "## Two hosts, step by step\n"


def tutorial():
    text = PAGE.read_text().partition(TITLE)[2].partition("\n## ")[0]
    blocks = blocks_of(text)
    assert {block.machine for block in blocks} == {"", "the main node", "each host"}
    assert all(block.machine for block in blocks if block.kind == "sh")
    return blocks


@pytest.fixture
def machines(tmp_path):
    require("asyncssh")
    main, hosts = network(tmp_path, "host1", "host2")
    yield main, hosts
    for machine in (main, *hosts):
        machine.end()


def install(machine, command):
    """In place of pip: what the extras ask for, out of what is installed here, and nothing else."""
    program, extras = re.fullmatch(r"(\S+) install '\.\[([\w,]+)\]'\n", command).groups()
    folder = machine.home / "env"  # that of the person who types plain pip
    if program == "pip":
        venv.create(folder, with_pip=False, symlinks=True)
        machine.path = f"{folder}/bin:{machine.path}"
    else:
        folder = machine.home / program.removeprefix("~/").removesuffix("/bin/pip")
    (site,) = (folder / "lib").glob("python*/site-packages")
    link(needed(requirements(*extras.split(","))), site)
    (site / "zerofleet").mkdir()
    for file in {f.name: f for f in (*Path(zerofleet.__file__).parent.iterdir(), CORE)}.values():
        (site / "zerofleet" / file.name).symlink_to(file)
    info = next(f for f in distribution("zerofleet").files if f.parts[0].endswith(".dist-info"))
    (site / info.parts[0]).symlink_to(info.locate().parent)
    script = folder / "bin" / "zerofleet"
    script.write_text(f"#!{folder}/bin/python\nfrom zerofleet.__main__ import run\n\nrun()\n")
    script.chmod(0o755)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_tutorial_does_what_it_says(machines, tmp_path):
    main, hosts = machines
    store = DirectoryStore(main.home / "runs" / "tic_tac_toe")
    log = tmp_path / "train.log"
    told, train = {}, None

    def has_delivered(worker):
        assert train.poll() is None, log.read_text()
        lease = read_lease(store, worker_lease_key(worker)) if store.root.exists() else None
        return ((lease or {}).get("totals") or {}).get("batches", 0) > 0

    def has_learned():
        assert train.poll() is None, log.read_text()
        return any(entry.get("iteration", 0) > 0 for entry in read_stats(store))

    try:
        for block in tutorial():
            if block.kind == "yaml":
                (main.home / block.text.partition("\n")[0].strip("# ")).write_text(block.text)
            elif block.when == "from what is installed":
                for machine in hosts if block.machine == "each host" else [main]:
                    install(machine, block.text)
            elif block.machine == "each host":
                for host in hosts:
                    host.run(block.text)
            elif block.when == "until Ctrl-C":
                train = main.start(block.text, log)
                for worker in ("worker1", "worker2"):
                    wait_for(
                        lambda worker=worker: has_delivered(worker),
                        f"games of {worker}",
                        10 * PATIENCE_SECONDS,
                    )
                wait_for(has_learned, "the first loop", 10 * PATIENCE_SECONDS)
            elif block.machine:
                if block.when == "after Ctrl-C":
                    train.send_signal(signal.SIGINT)
                    assert train.wait(300 * PATIENCE) == 130, log.read_text()
                told[block.text.partition("\n")[0]] = main.run(block.text, 300)
        text = str(told)
        assert "fit to play: 2 of 2 hosts" in text, text
        assert "Workers active: 2/2" in text, text
        for number in (1, 2):
            assert f"worker{number}  🟢 Active  host{number}  " in text, text
        assert [host.processes("zerofleet") for host in hosts] == [[], []]
        report = audit(store, shard_account)
        assert report.is_sound, report.text()
        assert report.num_games_counted > 0
    finally:
        if train is not None:
            train.kill()
            train.wait()
