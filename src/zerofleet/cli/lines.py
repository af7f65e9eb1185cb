"""The lines that `zerofleet worker` and `zerofleet trainer` print: one for each event."""

import sys
import time
from collections.abc import Callable
from typing import Any

from zerofleet.arena.lines import trainer_line, worker_line

REPEAT_SECONDS = 60.0
"""The same wait is told again after this long."""


def line_printer(role: str) -> Callable[[dict[str, Any]], None]:
    """Returns a report that prints events as lines; what repeats is printed once a minute."""
    last: dict[str, tuple[str, float]] = {}

    def report(event: dict[str, Any]) -> None:
        line = _line(role, event)
        if line is None:
            return
        kind, now = str(event["kind"]), time.monotonic()
        told, when = last.get(kind, ("", 0.0))
        if kind == "waiting" and told == line and now - when < REPEAT_SECONDS:
            return
        last[kind] = (line, now)
        try:
            print(line, flush=True)
        except UnicodeEncodeError:
            print(line.encode("ascii", "replace").decode(), flush=True)
        except BrokenPipeError:
            sys.stdout = None  # type: ignore[assignment]  # nobody reads; the work goes on

    return report


def _line(role: str, event: dict[str, Any]) -> str | None:
    name = event.get("worker", role)
    match event["kind"]:
        case "started" if role == "trainer":
            return f"[trainer] started on {event['run_dir']} (process {event['pid']})"
        case "started":
            return f"[{name}] started with {event['threads']} threads (process {event['pid']})"
        case "waiting":
            return f"[{name}] waiting for {event['for']}"
        case "batch" | "spooled" if "games" in event:
            line = worker_line(
                name,
                batch=event["batch"],
                games=event["games"],
                positions=event["positions"],
                games_per_second=event["games"] / max(event["seconds"], 1e-9),
                file=event["name"],
                total_games=event["total_games"],
            )
            return line if event["kind"] == "batch" else f"{line}  (spooled: {event['error']})"
        case "spooled":
            return (
                f"[{name}] {event['files']} shards wait in {event['where']}; "
                "start this worker again to deliver them"
            )
        case "stopped":
            return (
                f"[{name}] stopped ({event['reason']}): {event['games']:,} games in "
                f"{event['batches']} batches delivered"
            )
        case "resumed":
            return (
                f"[trainer] goes on after loop {event['iteration']}: model version "
                f"{event['model_version']}, {event['window']:,} positions in the window"
            )
        case "collected":
            return f"[trainer] collected {event['files']} files, {event['positions']:,} positions"
        case "rejected":
            return f"[trainer] rejected {event['name']}: {event['reason']}"
        case "note":
            return f"[trainer] {event['text']}"
        case "loop":
            return trainer_line(event["entry"], max_loops=event["max_loops"])
        case "done":
            return f"[trainer] done after {event['loops']} loops: {event['why']}"
    return None
