"""Iterations as lines: who plays how many games, what they were like, what was learned.

The lines come from the trainer's series, where each of them is an event with its own figures, so
they are the same whoever watches and however often.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.text import Text

from zerofleet.arena.lines import duration_text
from zerofleet.arena.stats import IterationStats
from zerofleet.monitor.view import RunView
from zerofleet.run.series import SeriesFollower
from zerofleet.run.words import counted

PROGRESS_SECONDS = 5.0
"""Nothing is silent for longer."""
_BOX, _RULE = "=" * 70, "-" * 70
_FAULTS = ("failed", "parked", "killed")


def device_labels(devices: Sequence[str]) -> list[str]:
    """What people call the workers on these devices: GPU 3, CPU 0; a second one there GPU 3.2."""
    labels: list[str] = []
    num_on: dict[str, int] = {}
    for device in devices:
        num = num_on[device] = num_on.get(device, 0) + 1
        if device == "cpu":
            labels.append(f"CPU {num - 1}")
            continue
        name = f"GPU {device.partition(':')[2] or 0}"
        labels.append(name if num == 1 else f"{name}.{num}")
    return labels


class IterationsMonitor:
    """Prints a run's iterations while it goes on. Lines are never wrapped."""

    def __init__(
        self,
        console: Console,
        logs: Path,
        *,
        title: str,
        device: str,
        labels: Mapping[str, str],
        num_epochs: int = 0,
        loss: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Looks at what comes from now on.

        Args:
          logs: the run's logs/.
          device: of the trainer.
          labels: by worker, in the order in which they are to be listed.
          num_epochs: of each training; 0: it is measured in steps.
          loss: how the parts of the loss add up.
        """
        self._console = console
        self._clock = clock
        self._title = title
        self._device = device
        self._labels = dict(labels)
        self._num_epochs = num_epochs
        self._loss = loss
        self._series = SeriesFollower(logs, "trainer")
        self._iteration = 0
        self._num_games = 0
        self._dealt_at: float | None = None
        self._said_at = clock()
        self._seconds: list[float] = []
        self._notes: dict[str, str] = {}

    def __enter__(self) -> Self:
        numbers = [label.removeprefix("GPU ") for label in self._labels.values()]
        for line in (
            _BOX,
            f"  {self._title}",
            _BOX,
            f"Primary training device: {self._device}",
            f"Parallel self-play GPUs: [{', '.join(numbers)}]",
        ):
            self._say(line)
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, view: RunView) -> None:
        """Prints what is new since the last call."""
        for event in self._series.new():
            tell = getattr(self, f"_on_{event.get('kind')}", None)
            if tell is not None:
                tell(event, view)
        for worker in view.workers:
            if worker.note != self._notes.get(worker.id, "") and worker.state != "stopped":
                self._notes[worker.id] = worker.note
                if worker.note:
                    self._say(f"{self._label(worker.id)}: {worker.note}")
        if view.is_running and self._clock() - self._said_at >= PROGRESS_SECONDS:
            self._say_progress(view)

    def on_process(self, name: str, kind: str, text: str) -> None:
        """Prints what happened to a process, where that is news; `kind` is the supervisor's."""
        label = self._label(name)
        if kind in _FAULTS:
            first, *tail = text.splitlines()
            self._say(f"⚠️  ERROR in {label}: {first}")
            for line in tail:
                self._say(f"    {line}")
        elif kind == "started" and ", start " in text:
            self._say(f"{label}: {text}")

    # -- events of the trainer ---------------------------------------------------------------

    def _on_resumed(self, event: Mapping[str, Any], view: RunView) -> None:
        self._say(
            f"Resumed after iteration {event['iteration']} with model version "
            f"{event['model_version']} and {event['window']:,} positions"
        )

    def _on_generating(self, event: Mapping[str, Any], view: RunView) -> None:
        self._iteration, self._num_games = event["iteration"], event["games"]
        self._dealt_at = None
        self._say("")
        self._say(f"=== Iteration {self._iteration} ===")
        self._say(f"Generating {self._num_games} games...")

    def _on_dealt(self, event: Mapping[str, Any], view: RunView) -> None:
        games: Mapping[str, int] = event["games"]
        order = [name for name in self._labels if name in games]
        order += sorted(set(games) - set(order))
        if self._dealt_at is not None:
            dealt = ", ".join(f"{self._label(name)}: {games[name]}" for name in order)
            self._say(f"Games dealt now: {dealt}")
            return
        self._dealt_at = self._clock()
        self._say("")
        self._say(f"Generating {self._num_games} games across {len(games)} GPUs...")
        self._say(f"Games per GPU: [{', '.join(str(games[name]) for name in order)}]")
        if (here := self._num_games - sum(games.values())) > 0:
            self._say(f"{here} games of this iteration are there already")
        self._say(_RULE)

    def _on_share(self, event: Mapping[str, Any], view: RunView) -> None:
        self._say(
            f"[{event['seconds']:7.1f}s] {self._label(event['owner'])}: Completed "
            f"{event['games']} games | Total: {event['num_done']}/{event['num_workers']} GPUs done "
            f"| Progress: {event['new_games']}/{event['num_games']} games"
        )

    def _on_collected(self, event: Mapping[str, Any], view: RunView) -> None:
        if "game_stats" not in event:
            return
        games, seconds = event["games"], event["seconds"]
        self._say(_RULE)
        self._say(
            f"Completed {games} games in {seconds:.1f}s ({games / max(seconds, 0.1):.1f} games/sec)"
        )
        self._say("")
        self._say(f"Game stats: {_game_stats(event)}")
        self._say("Adding games to replay buffer...")

    def _on_epoch(self, event: Mapping[str, Any], view: RunView) -> None:
        if "num_steps" not in event:
            return
        self._say(f"Buffer size: {event['window']}")
        epochs, steps = self._num_epochs, event["num_steps"]
        what = counted(epochs, "epoch") if epochs else counted(steps, "step")
        self._say(f"Training for {what}...")

    def _on_loop(self, event: Mapping[str, Any], view: RunView) -> None:
        entry: IterationStats = event["entry"]
        if not entry.get("games"):
            return  # the first net
        self._say(f"Training losses: {_losses(entry)}{f'  ({self._loss})' if self._loss else ''}")
        if spikes := entry.get("spikes"):
            self._say(
                f"Spikes: {spikes['spikes_per_inference']:,.0f} a position, sparsity "
                f"{spikes['sparsity']:.1%}"
            )
        for name, worker in entry.get("workers", {}).items():
            self._say(f"{self._label(name)}: {_worker(worker)}")
        done, wanted = entry["iteration"], event.get("max_loops") or 0
        self._seconds = [*self._seconds[-4:], entry["seconds"]]
        left = max(0, wanted - done)
        eta = left * sum(self._seconds) / len(self._seconds)
        line = f"Iteration {done}/{wanted} took {duration_text(entry['seconds'])}"
        self._say(line + (f"; ETA {duration_text(eta)} for {left} more" if left else ""))

    def _on_note(self, event: Mapping[str, Any], view: RunView) -> None:
        text = str(event["text"])
        for name, label in self._labels.items():
            text = text.replace(name, label)
        self._say(text)

    def _on_rejected(self, event: Mapping[str, Any], view: RunView) -> None:
        self._say(f"rejected {event['name']}: {event['reason']}")

    # -- lines -------------------------------------------------------------------------------

    def _say_progress(self, view: RunView) -> None:
        if view.phase == "collecting" and self._dealt_at is not None:
            seconds = self._clock() - self._dealt_at
            rate = view.new_games / seconds if seconds > 0 else 0.0
            text = f"[{seconds:7.1f}s] Progress: {view.new_games}/{self._num_games} games"
            if rate > 0:
                left = duration_text((self._num_games - view.new_games) / rate)
                text += f" ({rate:.1f} games/sec), {left} to go"
            self._say(text)
        elif view.phase == "training" and view.phase_share is not None:
            self._say(f"Training: {view.phase_share:.0%}")
        else:
            self._say(f"... {view.phase}")

    def _label(self, worker: str) -> str:
        return self._labels.get(worker, worker)

    def _say(self, line: str) -> None:
        self._said_at = self._clock()
        self._console.print(Text(line), soft_wrap=True, highlight=False)


def _game_stats(event: Mapping[str, Any]) -> dict[str, float]:
    stats = event["game_stats"]
    shown = {"total_games": event["games"], "avg_moves": round(stats["mean_plies"], 1)}
    if "draw_share" in stats:
        white, draws = stats["first_player_win_share"], stats["draw_share"]
        shown["white_win_rate"] = white
        shown["black_win_rate"] = round(max(0.0, 1.0 - white - draws), 4)
        shown["draw_rate"] = draws
    else:
        shown |= {key: stats[key] for key in ("mean_score", "best_score") if key in stats}
    return {**shown, "positions": event["positions"]}


def _losses(entry: IterationStats) -> dict[str, float]:
    losses: Mapping[str, Any] = entry.get("losses", {})
    names = {
        "total_loss": "train",
        "policy_loss": "policy",
        "value_loss": "value",
        "entropy": "entropy" if "entropy" in losses else "policy_entropy",
    }
    return {shown: losses[key] for shown, key in names.items() if key in losses}


def _worker(worker: Mapping[str, Any]) -> str:
    seconds = worker["seconds"]
    text = f"{worker['games']} games, {worker['plies'] / max(seconds, 0.1):.0f} moves/s"
    if "net_seconds" in worker and seconds:
        text += f", net at work {worker['net_seconds'] / seconds:.0%} of the time"
    if "peak_memory_mib" in worker:
        text += f", peak memory {worker['peak_memory_mib']:,} MiB"
    return text
