"""NnueProgress of a run that learns an NNUE net from games of alpha-beta (see progress.py)."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from zerofleet.arena.stats import GameStats, IterationStats, LossStats
from zerofleet.nets.export import export_nnue, model_to_pt
from zerofleet.nets.features import feature_set_of_game
from zerofleet.nets.nnue import NnueModel
from zerofleet.nets.nnue_file import NnueArchitecture
from zerofleet.records.errors import ShardError
from zerofleet.records.shard import GameRecords, ShardMeta
from zerofleet.replay.config import ReplayConfig
from zerofleet.replay.seed import checkpoint_npz, parse_seed_data
from zerofleet.replay.shards import positions_of_shard
from zerofleet.replay.window import SEED_VERSION, PositionBatch, SourceInWindow, Window
from zerofleet.roles.collect import AcceptedShard
from zerofleet.roles.config import AlphaBetaRunConfig
from zerofleet.roles.ending import Ending
from zerofleet.roles.progress import game_stats
from zerofleet.roles.state import (
    LEARNER,
    MODEL_NNUE,
    MODEL_PT,
    SEED,
    TrainerState,
    read_counted_shard,
    restore,
)
from zerofleet.roles.warm_start import WarmStart
from zerofleet.run.commit import Checkpoint, FileRef
from zerofleet.run.errors import KeyMissingError
from zerofleet.run.layout import WINDOW_CHECKPOINT
from zerofleet.run.ledger import Ledger
from zerofleet.run.store import Store
from zerofleet.training.checkpoint import learner_to_bytes, restore_learner
from zerofleet.training.learner import Learner, LoopResult


@dataclass
class NnueProgress:
    """A state with its window and learner; `learn` makes the next one."""

    model_kind: ClassVar[str] = "nnue"

    state: TrainerState
    window: Window
    learner: Learner
    replay: ReplayConfig

    @property
    def architecture(self) -> str:
        """Shape of the network."""
        return str(self.learner.model.architecture)

    @property
    def device(self) -> str:
        """Where it learns."""
        return str(self.learner.device)

    @property
    def num_window(self) -> int:
        """Positions in the window."""
        return len(self.window)

    def is_enough(self, num_new: int) -> bool:
        """Whether the window with so many more positions can be trained on."""
        # Each batch has blocks of 128 of one bucket.
        smallest = min(256 * self.window.num_buckets, self.replay.max_positions)
        return self.num_window + num_new >= smallest

    def read_positions(self, meta: ShardMeta, games: GameRecords, name: str) -> PositionBatch:
        """Replays the games of a shard; ShardError."""
        return positions_of_shard(
            meta,
            games,
            name=name,
            validation_share=self.learner.config.validation_share,
            untrained_version=self.state.untrained_version,
        )

    @classmethod
    def bootstrap(
        cls,
        config: AlphaBetaRunConfig,
        device: str,
        seed_data: Path | None,
        *,
        warm_start: WarmStart | None,
        should_stop: Callable[[], bool],
    ) -> "NnueProgress":
        """Model version 1: random weights, those of another run, or trained on seed data, which
        enters the window.

        Raises: SeedDataError if the file is not seed data.
        """
        started = time.monotonic()
        learner = _new_learner(config, device)
        num_loops = 0
        if warm_start is not None:
            warm_start.restore(learner, seed=config.seed)
            num_loops = warm_start.num_loops
        window = _empty_window(config)
        seed: bytes | None = None
        losses = LossStats()
        stats = GameStats()
        if seed_data is not None:
            seed = seed_data.read_bytes()
            window = window.extended([_seed_batch(config, seed, seed_data.name)])
            result = learner.train_loop(
                window, 0, last_good="a new run", should_stop=lambda _: should_stop()
            )
            losses, stats = _losses(result), GameStats(eval_sd=_in_logits(result.eval_sd))
        entry = IterationStats(
            iteration=num_loops,
            model_version=1,
            games=0,
            positions=len(window),
            losses=losses,
            game_stats=stats,
            seconds=round(time.monotonic() - started, 2),
        )
        state = TrainerState(
            iteration=num_loops,
            model_version=1,
            ledger=Ledger(),
            sources=window.sources,
            new_shards=(),
            entry=entry,
            seeded=seed is not None or warm_start is not None,
            files=_model_files(learner),
        )
        if seed is not None:
            state.files[SEED] = seed
        return cls(state, window, learner, config.replay)

    @classmethod
    def restore(
        cls,
        store: Store,
        checkpoint: Checkpoint,
        config: AlphaBetaRunConfig,
        device: str,
        on_unreadable: Callable[[str, str], None],
    ) -> "NnueProgress":
        """What the commit holds; the window is rebuilt from the shards it names.

        A shard that somebody deleted or damaged is told and left out: its games stay counted.
        """
        state = restore(store, checkpoint)
        data = state.files[LEARNER]
        assert isinstance(data, bytes)
        learner = _new_learner(config, device)
        restore_learner(learner, data, source=f"checkpoint {checkpoint.commit}")
        progress = cls(state, _empty_window(config), learner, config.replay)
        batches: list[PositionBatch] = []
        for source in state.sources:
            try:
                if is_seed(source):
                    seed = checkpoint.read(store, SEED)
                    batches.append(_seed_batch(config, seed, source.name))
                else:
                    meta, games = read_counted_shard(store, source.name)
                    batches.append(progress.read_positions(meta, games, source.name))
            except (KeyMissingError, ShardError) as error:
                on_unreadable(source.name, str(error))
        # As many positions as it held: the oldest source may have been in it only in part.
        size = sum(source.num_positions for source in state.sources)
        window = replace(progress.window, max_positions=max(1, size)).extended(batches)
        return replace(progress, window=window)

    def learn(
        self,
        shards: list[AcceptedShard],
        loop_started: float,
        ending: Ending,
        on_progress: Callable[[float, dict[str, Any]], None],
    ) -> "NnueProgress | None":
        """Extends the window by the shards and trains one loop; None if stopped in the middle.

        The learning rate falls towards the end of a loop, so half a loop is no loop: when the run
        is over and the rest would take too long, the loop is given up.

        Raises: TrainingError if the loss stops being finite.
        """
        iteration = self.state.iteration + 1
        # The ledger counts these shards already; seed data is in no ledger.
        seeded = sum(source.num_positions for source in self.window.sources if is_seed(source))
        limit = self.replay.window_limit(self.state.ledger.num_positions + seeded)
        window = replace(self.window, max_positions=limit).extended(
            [s.positions for s in shards if isinstance(s.positions, PositionBatch)]
        )

        def on_epoch(epoch: int, train: float, validation: float | None) -> None:
            share = (epoch + 1) / self.learner.config.train_epochs
            on_progress(share, {"epoch": epoch, "train": train, "val": validation})

        given_up = False

        def give_up(share: float) -> bool:
            nonlocal given_up
            given_up = ending.is_too_long(share)
            return given_up

        result = self.learner.train_loop(
            window,
            iteration,
            last_good=f"model version {self.state.model_version}",
            should_stop=give_up,
            on_epoch=on_epoch,
        )
        if given_up:
            return None
        entry = IterationStats(
            iteration=iteration,
            model_version=self.state.model_version + 1,
            games=sum(shard.games.num_games for shard in shards),
            positions=sum(len(shard.positions) for shard in shards),
            losses=_losses(result),
            game_stats={
                **game_stats(shards),
                "eval_sd": _in_logits(result.eval_sd),
            },
            window=result.num_window,
            samples=result.num_positions,
            training_seconds=round(result.seconds, 2),
            seconds=round(time.monotonic() - loop_started, 2),
        )
        files = _model_files(self.learner)
        if SEED in self.state.files and any(is_seed(source) for source in window.sources):
            files[SEED] = self.state.files[SEED]
        state = replace(
            self.state,
            iteration=iteration,
            model_version=self.state.model_version + 1,
            sources=window.sources,
            new_shards=tuple((shard.name, shard.sha256) for shard in shards),
            entry=entry,
            files=files,
        )
        return NnueProgress(state, window, self.learner, self.replay)

    def write_window_checkpoint(self, store: Store) -> None:
        """checkpoint.npz: the window for people, and a fast start of another run."""
        share = self.learner.config.lambda_search
        store.put(WINDOW_CHECKPOINT, checkpoint_npz(self.window, lambda_search=share))


def is_seed(source: SourceInWindow) -> bool:
    """True for the seed data, which is in the window but in no ledger."""
    return source.model_version == SEED_VERSION


def _empty_window(config: AlphaBetaRunConfig) -> Window:
    return Window.empty(
        config.game.spec,
        max_positions=config.replay.max_positions,
        num_buckets=config.net.num_buckets,
    )


def _seed_batch(config: AlphaBetaRunConfig, data: bytes, name: str) -> PositionBatch:
    return parse_seed_data(
        data,
        source=name,
        game=config.game.spec,
        validation_share=config.training.validation_share,
        max_positions=config.replay.max_positions,
    )


def _new_learner(config: AlphaBetaRunConfig, device: str) -> Learner:
    architecture = NnueArchitecture.of(feature_set_of_game(config.game.spec), config.net)
    model = NnueModel(architecture, seed=config.seed)
    return Learner(model, config.training, device=device, seed=config.seed)


def _model_files(learner: Learner) -> dict[str, bytes | FileRef]:
    return {
        LEARNER: learner_to_bytes(learner),
        MODEL_NNUE: export_nnue(learner.model),
        MODEL_PT: model_to_pt(learner.model),
    }


def _losses(result: LoopResult) -> LossStats:
    losses = LossStats()
    if result.train_losses:
        losses["train"] = result.train_losses[-1]
    if result.validation_losses:
        losses["val_before"] = result.validation_losses[0]
        losses["val"] = result.validation_losses[-1]
    return losses


def _in_logits(evaluation: float) -> float:
    from zerofleet import _core

    return round(evaluation / _core.EVAL_PER_LOGIT, 4)
