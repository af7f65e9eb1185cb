"""From the files of a run to what the monitors draw."""

from collections.abc import Sequence
from typing import Any, cast

from zerofleet.arena.stats import IterationStats
from zerofleet.fleet.status import FleetStatus, RoleStatus
from zerofleet.monitor.view import RunView, WorkerView
from zerofleet.roles.config import RunConfig, parse_config_json, resolve
from zerofleet.run.layout import CONFIG
from zerofleet.run.stats import read_stats
from zerofleet.run.store import Store, read_or_none

_SHOWN_STATES = {"waiting": "active", "stopped": "offline"}


def read_config(store: Store) -> RunConfig | None:
    """The run's configuration, or None before the trainer wrote it. Raises ConfigError."""
    data = read_or_none(store, CONFIG)
    return None if data is None else resolve({}, parse_config_json(data), {})


def run_view(
    store: Store,
    status: FleetStatus,
    config: RunConfig | None,
    *,
    run_dir: str,
    elapsed_seconds: float = 0.0,
    limit_seconds: float | None = None,
    messages: Sequence[str] = (),
    restarts: dict[str, int] | None = None,
    num_configured_workers: int | None = None,
) -> RunView:
    """The run at this moment, as plain data."""
    entries = cast(list[IterationStats], read_stats(store))
    trainer = status.trainer
    progress: dict[str, Any] = trainer.progress if trainer is not None else {}
    done = entries[-1].get("iteration", 0) if entries else 0
    phase = str(progress.get("phase", "starting"))
    if trainer is None or not trainer.is_working:
        phase = "no trainer" if trainer is None else f"trainer {trainer.state}"
    return RunView(
        run_dir=run_dir,
        run_name=(config.run_name if config is not None else "") or run_dir,
        game=config.game.name if config is not None else "",
        phase=phase,
        phase_share=progress.get("share"),
        loop=done if phase == "rating" and entries else done + 1,
        max_loops=config.pacing.max_loops if config is not None else 0,
        model_version=status.model_version,
        new_positions=int(progress.get("new_positions", 0)),
        min_new_positions=config.pacing.min_new_positions if config is not None else 0,
        window_positions=int(progress.get("window", 0)),
        max_positions=config.replay.max_positions if config is not None else 0,
        workers=[_worker(w, (restarts or {}).get(w.name, 0)) for w in status.workers],
        num_configured_workers=num_configured_workers,
        entries=entries,
        elapsed_seconds=elapsed_seconds,
        limit_seconds=limit_seconds,
        messages=messages,
    )


def _worker(role: RoleStatus, restarts: int) -> WorkerView:
    return WorkerView(
        id=role.name,
        state=_SHOWN_STATES.get(role.state, role.state),
        host=role.host,
        model_version=role.model_version,
        batch=role.next_batch - 1,
        games=role.next_game,
        games_per_second=role.rates.get("games_per_second", 0.0),
        positions_per_second=role.rates.get("positions_per_second", 0.0),
        restarts=restarts,
        note=role.error,
    )
