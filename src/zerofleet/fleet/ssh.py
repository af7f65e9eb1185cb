"""One host over SSH (asyncssh): login by key, verified host keys, commands, SFTP.

Nothing here waits without a limit. What cannot be reached now is a `LinkError`, worth trying again;
what a person has to mend first is a `RefusedError`: an unknown or changed host key, a login that is
refused, a Python that does not fit.
"""

import asyncio
import concurrent.futures
import contextlib
import json
import os
import shlex
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from zerofleet.fleet.probe import HostFacts, probe_script
from zerofleet.fleet.spec import WorkerSpec
from zerofleet.run.errors import RunError, StoreError

if TYPE_CHECKING:
    import asyncssh

_T = TypeVar("_T")
CONNECT_SECONDS = 20.0
CALL_SECONDS = 60.0
KEEPALIVE_SECONDS = 5.0
"""A link that answers nothing for three times this long is down."""


class LinkError(StoreError):
    """The host cannot be reached at the moment."""


class RefusedError(RunError):
    """The host, or we, refuse; somebody has to mend it."""


class _Loop:
    """The event loop of all links, in a thread of its own."""

    _lock = threading.Lock()
    _loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def get(cls) -> asyncio.AbstractEventLoop:
        with cls._lock:
            if cls._loop is None:
                cls._loop = asyncio.new_event_loop()
                threading.Thread(target=cls._loop.run_forever, name="ssh", daemon=True).start()
            return cls._loop


def wait_for(work: Coroutine[Any, Any, _T], seconds: float, what: str) -> _T:
    """Runs `work` on the links' loop; LinkError if it takes longer than `seconds`."""
    future = asyncio.run_coroutine_threadsafe(work, _Loop.get())
    try:
        return future.result(seconds)
    except concurrent.futures.TimeoutError:
        future.cancel()
        raise LinkError(f"{what}: no answer within {seconds:.0f} s") from None


def import_asyncssh() -> Any:
    """The module; RunError that names the extra if it is not installed."""
    try:
        import asyncssh
    except ImportError as error:
        raise RunError(
            f"a fleet over SSH needs asyncssh ({error}): pip install 'zerofleet[ssh]'"
        ) from None
    return asyncssh


