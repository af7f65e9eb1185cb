"""Serves the page of a run: address, token, port."""

import secrets
import socket

import uvicorn
from sse_starlette.sse import AppStatus

from zerofleet.monitor.web.app import make_app
from zerofleet.monitor.web.guard import is_loopback
from zerofleet.run.errors import RunError
from zerofleet.run.store import Store

DEFAULT_PORT = 8420
_BACKLOG = 128
_GRACE_SECONDS = 5


class AddressError(RunError):
    """An address that cannot be listened at; the message says what to change."""


class PageServer:
    """The page of a run at an address of this machine."""

    def __init__(
        self,
        store: Store,
        *,
        run_dir: str,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        allow_play: bool = False,
    ) -> None:
        """Takes the address; requests are answered once it runs.

        Args:
          host: an address or name of this machine; any but loopback is guarded by a token.
          port: 0: any that is free.
        Raises: AddressError if the address or the port cannot be had.
        """
        # Connections end by themselves.
        AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]
        self._listener = _listen(host, port)
        token = "" if is_loopback(host) else secrets.token_urlsafe(24)
        app = make_app(
            store,
            run_dir=run_dir,
            token=token,
            allow_play=allow_play,
            is_ending=lambda: self._server.should_exit,
        )
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                lifespan="on",
                server_header=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self.url = page_url(host, self._listener.getsockname()[1], token)
        """What a person opens, the token included."""

    def run(self) -> None:
        """Answers until SIGINT, SIGTERM or `stop`."""
        with self._listener:
            self._server.run(sockets=[self._listener])

    def stop(self) -> None:
        """Ends `run`, from another thread."""
        self._server.should_exit = True


def page_url(host: str, port: int, token: str) -> str:
    """The address a person opens; of all addresses of this machine its name stands for them."""
    shown = socket.gethostname() if host in ("", "0.0.0.0", "::") else host
    if ":" in shown and not shown.startswith("["):
        shown = f"[{shown}]"
    return f"http://{shown}:{port}/" + (f"?token={token}" if token else "")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise AddressError(f"--host {host}: no address of this machine ({error})") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise AddressError(
            f"cannot listen at {host}, port {port}: {error.strerror}; another --port may be free, "
            "--port 0 takes any that is"
        ) from error
    listener.set_inheritable(True)
    return listener
