"""The trainer's progress: its committed state with the window and the learner that belong to it.

Two kinds of run have two kinds of progress: nnue_progress.py and policy_value_progress.py. They are
the parts of the trainer that need torch; roles/trainer.py does the rest.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from zerofleet.arena.stats import GameStats, WorkerStats
from zerofleet.records.shard import GameRecords, ShardMeta
from zerofleet.roles.collect import AcceptedShard, Positions
from zerofleet.roles.config import AlphaBetaRunConfig, ConfigError, RunConfig, TreeSearchRunConfig
from zerofleet.roles.ending import Ending
from zerofleet.roles.state import TrainerState
from zerofleet.run.commit import Checkpoint
from zerofleet.run.store import Store

if TYPE_CHECKING:
    from zerofleet.roles.warm_start import WarmStart
    from zerofleet.training.group import RankGroup


class Progress(Protocol):
    """A state with its window and learner; `learn` makes the next one."""

    @property
    def model_kind(self) -> str:
        """Ending of the file that workers play with: nnue, safetensors."""

    @property
    def state(self) -> TrainerState:
        """What is committed."""

    @property
    def architecture(self) -> str:
        """Shape of the network."""

    @property
    def device(self) -> str:
        """Where it learns: cpu, cuda or cuda:N; of several ranks the first one's."""

    @property
    def num_window(self) -> int:
        """Positions in the window."""

    def is_enough(self, num_new: int) -> bool:
        """Whether the window with so many more positions can be trained on."""

    def read_positions(self, meta: ShardMeta, games: GameRecords, name: str) -> Positions:
        """Replays the games of a shard and returns what is learned from; ShardError."""

    def learn(
        self,
        shards: list[AcceptedShard],
        loop_started: float,
        ending: Ending,
        on_progress: Callable[[float, dict[str, Any]], None],
    ) -> "Progress | None":
        """Extends the window by the shards and trains; None if it was ended in the middle.

        Args:
          ending: of the trainer. A loop that would take too long then is given up, or cut short
            where what was trained counts and the next loop makes up for the rest.
          on_progress: told the share that is done and figures for the log.
        Raises: TrainingError if the loss stops being finite.
        """

    def write_window_checkpoint(self, store: Store) -> None:
        """checkpoint.npz: the window for people, where this kind of run has one."""


def bootstrap(
    config: RunConfig,
    device: "str | RankGroup",
    seed_data: Path | None,
    *,
    warm_start: "WarmStart | None" = None,
    should_stop: Callable[[], bool],
) -> Progress:
    """Model version 1: random weights, trained on seed data, or those of another run.

    Raises: SeedDataError if the file is not seed data; ConfigError if this kind of run has none.
    """
    if isinstance(config, AlphaBetaRunConfig):
        from zerofleet.roles.nnue_progress import NnueProgress

        return NnueProgress.bootstrap(
            config, one_device(device), seed_data, warm_start=warm_start, should_stop=should_stop
        )
    assert isinstance(config, TreeSearchRunConfig)
    if seed_data is not None:
        raise ConfigError("--seed-data: positions with values teach no policy; leave it out")
    from zerofleet.roles.policy_value_progress import PolicyValueProgress

    return PolicyValueProgress.bootstrap(config, device, warm_start)


def restore(
    store: Store,
    checkpoint: Checkpoint,
    config: RunConfig,
    device: "str | RankGroup",
    on_unreadable: Callable[[str, str], None],
) -> Progress:
    """What the commit holds; the window is rebuilt from the shards it names.

    A shard that somebody deleted or damaged is told and left out: its games stay counted.
    """
    if isinstance(config, AlphaBetaRunConfig):
        from zerofleet.roles.nnue_progress import NnueProgress

        return NnueProgress.restore(store, checkpoint, config, one_device(device), on_unreadable)
    assert isinstance(config, TreeSearchRunConfig)
    from zerofleet.roles.policy_value_progress import PolicyValueProgress

    return PolicyValueProgress.restore(store, checkpoint, config, device, on_unreadable)


def one_device(device: "str | RankGroup") -> str:
    """The device of a net of alpha-beta. Raises: ConfigError if several ranks are to train one."""
    if isinstance(device, str):
        return device
    raise ConfigError(
        "several devices: a net of alpha-beta (net.kind: nnue) is so small that one trains it; "
        "name one device with --device"
    )


def game_stats(shards: Sequence[AcceptedShard]) -> GameStats:
    """Facts about the games of an iteration."""
    plies = np.concatenate([np.diff(shard.games.game_start) for shard in shards])
    returns = np.concatenate([shard.games.returns for shard in shards])
    stats = GameStats(mean_plies=round(float(plies.mean()), 2), num_files=len(shards))
    if returns.shape[1] == 1:
        stats["mean_score"] = round(float(returns.mean()), 1)
        stats["median_score"] = round(float(np.median(returns)), 1)
        stats["best_score"] = round(float(returns.max()), 1)
    else:
        stats["first_player_score"] = round(float((returns[:, 0] + 1).mean() / 2), 4)
        stats["first_player_win_share"] = round(float((returns[:, 0] > 0).mean()), 4)
        stats["draw_share"] = round(float((returns[:, 0] == 0).mean()), 4)
    return stats


def worker_stats(shards: Sequence[AcceptedShard]) -> dict[str, WorkerStats]:
    """What each worker has delivered, and what its device did, as far as it says."""
    found: dict[str, WorkerStats] = {}
    for shard in shards:
        host = shard.meta.host
        worker = found.setdefault(
            shard.meta.worker_id,
            WorkerStats(device=str(host.get("device", "cpu")), games=0, plies=0, seconds=0.0),
        )
        worker["games"] += shard.games.num_games
        worker["plies"] += shard.games.num_plies
        seconds = _figure(host, "seconds") or 0.0
        worker["seconds"] = round(worker["seconds"] + seconds, 1)
        if (share := _figure(host, "net_share")) is not None:
            # Shares of unequal times: their mean by time.
            worker["net_seconds"] = round(worker.get("net_seconds", 0.0) + share * seconds, 1)
        if (memory := _figure(host, "peak_memory_mib")) is not None:
            worker["peak_memory_mib"] = max(worker.get("peak_memory_mib", 0), int(memory))
    return dict(sorted(found.items()))


def _figure(host: Mapping[str, Any], key: str) -> float | None:
    """A number that a worker says of its host; None if it says none: no gate has looked at it."""
    value = host.get(key)
    if isinstance(value, int | float) and -1e15 < value < 1e15:
        return float(value)
    return None
