"""Who may see the page: on loopback whoever is on this machine, elsewhere whoever has the token.

A page of another site must not reach either: on loopback the Host header has to name loopback
(a foreign name that resolves to 127.0.0.1 is refused), and what changes or costs something is
accepted only as JSON from the page's own origin.
"""

import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

_HEADERS = {
    b"content-security-policy": b"default-src 'none'; script-src 'self'; style-src 'self' "
    b"'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    b"form-action 'none'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
}
_NO_TOKEN = "This page needs its token: open the address that `zerofleet web` printed.\n"
_LOOPBACK_NAMES = ("localhost", "ip6-localhost")


def is_loopback(host: str) -> bool:
    """True for addresses and names that only this machine can reach."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host in _LOOPBACK_NAMES


class Guard:
    """Lets requests through to the page, or answers why not."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        """Args: token: what to ask for; empty: nothing, the page is on loopback."""
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)

        async def send_safely(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), *_HEADERS.items()]  # type: ignore[misc]
                message = {**message, "headers": headers}
            await send(message)

        answer = self._refusal(request)
        await (answer or self._app)(scope, receive, _as_send(send_safely))

    def _refusal(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        if self._token:
            given = request.query_params.get("token")
            cookie = f"zerofleet_{request.url.port or 80}"
            if given is not None and hmac.compare_digest(given.encode(), self._token.encode()):
                answer = RedirectResponse(request.url.path, status_code=303)
                # Out of the address bar and the history; scripts cannot read it.
                answer.set_cookie(cookie, self._token, httponly=True, samesite="lax")
                return answer
            known = request.cookies.get(cookie, "")
            if not hmac.compare_digest(known.encode(), self._token.encode()):
                return PlainTextResponse(_NO_TOKEN, status_code=401)
        elif not is_loopback(urlsplit(f"//{host}").hostname or ""):
            return PlainTextResponse(
                f"This page is for this machine alone; {host[:100]!r} is another name.\n",
                status_code=403,
            )
        if request.method not in ("GET", "HEAD") and not _is_own(request.headers):
            return PlainTextResponse("Expected JSON from the page itself.\n", status_code=403)
        return None


def _is_own(headers: Headers) -> bool:
    """True if the page itself sent it: JSON, and where a browser says from where, from here."""
    origin = headers.get("origin")
    is_json = headers.get("content-type", "").partition(";")[0].strip() == "application/json"
    return is_json and (origin is None or urlsplit(origin).netloc == headers.get("host"))


def _as_send(function: Callable[[dict[str, object]], Awaitable[None]]) -> Send:
    return function  # type: ignore[return-value]
