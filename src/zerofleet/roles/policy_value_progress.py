"""Progress of a run that learns a net of policy and value from tree search (see progress.py)."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from zerofleet.arena.stats import GameStats, IterationStats, LossStats, SpikeFigures
from zerofleet.games.registry import load_game
from zerofleet.nets.model_file import model_to_pt, model_to_safetensors
from zerofleet.records.errors import ShardError
from zerofleet.records.shard import GameRecords, ShardMeta
from zerofleet.replay.samples import SampleBatch, SampleWindow, samples_of_shard
from zerofleet.roles.collect import AcceptedShard
from zerofleet.roles.config import TreeSearchRunConfig
from zerofleet.roles.ending import Ending
from zerofleet.roles.progress import game_stats, worker_stats
from zerofleet.roles.ranks import (
    new_learner,
    rank_stats,
    send_config,
    send_loop,
    send_samples,
    send_state,
)
from zerofleet.roles.state import (
    LEARNER,
    MODEL_PT,
    MODEL_SAFETENSORS,
    TrainerState,
    read_counted_shard,
    restore,
)
from zerofleet.roles.warm_start import WarmStart
from zerofleet.run.commit import Checkpoint, FileRef
from zerofleet.run.errors import KeyMissingError
from zerofleet.run.ledger import Ledger
from zerofleet.run.store import Store
from zerofleet.training.group import RankGroup
from zerofleet.training.policy_value import PolicyValueLearner, PolicyValueResult
from zerofleet.training.policy_value_checkpoint import (
    policy_value_learner_to_bytes,
    restore_policy_value_learner,
)


@dataclass
class PolicyValueProgress:
    """A state with its window and learner; `learn` makes the next one."""

    model_kind: ClassVar[str] = "safetensors"

    state: TrainerState
    window: SampleWindow
    learner: PolicyValueLearner
    config: TreeSearchRunConfig

    @property
    def architecture(self) -> str:
        """The net's shape, as the manifest names it and `NetArchitecture.from_json` reads it."""
        return self.learner.model.architecture.to_json()

    @property
    def device(self) -> str:
        """Where it learns."""
        return str(self.learner.device)

    @property
    def num_window(self) -> int:
        """Samples in the window."""
        return len(self.window)

    def is_enough(self, num_new: int) -> bool:
        """Whether the window with so many more samples can be trained on: any sample will do."""
        return self.num_window + num_new > 0

    def read_positions(self, meta: ShardMeta, games: GameRecords, name: str) -> SampleBatch:
        """Replays the games of a shard; ShardError."""
        return samples_of_shard(
            meta,
            games,
            name=name,
            validation_share=self.config.training.validation_share,
            game=self.window.game,
            untrained_version=self.state.untrained_version,
            return_lambda=self.config.training.return_lambda
            if self.config.is_without_search
            else None,
        )

    def merged(self, name: str, parts: Sequence[tuple[ShardMeta, GameRecords]]) -> SampleBatch:
        """One source of the window; an iteration's games in order of their numbers.

        So nothing that is learned depends on who played which game and when it arrived.
        """
        games = GameRecords.concatenated([games for _, games in parts])
        games = games.take(np.argsort(games.game_number))
        return self.read_positions(parts[0][0], games, name)

    @classmethod
    def bootstrap(
        cls,
        config: TreeSearchRunConfig,
        where: "str | RankGroup",
        warm_start: WarmStart | None,
    ) -> "PolicyValueProgress":
        """Model version 1, with random weights or those of another run."""
        started = time.monotonic()
        window = SampleWindow.empty(
            load_game(config.game.spec), max_positions=config.replay.window_limit(0)
        )
        send_config(where, config)
        learner = new_learner(config, window.game, where)
        num_loops = 0
        if warm_start is not None:
            warm_start.restore(learner, seed=config.seed)
            num_loops = warm_start.num_loops
        send_state(learner)
        entry = IterationStats(
            iteration=num_loops,
            model_version=1,
            games=0,
            positions=0,
            losses=LossStats(),
            game_stats=GameStats(),
            seconds=round(time.monotonic() - started, 2),
        )
        state = TrainerState(
            iteration=num_loops,
            model_version=1,
            ledger=Ledger(),
            sources=(),
            new_shards=(),
            entry=entry,
            seeded=warm_start is not None,
            files=_model_files(learner),
        )
        return cls(state, window, learner, config)

    @classmethod
    def restore(
        cls,
        store: Store,
        checkpoint: Checkpoint,
        config: TreeSearchRunConfig,
        where: "str | RankGroup",
        on_unreadable: Callable[[str, str], None],
    ) -> "PolicyValueProgress":
        """What the commit holds; the window is rebuilt from the shards it names.

        A shard that somebody deleted or damaged is told and left out: its games stay counted.
        """
        state = restore(store, checkpoint)
        game = load_game(config.game.spec)
        send_config(where, config)
        learner = new_learner(config, game, where)
        data = state.files[LEARNER]
        assert isinstance(data, bytes)
        restore_policy_value_learner(learner, data, source=f"checkpoint {checkpoint.commit}")
        send_state(learner)
        # As many samples as it held: the oldest source may have been in it only in part.
        size = sum(source.num_positions for source in state.sources)
        progress = cls(state, SampleWindow.empty(game, max_positions=max(1, size)), learner, config)
        batches: list[SampleBatch] = []
        for source in state.sources:
            try:
                parts = [
                    read_counted_shard(store, name, skipped)
                    for name, skipped in state.parts_of(source.name)
                ]
                batches.append(progress.merged(source.name, parts))
            except (KeyMissingError, ShardError) as error:
                on_unreadable(source.name, str(error))
        send_samples(learner.group, batches, progress.window.max_positions)
        return replace(progress, window=progress.window.extended(batches))

    def learn(
        self,
        shards: list[AcceptedShard],
        loop_started: float,
        ending: Ending,
        on_progress: Callable[[float, dict[str, Any]], None],
    ) -> "PolicyValueProgress | None":
        """Extends the window by the shards and takes the steps that are due; None if stopped.

        When the run is over the loop is cut short: the steps that are missing are due in the next.

        Raises: TrainingError if the loss stops being finite.
        """
        state, config = self.state, self.config
        iteration = state.iteration + 1
        batches = [s.positions for s in shards if isinstance(s.positions, SampleBatch)]
        parts = dict(state.parts)
        if config.pacing.games_per_iteration:
            name = f"iteration {iteration}"
            batches = [self.merged(name, [(shard.meta, shard.games) for shard in shards])]
            parts[name] = tuple((shard.name, shard.skipped) for shard in shards)
        # The ledger counts these shards already.
        num_positions = state.ledger.num_positions
        limit = config.replay.window_limit(num_positions)
        window = replace(self.window, max_positions=limit).extended(batches)
        send_samples(self.learner.group, batches, limit)
        steps = max(1, self._steps(window, num_positions))
        on_progress(0.0, {"iteration": iteration, "window": len(window), "num_steps": steps})
        send_loop(self.learner.group, iteration, steps)
        result = self.learner.train_loop(
            window,
            iteration,
            num_steps=steps,
            last_good=f"model version {state.model_version}",
            should_stop=ending.is_over,
            on_progress=lambda step, loss: on_progress(
                step / steps, {"step": self.learner.num_steps, "train": loss}
            ),
        )
        if result.num_steps == 0 or (ending.is_told() and result.num_steps < steps):
            return None
        names = {source.name for source in window.sources}
        entry = IterationStats(
            iteration=iteration,
            model_version=state.model_version + 1,
            games=sum(shard.games.num_games for shard in shards),
            positions=sum(len(shard.positions) for shard in shards),
            losses=_losses(result, without_search=config.is_without_search),
            game_stats=game_stats(shards),
            window=result.num_window,
            samples=result.num_samples,
            training_seconds=round(result.seconds, 2),
            seconds=round(time.monotonic() - loop_started, 2),
        )
        if config.pacing.games_per_iteration:
            entry["workers"] = worker_stats(shards)
        if result.pace is not None:
            entry["ranks"] = rank_stats(result.pace)
        if spikes := self.learner.spikes(window):
            entry["spikes"] = SpikeFigures(
                spikes_per_inference=round(spikes.spikes_per_inference, 1),
                sparsity=round(spikes.sparsity, 4),
            )
        next_state = replace(
            state,
            iteration=iteration,
            model_version=state.model_version + 1,
            sources=window.sources,
            new_shards=tuple((shard.name, shard.sha256) for shard in shards),
            entry=entry,
            files=_model_files(self.learner),
            parts={name: shards for name, shards in parts.items() if name in names},
        )
        return PolicyValueProgress(next_state, window, self.learner, config)

    def _steps(self, window: SampleWindow, num_positions: int) -> int:
        """Of the next loop; `num_positions`: of the whole run, this loop's included."""
        config = self.config
        batch_size = config.training.batch_size
        if config.training.train_epochs:
            return -(-config.training.train_epochs * len(window.training_rows) // batch_size)
        return config.replay.steps_due(
            round(num_positions * (1 - config.training.validation_share)),
            self.learner.num_samples,
            batch_size=batch_size,
        )

    def write_window_checkpoint(self, store: Store) -> None:
        """This kind of run has none: its shards are what another run can start from."""


def _model_files(learner: PolicyValueLearner) -> dict[str, bytes | FileRef]:
    return {
        LEARNER: policy_value_learner_to_bytes(learner),
        MODEL_SAFETENSORS: model_to_safetensors(learner.average.model),
        MODEL_PT: model_to_pt(learner.average.model),
    }


def _losses(result: PolicyValueResult, *, without_search: bool) -> LossStats:
    losses = LossStats(
        train=round(result.train.total, 5),
        policy=round(result.train.policy, 5),
        value=round(result.train.value, 5),
    )
    losses["entropy" if without_search else "policy_entropy"] = round(
        result.train.policy_entropy, 5
    )
    if result.validation is not None:
        losses["val"] = round(result.validation.total, 5)
        losses["val_policy"] = round(result.validation.policy, 5)
        losses["val_value"] = round(result.validation.value, 5)
    return losses
