"""Hosts made of real OpenSSH servers on ports of the loopback, each with its own home and keys."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from support import PATIENCE, require, require_program

CONFIG = """
ListenAddress {address}
Port {port}
HostKey {home}/host_key
PidFile {home}/sshd.pid
AuthorizedKeysFile {home}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
PermitUserEnvironment no
UseDNS no
SetEnv XDG_STATE_HOME={home}/state PYTHONPATH={pythonpath}
Subsystem sftp internal-sftp
"""


def keygen(path, *kind):
    kind = kind or ("-t", "ed25519")
    subprocess.run(["ssh-keygen", "-q", *kind, "-N", "", "-C", "test", "-f", path], check=True)


def free_port(address="127.0.0.1"):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


@dataclass
class SshHost:
    """An OpenSSH server; a context that runs it."""

    home: Path
    address: str = "127.0.0.1"
    port: int = 0
    prefix: tuple = ()
    """Begins the server's command line: ip netns exec NAME."""
    options: str = ""
    """`restrict` and the like, in authorized_keys."""
    process: subprocess.Popen | None = field(default=None, repr=False)

    def __post_init__(self):
        require("asyncssh")
        self.sshd = self.server()
        self.home.mkdir(parents=True)
        self.port = self.port or free_port(self.address)
        keygen(self.home / "host_key")
        keygen(self.home / "user_key")
        self.authorize(self.home / "user_key.pub")
        (self.home / "sshd_config").write_text(
            CONFIG.format(
                address=self.address,
                port=self.port,
                home=self.home,
                pythonpath=os.environ.get("PYTHONPATH", ""),
            )
        )

    @staticmethod
    def server():
        """The path of sshd, which wants to be called by it."""
        path = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
        return path or require_program("sshd")

    def authorize(self, public_key):
        options = f"{self.options} " if self.options else ""
        (self.home / "authorized_keys").write_text(options + Path(public_key).read_text())

    def known_hosts_line(self):
        kind, key = (self.home / "host_key.pub").read_text().split()[:2]
        place = self.address if self.port == 22 else f"[{self.address}]:{self.port}"
        return f"{place} {kind} {key}\n"

    def spec(self, name, **more):
        """An entry of workers: in fleet.yaml."""
        return {
            "name": name,
            "host": self.address,
            "port": self.port,
            "key_path": str(self.home / "user_key"),
            "python": sys.executable,
            "workdir": str(self.home / "work"),
            **more,
        }

    def start(self):
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [
                *self.prefix,
                self.sshd,
                "-D",
                "-f",
                self.home / "sshd_config",
                "-E",
                self.home / "log",
            ]
        )
        end = time.monotonic() + 20 * PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(OSError), self._reach():
                return self
            assert self.process.poll() is None, (self.home / "log").read_text()
            time.sleep(0.02)
        raise AssertionError((self.home / "log").read_text())

    def _reach(self):
        return socket.create_connection((self.address, self.port), timeout=1)

    def stop(self):
        """The server and all its connections die; what was started over them lives on."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGSTOP)  # no new session while we look
        for pid in sessions(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def sessions(sshd):
    """Processes of the server's connections: its children that are sshd, and theirs."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = path.read_text().rpartition(")")
            if "(sshd" in name and int(rest.split()[1]) in (sshd, *found):
                found.append(int(path.parent.name))
    return sorted(found)
