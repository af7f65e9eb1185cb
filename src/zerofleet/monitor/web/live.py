"""Looks at the run for all browsers together and tells them what changed."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

from zerofleet.monitor.facts import FactsReader, RunFacts
from zerofleet.monitor.read import RunReader
from zerofleet.monitor.view import RunView
from zerofleet.monitor.web import sections
from zerofleet.run.store import Store

SHORTEST_SECONDS, LONGEST_SECONDS = 0.5, 5.0
_COST_FACTOR = 10.0
"""Looking takes at most a tenth of a core: so much of a run of thousands of workers alone."""
_ENDING_SECONDS = 0.3
"""How often a connection looks whether the server ends."""


@dataclass(frozen=True)
class Section:
    """One part of the page as it was last sent."""

    text: str
    """JSON."""
    change: int
    """Number of the look in which it changed last."""


class LiveRun:
    """The newest state of a run; looks only while somebody watches."""

    def __init__(self, store: Store, *, run_dir: str, allow_play: bool) -> None:
        self._reader = RunReader(store, run_dir=run_dir)
        self._facts = FactsReader(store)
        self._allow_play = allow_play
        self._sections: dict[str, Section] = {}
        self._entries: Any = None
        self._change = 0
        self._looked = -1e9
        self._cost = 0.0
        self._watchers = 0
        self._lock = asyncio.Lock()
        self._news = asyncio.Condition()
        self._empty = RunView(run_dir=run_dir, phase="cannot be read", is_running=False)
        self.view: RunView | None = None

    @property
    def interval_seconds(self) -> float:
        """Time between looks: longer where a look costs much."""
        return min(LONGEST_SECONDS, max(SHORTEST_SECONDS, _COST_FACTOR * self._cost))

    async def snapshot(self) -> str:
        """All sections as one JSON object, with the number of the look."""
        if time.monotonic() - self._looked >= SHORTEST_SECONDS:
            await self.look()
        parts = [f'"{name}":{section.text}' for name, section in self._sections.items()]
        return "{" + ",".join([f'"change":{self._change}', *parts]) + "}"

    async def changes(
        self, since: int, is_ending: Callable[[], bool]
    ) -> AsyncIterator[tuple[str, str, int]]:
        """Yields (section, JSON, change) of what is newer than `since`, until the server ends."""
        self._watchers += 1
        try:
            while not is_ending():
                newest = self._change  # a look may come while a slow browser is written to
                for name, section in list(self._sections.items()):
                    if section.change > since:
                        yield name, section.text, section.change
                since = newest
                while self._change <= since and not is_ending():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._next_news(), _ENDING_SECONDS)
        finally:
            self._watchers -= 1

    async def _next_news(self) -> None:
        async with self._news:
            await self._news.wait()

    async def keep_looking(self) -> None:
        """Looks again and again while somebody watches; ends by cancellation."""
        while True:
            await asyncio.sleep(self.interval_seconds if self._watchers else SHORTEST_SECONDS)
            if self._watchers:
                await self.look()

    async def look(self) -> None:
        """Reads the run once, in another thread."""
        async with self._lock:
            started = time.monotonic()
            texts = await asyncio.to_thread(self._read)
            self._looked = time.monotonic()
            self._cost = self._looked - started
        changed = {
            name: text
            for name, text in texts.items()
            if name not in self._sections or self._sections[name].text != text
        }
        if changed:
            self._change += 1
            for name, text in changed.items():
                self._sections[name] = Section(text, self._change)
            async with self._news:
                self._news.notify_all()

    def _read(self) -> dict[str, str]:
        """The sections as JSON; those that cannot be made stay as they were, and an error says so.

        Files may hold anything: another version's figures, another hand's.
        """
        view, facts, problems = self._empty, RunFacts(), []
        try:
            view = replace(self._reader.read(), elapsed_seconds=None)
            facts = self._facts.read()
            self.view = view
        except Exception as error:
            problems.append(f"the run cannot be read: {_told(error)}")
            view = self.view or view
        texts: dict[str, str] = {}
        makers: dict[str, Callable[[], dict[str, Any]]] = {
            "workers": lambda: sections.workers(view),
        }
        if view.entries is not self._entries:  # the reader gives the same list while it is so
            makers["curves"] = lambda: sections.curves(view.entries)
        for name, make in makers.items():
            try:
                texts[name] = _json(make())
            except Exception as error:
                problems.append(f"{name} cannot be shown: {_told(error)}")
        self._entries = view.entries if "curves" in texts else self._entries
        try:
            head = sections.head(view, facts, allow_play=self._allow_play)
        except Exception as error:
            problems.append(f"the run cannot be shown: {_told(error)}")
            head = sections.head(replace(view, entries=()), facts, allow_play=self._allow_play)
        head["errors"] += [{"who": "files", "text": problem} for problem in problems]
        return {**texts, "head": _json(head)}


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:1000]


def _json(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"), allow_nan=False)
