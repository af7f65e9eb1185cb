import sys
from pathlib import Path

import pytest

from zerofleet.run.store import DirectoryStore

# The conformance suite of stores also runs under a mirror; a fleet runs real roles.
sys.path += [str(Path(__file__).parent.parent / room) for room in ("run", "roles", "cli")]


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path / "run")


@pytest.fixture(scope="session")
def ssh_host(tmp_path_factory):
    """An OpenSSH server that is known, `known_hosts` in its home."""
    import ssh_hosts

    with ssh_hosts.SshHost(tmp_path_factory.mktemp("ssh") / "host") as host:
        (host.home / "known_hosts").write_text(host.known_hosts_line())
        yield host


@pytest.fixture(scope="session")
def ssh_link(ssh_host):
    """A connection to that server."""
    from zerofleet.fleet.spec import WorkerSpec
    from zerofleet.fleet.ssh import SshLink

    spec = WorkerSpec.model_validate(ssh_host.spec("w"))
    with SshLink(spec, known_hosts=str(ssh_host.home / "known_hosts")) as link:
        yield link


@pytest.fixture(scope="session")
def forge():
    import run_kit

    forge = run_kit.Forge()
    yield forge
    forge.close()


@pytest.fixture(scope="session")
def begun_run(forge, tmp_path_factory):
    """A run with a first net and no trainer: workers play it for ever."""
    import run_kit

    run = run_kit.Run(forge, tmp_path_factory.mktemp("begun"))
    trainer = run.trainer(pacing__min_new_positions=10**9, pacing__max_loops=1)
    run.wait_for_loop(0)
    run_kit.wait_for(lambda: run.phase() == "collecting", "the trainer to collect")
    trainer.stop()
    return run.directory
