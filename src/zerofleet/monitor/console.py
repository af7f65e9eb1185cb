"""The events of a worker or a trainer as lines on its own console."""

import re
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from zerofleet.arena.lines import gate_text, trainer_line, worker_line
from zerofleet.run.words import counted


class ConsoleReport:
    """Prints each event of a role as one line; pass it as the role's `report`.

    A wait is said once, whatever its figures, until something else happens. Lines are never
    wrapped, so that logs can be searched.
    """

    def __init__(self, console: Console | None = None):
        self._console = console or Console()
        self._waits: set[str] = set()

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Prints the event, if it has a line."""
        line = event_line(event)
        if event.get("kind") == "waiting":
            wait = re.sub(r"\d[\d,.]*", "#", line)
            if wait in self._waits:
                return
            self._waits.add(wait)
        else:
            self._waits.clear()
        if line:
            self._console.print(Text(line), soft_wrap=True, highlight=False)


def event_line(event: Mapping[str, Any]) -> str:
    """Returns an event as a line, or an empty text if it is for machines alone."""
    who = f"[{event['worker']}] " if "worker" in event else ""
    match event.get("kind"):
        case "batch" | "spooled" if "name" in event:
            seconds = max(float(event.get("seconds", 0.0)), 1e-9)
            line = worker_line(
                str(event.get("worker", "worker")),
                batch=event["batch"],
                games=event["games"],
                positions=event["positions"],
                games_per_second=event["games"] / seconds,
                file=event["name"],
                total_games=event["total_games"],
            )
            if event["kind"] == "spooled":
                line += f"  (kept on this host: {event.get('error') or 'the run is away'})"
            return line
        case "spooled":
            files = counted(event.get("files", 0), "file")
            return f"{who}{files} kept in {event.get('where')} for the next start"
        case "loop":
            return trainer_line(event["entry"], max_loops=event.get("max_loops"))
        case "waiting":
            return f"{who}waiting for {event.get('for')}"
        case "started":
            threads = event.get("threads")
            threads_text = f" with {counted(threads, 'thread')}" if threads else ""
            software = f", zerofleet {event['software']}" if "software" in event else ""
            return f"{who}started{threads_text}{software}"
        case "stopped":
            games = counted(event.get("games", 0), "game")
            return f"{who}stopped: {event.get('reason')}, {games} played"
        case "gate":
            gate = event["gate"]
            return f"gate of loop {gate['iteration']}: {gate_text(gate)} (v{gate['published']:04d})"
        case "resumed":
            window = counted(event.get("window", 0), "position")
            return (
                f"resumed after loop {event.get('iteration')} with model "
                f"v{event.get('model_version', 0):04d} and {window}"
            )
        case "rejected":
            return f"{who}rejected {event.get('name')}: {event.get('reason')}"
        case "note":
            return f"{who}{event.get('text')}"
        case "done":
            return f"done after {counted(event.get('loops', 0), 'loop')}: {event.get('why')}"
        case _:
            return ""
