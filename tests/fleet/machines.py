"""Machines on this one with addresses, host names, users, homes and processes of their own.

What a person types is done as it is: names are resolved, sshd asks for a password, a home belongs
to one machine. Made of Linux namespaces, so it needs root, and so the users have its number, under
names of their own. Everything on a host ends with it.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from ssh_hosts import SshHost, keygen

from support import PATIENCE, require_program, skip_or_fail

PASSWORD = "a password"
_HASH = (  # openssl passwd -6 -salt zerofleet 'a password'
    "$6$zerofleet$nu4JPrkD7k97UqEWDUrEkASwErfOIB/cHthjjzeDl6JtmNJrZd7t"
    "/dbX9ORR0VbRUlgOk89idaZsRW5Q.Bnau0"
)
_ADDRESS = "10.213.{}.{}"
_SSHD_CONFIG = """
HostKey {etc}/ssh_host_ed25519_key
PidFile none
UsePAM no
PermitRootLogin yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
SetEnv PATH={path}
Subsystem sftp internal-sftp
"""
_ASKPASS = f"""#!/bin/sh
case "$1" in *yes/no*) echo yes ;; *) echo '{PASSWORD}' ;; esac
"""
"""A person at the terminal: accepts a host that is new, and knows the password."""


class Machine:
    """A machine; `end` ends it with all its processes."""

    def __init__(self, folder: Path, name: str, user: str, names: list[str]):
        """`names` are the hosts that can be reached, and their places in the network."""
        for program in ("unshare", "nsenter", "ip"):
            require_program(program)
        self.name = name
        self.home = folder / name / user
        self.etc = folder / name / "etc"
        self.home.mkdir(parents=True)
        self.etc.mkdir()
        mine = {
            "passwd": f"{user}:x:0:0::{self.home}:/bin/bash\n",
            "shadow": f"{user}:{_HASH}:19000:0:99999:7:::\n",
            "hosts": "127.0.0.1 localhost\n",
        }
        for number, host in enumerate(names, start=1):
            mine["hosts"] += f"{_ADDRESS.format(number, 2)} {host}\n"
        for file, text in mine.items():
            rest = Path("/etc", file).read_text() if file != "hosts" else ""
            (self.etc / file).write_text(text + rest)
        self._asks = self.etc / "askpass"
        self._asks.write_text(_ASKPASS)
        self._asks.chmod(0o755)
        self._holder = None
        self.pid = 0
        self.path = path_of_python()

    def begin(self, command: str, *namespaces: str) -> None:
        """Makes the machine; `command` lives in it as long as it does."""
        binds = "".join(f"mount --bind {self.etc}/{f} /etc/{f}\n" for f in ("passwd", "shadow"))
        script = (
            f"hostname {self.name}\nip link set lo up\n{binds}"
            f"mount --bind {self.etc}/hosts /etc/hosts\necho ready\nexec {command}\n"
        )
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--uts", *namespaces, "sh", "-euc", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        if self._holder.stdout.readline() != "ready\n":
            said = self._holder.communicate()[1]
            skip_or_fail(f"no namespaces here (needs root): {said.strip()}")
        pid = self._holder.pid
        forked = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        self.pid = int(forked[0]) if namespaces else pid

    def end(self) -> None:
        if self._holder is not None:
            self._holder.kill()
            self._holder.communicate()

    def command(self, *command: str, folder: Path | None = None) -> list[str]:
        """The command line that runs `command` on this machine, in `folder` (or the home)."""
        enter = ["nsenter", f"--target={self.pid}", "--net", "--mount", "--uts"]
        if self._is_apart():
            enter.append("--pid")
        return [*enter, "--", "env", f"--chdir={folder or self.home}", *command]

    def _is_apart(self) -> bool:
        return os.readlink(f"/proc/{self.pid}/ns/pid") != os.readlink("/proc/self/ns/pid")

    def environment(self) -> dict[str, str]:
        """As a person has it who has installed zerofleet and sits at a terminal."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SSH_", "XDG_"))}
        return {
            **kept,
            "HOME": str(self.home),
            "PATH": self.path,
            "LC_ALL": "C.UTF-8",
            "SSH_ASKPASS": str(self._asks),
            "SSH_ASKPASS_REQUIRE": "force",
        }

    def run(self, text: str, seconds: float = 120.0) -> str:
        """Runs lines of a shell; what they print, errors included. They have to end well."""
        done = subprocess.run(
            self.command("bash", "-euo", "pipefail", "-c", text),
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds * PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{self.name}: {text}\n{done.stdout}"
        return done.stdout

    def start(self, text: str, log: Path) -> subprocess.Popen:
        """Starts lines of a shell in a terminal's process group of their own."""
        with log.open("wb") as file:
            return subprocess.Popen(
                self.command("bash", "-euo", "pipefail", "-c", text),
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def processes(self, word: str) -> list[str]:
        """Command lines on a host that hold a word."""
        namespace, found = os.readlink(f"/proc/{self.pid}/ns/pid"), []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(process / "ns" / "pid") == namespace:
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return [line for line in found if word in line]


def path_of_python() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def network(folder: Path, *hosts: str) -> tuple[Machine, list[Machine]]:
    """A main node and hosts with an SSH server each, and a cable from it to each of them."""
    sshd = SshHost.server()
    main = Machine(folder, "main", "me", list(hosts))
    others = [Machine(folder, name, "zero", []) for name in hosts]
    try:
        main.begin("sleep infinity")
        Path("/run/sshd").mkdir(exist_ok=True)
        for number, host in enumerate(others, start=1):
            keygen(host.etc / "ssh_host_ed25519_key")
            config = host.etc / "sshd_config"
            config.write_text(_SSHD_CONFIG.format(etc=host.etc, path=path_of_python()))
            host.begin(
                f"{sshd} -D -f {config} -E {host.etc}/sshd.log",
                *("--pid", "--fork", "--kill-child", "--mount-proc"),
            )
            here, there = _ADDRESS.format(number, 1), _ADDRESS.format(number, 2)
            main.run(
                f"ip link add v{number} type veth peer name eth0 netns {host.pid}\n"
                f"ip addr add {here}/24 dev v{number}\nip link set v{number} up\n"
            )
            host.run(f"ip addr add {there}/24 dev eth0\nip link set eth0 up\n")
            _wait_for_server(main, there)
    except BaseException:
        for machine in (main, *others):
            machine.end()
        raise
    return main, others


def _wait_for_server(main: Machine, address: str) -> None:
    end = time.monotonic() + 30 * PATIENCE
    while time.monotonic() < end:
        try:
            main.run(f"exec 3<>/dev/tcp/{address}/22")
            return
        except AssertionError:
            time.sleep(0.05)
    raise AssertionError(f"no SSH server answers at {address}")
