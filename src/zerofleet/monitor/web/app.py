"""The page's addresses: the page, its parts, the state of the run, its changes, logs."""

import asyncio
import contextlib
import gzip
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from zerofleet.monitor.replays import Replays
from zerofleet.monitor.web import sections
from zerofleet.monitor.web.guard import Guard
from zerofleet.monitor.web.live import LiveRun
from zerofleet.monitor.web.table import Table
from zerofleet.run.errors import RunError
from zerofleet.run.layout import LOGS, check_worker_id, worker_log_key
from zerofleet.run.store import DirectoryStore, Store, read_or_none

_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_LOG_BYTES = 1 << 15
_MAX_QUESTION_BYTES = 1 << 20


def make_app(
    store: Store,
    *,
    run_dir: str,
    token: str = "",
    allow_play: bool = False,
    is_ending: Callable[[], bool] = lambda: False,
) -> Starlette:
    """Returns the page of a run as an ASGI application.

    Args:
      run_dir: as shown to people.
      token: what a browser has to show; empty: nothing, and only loopback names are answered.
      allow_play: offer games against the net.
      is_ending: true once the server is to end, which connections that stay open ask.
    """
    live = LiveRun(store, run_dir=run_dir, allow_play=allow_play)
    page = _Page(store, live, is_ending)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        looking = asyncio.create_task(live.keep_looking())
        yield
        looking.cancel()

    return Starlette(
        routes=[
            Route("/", page.index),
            Route("/static/{name}", page.static),
            Route("/api/run", page.run),
            Route("/api/events", page.events),
            Route("/api/workers", page.workers),
            Route("/api/log/{name}", page.log),
            Route("/api/shards", page.shards),
            Route("/api/shards/{name}", page.games),
            Route("/api/shards/{name}/{index:int}", page.replay),
            Route("/api/evaluate", page.evaluate, methods=["POST"]),
            *([Route("/api/play", page.play, methods=["POST"])] if allow_play else []),
        ],
        middleware=[
            Middleware(Guard, token=token),
            Middleware(GZipMiddleware, minimum_size=1000),
        ],
        exception_handlers=dict.fromkeys((RunError, ValueError, ImportError), _told),
        lifespan=lifespan,
    )


class _Page:
    def __init__(self, store: Store, live: LiveRun, is_ending: Callable[[], bool]) -> None:
        self._store = store
        self._is_ending = is_ending
        self._live = live
        self._files = _read_static()
        self._replays = Replays(store)
        self._table = Table(store)

    async def index(self, request: Request) -> Response:
        """The page."""
        return self._file(request, "index.html")

    async def static(self, request: Request) -> Response:
        """A script, a style or a licence of the page."""
        return self._file(request, request.path_params["name"])

    async def run(self, request: Request) -> Response:
        """The whole state of the run."""
        return _json_text(await self._live.snapshot())

    async def events(self, request: Request) -> Response:
        """Each section again when it changes."""
        after = request.headers.get("last-event-id") or request.query_params.get("since", "")
        since = int(after) if after.isdecimal() else 0

        async def stream() -> AsyncIterator[ServerSentEvent]:
            async for name, text, change in self._live.changes(since, self._is_ending):
                yield ServerSentEvent(text, event=name, id=str(change))

        return EventSourceResponse(stream(), ping=15)

    async def workers(self, request: Request) -> Response:
        """Every worker, for who asks to see them all."""
        await self._live.snapshot()
        assert self._live.view is not None
        return JSONResponse(sections.workers(self._live.view, most=None))

    async def log(self, request: Request) -> Response:
        """The end of a role's log: `trainer`, or a worker's id."""
        name = request.path_params["name"]
        key = f"{LOGS}trainer.log" if name == "trainer" else worker_log_key(check_worker_id(name))
        lines = await asyncio.to_thread(_tail, self._store, key)
        return JSONResponse({"name": name, "file": key, "lines": lines})

    async def shards(self, _: Request) -> Response:
        """The newest shards."""
        return JSONResponse(await asyncio.to_thread(self._replays.list_shards))

    async def games(self, request: Request) -> Response:
        """The games of a shard."""
        name = request.path_params["name"]
        return JSONResponse(await asyncio.to_thread(self._replays.list_games, name))

    async def replay(self, request: Request) -> Response:
        """A game of a shard, step by step."""
        name, index = request.path_params["name"], request.path_params["index"]
        return JSONResponse(await asyncio.to_thread(self._replays.replay, name, index))

    async def evaluate(self, request: Request) -> Response:
        """What the net thinks of a position."""
        question = await _question(request)
        return JSONResponse(await asyncio.to_thread(self._table.evaluate, question))

    async def play(self, request: Request) -> Response:
        """The next moves of a game against the net."""
        question = await _question(request)
        return JSONResponse(await asyncio.to_thread(self._table.play, question))

    def _file(self, request: Request, name: str) -> Response:
        found = self._files.get(name)
        if found is None:
            return Response("There is no such file.\n", status_code=404, media_type="text/plain")
        data, packed, tag = found
        headers = {"etag": tag, "cache-control": "no-cache", "vary": "accept-encoding"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            data, headers = packed, {**headers, "content-encoding": "gzip"}
        media_type = _TYPES.get(name.rpartition(".")[2], "text/plain; charset=utf-8")
        return Response(data, headers=headers, media_type=media_type)


def _read_static() -> dict[str, tuple[bytes, bytes, str]]:
    """The files of the page by name: bytes, the same compressed, entity tag."""
    found = {}
    for file in files("zerofleet.monitor.web").joinpath("static").iterdir():
        if file.is_file():
            data = file.read_bytes()
            tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
            found[file.name] = (data, gzip.compress(data, mtime=0), tag)
    return found


def _tail(store: Store, key: str) -> list[str]:
    if not isinstance(store, DirectoryStore):
        return _last_lines(read_or_none(store, key) or b"")
    try:
        with store.path(key).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _LOG_BYTES - 1))
            return _last_lines(file.read())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"{key}: {error.strerror}") from error


def _last_lines(data: bytes) -> list[str]:
    lines = data[-_LOG_BYTES:].decode("utf-8", "replace").splitlines()
    return lines[1:] if len(data) > _LOG_BYTES else lines


def _json_text(text: str) -> Response:
    return Response(text, media_type="application/json", headers={"cache-control": "no-store"})


async def _question(request: Request) -> Any:
    data = b""
    async for piece in request.stream():
        data += piece
        if len(data) > _MAX_QUESTION_BYTES:
            raise ValueError(f"expected at most {_MAX_QUESTION_BYTES:,} bytes")
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("expected JSON that is not nested so deeply") from error


async def _told(_: Request, error: Exception) -> Response:
    """What is wrong with a request, or with the files it asks for."""
    return JSONResponse({"error": str(error)}, status_code=400)