class SshLink:
    """A connection to a worker's host; `close` it, or use it as a context."""

    def __init__(
        self,
        spec: WorkerSpec,
        *,
        known_hosts: str | None = None,
        ssh_config: str | None = None,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        """Connects. Raises LinkError, or RefusedError with what to do."""
        self.spec = spec
        self._connection, self.sftp, self.home = wait_for(
            _connect(spec, known_hosts, ssh_config, connect_seconds),
            3 * connect_seconds,
            spec.where,
        )

    def __enter__(self) -> "SshLink":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection; what was started there goes on."""

        async def end() -> None:
            self._connection.abort()

        with contextlib.suppress(LinkError):
            wait_for(end(), 5.0, self.spec.where)

    def path(self, text: str) -> str:
        """An absolute path over there; ~/ and relative ones begin in the home."""
        if text in ("~", ""):
            return self.home
        return os.path.normpath(os.path.join(self.home, text.removeprefix("~/")))

    @property
    def python(self) -> str:
        """The command of the host's Python; one without a slash is looked up there."""
        python = self.spec.python
        return self.path(python) if "/" in python else python

    def run(
        self, command: str, *, stdin: str = "", seconds: float = CALL_SECONDS
    ) -> tuple[int, str, str]:
        """Runs a command line of the host's shell: exit status (-1: by a signal), output, errors.

        Raises: LinkError if the connection breaks.
        """

        async def work() -> tuple[int, str, str]:
            try:
                done = await self._connection.run(
                    command, input=stdin, check=False, errors="replace"
                )
            except (OSError, import_asyncssh().Error) as error:
                raise LinkError(f"{self.spec.where}: {error}") from None
            status = done.exit_status if done.exit_status is not None else -1
            return status, str(done.stdout or ""), str(done.stderr or "")

        return wait_for(work(), seconds, self.spec.where)

    def sftp_round_trip(self) -> None:
        """Asks for something small and waits for the answer."""
        wait_for(self.sftp.realpath("."), CALL_SECONDS, self.spec.where)

    def ask(self, verb: str, *, seconds: float = CALL_SECONDS, **question: Any) -> dict[str, Any]:
        """Asks `remote.py` over there.

        Raises: LinkError, RefusedError; StoreError if it failed, on a full disk for instance.
        """
        command = shlex.join([self.python, "-P", "-m", "zerofleet.fleet.remote", verb])
        status, output, errors = self.run(command, stdin=json.dumps(question), seconds=seconds)
        try:
            answer = json.loads(output.splitlines()[-1])
        except (IndexError, ValueError):
            said = (errors.strip().splitlines() or output.strip().splitlines() or ["nothing"])[-1]
            raise StoreError(
                f"{self.spec.where}: {verb} ended with status {status} and said: {said[:300]}"
            ) from None
        if "refused" in answer:
            raise RefusedError(f"{self.spec.where}: {answer['refused']}")
        if "failed" in answer:
            raise StoreError(f"{self.spec.where}: {answer['failed']}")
        return dict(answer)

    def facts(self, root: str, *, torch: bool = False) -> HostFacts:
        """What the host has. Raises RefusedError if its Python does not run at all."""
        script = probe_script(root, torch=torch)
        status, output, errors = self.run(shlex.join([self.python, "-"]), stdin=script)
        facts = HostFacts.parse(output)
        if facts is None:
            said = (errors.strip().splitlines() or ["nothing"])[-1]
            raise RefusedError(
                f"{self.spec.where}: python: {self.spec.python} does not run there (exit status "
                f"{status}; it said: {said[:200]}): name one that does, python: /path/to/python"
            )
        return facts


async def _connect(
    spec: WorkerSpec, known_hosts: str | None, ssh_config: str | None, seconds: float
) -> tuple["asyncssh.SSHClientConnection", "asyncssh.SFTPClient", str]:
    asyncssh = import_asyncssh()
    presented: list[tuple[str, str, int, Any]] = []

    class Client(asyncssh.SSHClient):  # type: ignore[misc,name-defined]
        """Notes the host key that is not trusted."""

        def validate_host_public_key(self, host: str, addr: str, port: int, key: Any) -> bool:
            presented.append((host, addr, port, key))
            return False

    options: dict[str, Any] = {
        "client_factory": Client,
        "connect_timeout": seconds,
        "login_timeout": seconds,
        "keepalive_interval": KEEPALIVE_SECONDS,
        "keepalive_count_max": 3,
        "preferred_auth": "publickey",
        "password_auth": False,
        "kbdint_auth": False,
        "host_based_auth": False,
        "agent_forwarding": False,
        "x11_forwarding": False,
        "compression_algs": ["none"],
    }
    if ssh_config is not None:
        options["config"] = [ssh_config]
    if spec.port is not None:
        options["port"] = spec.port
    if spec.user is not None:
        options["username"] = spec.user
    if spec.key_path is not None:
        options |= _key_options(asyncssh, spec.key_path)
    if known_hosts is not None:
        options["known_hosts"] = [known_hosts] if Path(known_hosts).exists() else b""
    try:
        prepared = await asyncssh.SSHClientConnectionOptions.construct(
            host=spec.host, **{"config": (), **options}
        )
        if prepared.known_hosts is None:  # "UserKnownHostsFile none" means: trust anybody
            raise RefusedError(
                f"{spec.where}: your ssh config switches the check of host keys off "
                "(UserKnownHostsFile none); name a file there, or known_hosts: in the fleet file"
            )
        connection = await asyncssh.connect(spec.host, options=prepared)
        try:
            sftp = await connection.start_sftp_client()
            home = await sftp.realpath(".")
        except BaseException:
            connection.abort()
            raise
    except asyncssh.HostKeyNotVerifiable as error:
        if not presented:
            raise RefusedError(f"{spec.where}: {error}") from None
        raise RefusedError(_host_key_words(asyncssh, spec, prepared, presented[-1])) from None
    except asyncssh.PermissionDenied:
        user = prepared.username
        key = f"the key {spec.key_path}" if spec.key_path else "any key of yours"
        raise RefusedError(
            f"{spec.where}: the host does not let {user} in with {key}: put the public key there, "
            f"{_copy_id(spec, user)}"
        ) from None
    except asyncssh.SFTPError as error:
        raise RefusedError(f"{spec.where}: no SFTP there: {error.reason}") from None
    except (asyncssh.KeyImportError, asyncssh.ConfigParseError) as error:
        raise RefusedError(f"{spec.where}: {error}") from None
    except asyncssh.KeyExchangeFailed as error:
        raise RefusedError(f"{spec.where}: {error}; has its host key changed its kind?") from None
    except (OSError, asyncssh.Error) as error:
        words = str(error) or "no answer"
        raise LinkError(f"{spec.where}: cannot be reached: {words}") from None
    return connection, sftp, str(home)


def _key_options(asyncssh: Any, path: str) -> dict[str, Any]:
    """That key and no other; one with a passphrase is used through the agent."""
    try:
        asyncssh.read_private_key(path)
    except OSError as error:
        raise RefusedError(f"key_path {path}: {error.strerror}") from None
    except asyncssh.KeyEncryptionError:
        if "SSH_AUTH_SOCK" not in os.environ:
            raise RefusedError(
                f"key_path {path}: has a passphrase and there is no ssh-agent: ssh-add {path}"
            ) from None
        return {"client_keys": None, "agent_identities": [f"{path}.pub"]}
    except asyncssh.KeyImportError as error:
        raise RefusedError(f"key_path {path}: no private key: {error}") from None
    return {"client_keys": [path], "agent_path": None}


def _copy_id(spec: WorkerSpec, user: str) -> str:
    port = ["-p", str(spec.port)] if spec.port else []
    key = ["-i", f"{spec.key_path}.pub"] if spec.key_path else []
    return shlex.join(["ssh-copy-id", *key, *port, f"{user}@{spec.host}"])


def _host_key_words(
    asyncssh: Any, spec: WorkerSpec, options: Any, presented: tuple[str, str, int, Any]
) -> str:
    """Which key the host showed, and the command that accepts that very key."""
    host, addr, port, key = presented
    known = options.known_hosts or ()
    files = [known] if isinstance(known, str) else [k for k in known if isinstance(k, str)]
    file = os.path.expanduser(files[0]) if files else str(Path.home() / ".ssh" / "known_hosts")
    trusted = ()
    if Path(file).exists():
        trusted = asyncssh.match_known_hosts(file, host, addr, None if port == 22 else port)[0]
    pattern = host if port == 22 else f"[{host}]:{port}"
    line = f"{pattern} {key.export_public_key().decode().strip()}"
    accept = f"echo {shlex.quote(line)} >> {shlex.quote(file)}"
    shown = f"its {key.get_algorithm()} key has the fingerprint {key.get_fingerprint()}"
    if trusted:
        forget = shlex.join(["ssh-keygen", "-f", file, "-R", pattern])
        return (
            f"{spec.where}: THE HOST KEY HAS CHANGED: {shown}, and {file} has another one. "
            "Somebody may be in between. If you know why it changed, accept it with: "
            f"{forget} && {accept}"
        )
    return (
        f"{spec.where}: unknown host: {shown}. If that is what `ssh-keygen -lf "
        f"/etc/ssh/ssh_host_*_key.pub` says there, accept it with: {accept}"
    )
