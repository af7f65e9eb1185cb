"""Trains a net of policy and value on games that are there, on any number of ranks.

    every rank                          rank 0 alone
      join the group                      the lease of the directory, the last commit, configuration
      receive state and samples           read and replay the data
      repeat until all epochs are done
        a part of every batch             prints the losses over all ranks
        end together                      commit; weight file; at the end of an epoch: publish

The directory is a run directory: what trained here can be played with, rated, and begun with by
another run (--checkpoint). Killed at any moment it goes on from the last commit, on as many ranks
as there are then: which samples an epoch has left does not depend on their number.
"""

import contextlib
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import torch

from zerofleet.arena.lines import accuracy_text
from zerofleet.arena.stats import GameStats, IterationStats, LossStats
from zerofleet.fleet.devices import usable_cores
from zerofleet.fleet.supervisor import stop_signals
from zerofleet.games.registry import load_game
from zerofleet.nets.architecture import NetArchitecture
from zerofleet.nets.build import build_model
from zerofleet.nets.model_file import model_to_pt, model_to_safetensors
from zerofleet.replay.samples import SampleWindow
from zerofleet.roles.config import (
    ConfigError,
    TreeSearchRunConfig,
    check_unchanged,
    load_recipe,
    parse_config_json,
    resolve,
)
from zerofleet.roles.data import SharedData
from zerofleet.roles.epochs import EpochProgress
from zerofleet.roles.kept import check_kept_names, keep, kept_names, weights_name
from zerofleet.roles.ranks import MAX_LOADER_THREADS, rank_stats
from zerofleet.roles.report import error_text
from zerofleet.roles.state import LEARNER, MODEL_SAFETENSORS
from zerofleet.run.atomic import describe
from zerofleet.run.commit import Checkpoint, commit, prune, read_latest
from zerofleet.run.errors import StoreError
from zerofleet.run.layout import (
    CHECKPOINTS,
    CONFIG,
    DISTRIBUTED_LOG,
    LOGS,
    MODEL_VERSIONS,
    TRAINER_LEASE,
)
from zerofleet.run.lease import Heartbeat, Lease
from zerofleet.run.models import publish_model
from zerofleet.run.series import SeriesWriter
from zerofleet.run.software import software_version
from zerofleet.run.stats import append_stats
from zerofleet.run.store import DirectoryStore, read_or_none
from zerofleet.run.words import counted
from zerofleet.training.accuracy import policy_accuracy
from zerofleet.training.compiled import has_fast_bfloat16
from zerofleet.training.group import RankGroup
from zerofleet.training.policy_value import Losses, PolicyValueLearner, PolicyValueResult
from zerofleet.training.policy_value_checkpoint import (
    policy_value_learner_to_bytes,
    restore_policy_value_learner,
)
from zerofleet.training.ranks import NOTABLE_IMBALANCE, Pace, device_name

KIND = "distributed training"
"""In the summary of a commit: it is no state of a trainer of self-play."""


class DistributedTraining:
    """One rank of a job."""

    def __init__(
        self,
        save_dir: Path,
        group: RankGroup,
        *,
        recipe: str,
        data: Path,
        command_line: Mapping[str, Any],
        epochs: int,
        mixed_precision: bool | None = None,
        num_workers: int | None = None,
        must_resume: bool = False,
        checkpoint: Path | None = None,
        checkpoint_steps: int | None = None,
        checkpoint_minutes: float = 10.0,
        minutes: float | None = None,
        out: TextIO | None = None,
    ) -> None:
        """Nothing happens yet.

        Args:
          save_dir: only rank 0 looks at it.
          data: run directory or folder of shards; only rank 0 looks at it.
          command_line: dotted configuration keys and values.
          epochs: passes over the data, those of earlier starts counted.
          mixed_precision: None: as `training.compute_dtype` says.
          num_workers: threads that draw batches, on each rank; None: by the cores.
          must_resume: it is an error if there is nothing to go on from.
          checkpoint: a file that `--checkpoint` of a trainer takes; for a new directory.
          checkpoint_steps: commit after so many steps; None: only after epochs and minutes.
          checkpoint_minutes: commit in the middle of an epoch at least so often.
          minutes: after this time training stops, with a commit, wherever it is.
          out: where rank 0 prints; None: standard output.
        """
        self._save_dir = save_dir
        self._store = DirectoryStore(save_dir)
        self._group = group
        self._recipe = recipe
        self._data = data
        self._command_line = dict(command_line)
        self._epochs = epochs
        self._mixed_precision = mixed_precision
        self._must_resume = must_resume
        self._checkpoint = checkpoint
        self._checkpoint_steps = checkpoint_steps
        self._checkpoint_minutes = checkpoint_minutes
        self._stop_at = float("inf") if minutes is None else time.monotonic() + 60 * minutes
        self._out = out or sys.stdout
        self._log: BinaryIO | None = None
        self._committed: Checkpoint | None = None
        self._published: dict[str, Any] = {}
        self._stats: list[dict[str, Any]] = []
        self._progress = EpochProgress()
        cores = max(1, usable_cores() // group.place.local_world_size)
        self._threads = num_workers or min(MAX_LOADER_THREADS, cores)

    def run(self) -> int:
        """Trains; returns the exit status. Raises: ConfigError, TrainingError, RunError."""
        group = self._group
        with contextlib.ExitStack() as stack:
            self._stop = stack.enter_context(stop_signals())
            self._say(f"process group: {group}", log=False)
            dtype = self._asked_dtype()
            tree: Any = None
            if group.is_main:
                config = self._resolve(dtype)
                self._open(stack, config)
                tree = config.model_dump(mode="json")
            made = resolve({}, group.broadcast_json(tree), {})
            assert isinstance(made, TreeSearchRunConfig)
            self._config = made
            self._game = load_game(made.game.spec)
            self._learner = self._make_learner()
            self._tell_start(dtype)
            data = SharedData(
                self._data, self._game, made, group, threads=self._threads, tell=self._say
            )
            self._train(data)
        return 0

    # -- start -------------------------------------------------------------------------------

    def _resolve(self, dtype: str | None) -> TreeSearchRunConfig:
        data = read_or_none(self._store, CONFIG)
        existing = None if data is None else parse_config_json(data)
        recipe = load_recipe(self._recipe)
        keys = {**self._command_line, "pacing.max_loops": self._epochs}  # what status counts to
        if dtype is not None:
            keys["training.compute_dtype"] = dtype
        config = resolve(recipe, existing, keys)
        if not isinstance(config, TreeSearchRunConfig):
            raise ConfigError(
                f"recipe {self._recipe}: its net is an NNUE, which trains on one device: "
                f"`zerofleet train {self._recipe}`; several ranks train nets of tree search, "
                "--set net.kind=resnet for instance"
            )
        check_kept_names(config)
        self._committed = read_latest(self._store)
        if self._committed is not None:
            if self._committed.summary.get("kind") != KIND:
                raise ConfigError(
                    f"{self._save_dir}: is a run of self-play, and its trainer alone writes there; "
                    "use another --save-dir (and this one as --data)"
                )
            assert existing is not None
            check_unchanged(resolve(recipe, existing, {}), config)
        elif self._must_resume:
            raise ConfigError(
                f"--resume: there is no checkpoint in {self._save_dir / CHECKPOINTS} to go on "
                "from; leave --resume out to begin"
            )
        return config

    def _open(self, stack: contextlib.ExitStack, config: TreeSearchRunConfig) -> None:
        for folder in (CHECKPOINTS, MODEL_VERSIONS, LOGS):
            path = self._save_dir / folder
            try:
                path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise describe(error, "create the directory", path) from error
        self._lease = Lease.acquire(
            self._store,
            TRAINER_LEASE,
            info={"software": software_version(), "device": str(self._group.device)},
            dead_after_seconds=config.fleet.dead_after_seconds,
            on_wait=lambda text: self._say(f"waiting: {text}", log=False),
        )
        stack.push(self._release)
        stack.enter_context(
            Heartbeat(
                self._lease,
                interval_seconds=config.fleet.heartbeat_seconds,
                on_lost=self._stop.set,
            )
        )
        self._log = stack.enter_context((self._save_dir / DISTRIBUTED_LOG).open("ab", buffering=0))
        self._series = stack.enter_context(SeriesWriter(self._save_dir / LOGS, "trainer"))
        self._store.sweep()
        prune(self._store)
        self._store.put(CONFIG, config.to_json())

    def _release(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._lease.release("" if error is None else error_text(error))

    def _make_learner(self) -> PolicyValueLearner:
        """The learner of this rank, in the state that rank 0 has found."""
        config, group = self._config, self._group
        model = build_model(NetArchitecture.of(self._game, config.net), seed=config.seed)
        learner = PolicyValueLearner(
            model,
            config.training,
            seed=config.seed,
            group=group,
            loader_threads=self._threads,
        )
        progress: Any = None
        if group.is_main:
            committed = self._committed
            if committed is not None:
                data = committed.read(self._store, LEARNER)
                restore_policy_value_learner(learner, data, source=f"checkpoint {committed.commit}")
                self._progress = EpochProgress(**committed.summary["progress"])
            elif self._checkpoint is not None:
                from zerofleet.roles.warm_start import read_warm_start

                warm_start = read_warm_start(self._checkpoint, config)
                warm_start.restore(learner, seed=config.seed)
                learner.num_loops = 0
                self._say(f"this run {warm_start}")
            progress = vars(self._progress)
        state = group.broadcast(policy_value_learner_to_bytes(learner) if group.is_main else None)
        if not group.is_main:
            restore_policy_value_learner(learner, state, source="rank 0")
        self._progress = EpochProgress(**group.broadcast_json(progress))
        return learner

    def _asked_dtype(self) -> str | None:
        """What --mixed-precision means on the slowest device; None: not asked."""
        if self._mixed_precision is None:
            return None
        device = self._group.device
        abilities = [has_fast_bfloat16(device), device.type == "cuda"]
        bfloat16, gpu = self._group.gather(torch.tensor(abilities, dtype=torch.int64)).amin(0)
        if not self._mixed_precision:
            return "float32"
        if bfloat16:
            self._say("mixed precision: bfloat16", log=False)
            return "bfloat16"
        if gpu:
            self._say("mixed precision: float16 with scaled losses", log=False)
            return "float16"
        self._say(
            "mixed precision: this processor has no units for bfloat16 or float16; training stays "
            "in float32",
            log=False,
        )
        return "float32"

    def _tell_start(self, dtype: str | None) -> None:
        config, group, learner = self._config, self._group, self._learner
        total, ranks = config.training.batch_size, group.world_size
        low, high = total // ranks, -(-total // ranks)
        each = str(low) if low == high else f"{low} or {high}"
        unit = "GPU" if group.device.type == "cuda" else "rank"
        self._say(f"zerofleet {software_version()}")
        self._say(f"Batch size per {unit}: {each}, total: {total}")
        model = learner.model
        size = sum(parameter.numel() for parameter in model.parameters())
        self._say(f"net: {model.architecture}, {size:,} parameters")
        names = [name.decode() for name in self._gathered(device_name(group.device).encode())]
        used = dict.fromkeys(names)
        backend = "" if ranks == 1 else f", {group.backend}"
        precision = str(learner.dtype).removeprefix("torch.")
        self._say(
            f"devices: {', '.join(f'{names.count(name)} x {name}' for name in used)}{backend}; "
            f"{precision}; {counted(self._threads, 'loader thread')} a rank"
        )
        self._names = names
        if self._committed is not None:
            done = self._progress
            at = f"step {done.step} of epoch {done.epoch + 1}" if done.step else "its end"
            self._say(f"goes on from epoch {done.epoch + bool(done.step)}, {at}")

    def _gathered(self, text: bytes) -> list[bytes]:
        width = 120
        sent = torch.tensor(list(text[:width].ljust(width)), dtype=torch.int64)
        return [bytes(row).rstrip() for row in self._group.gather(sent).tolist()]

    # -- the loop ----------------------------------------------------------------------------

    def _train(self, data: SharedData) -> None:
        learner, group, progress = self._learner, self._group, self._progress
        size = self._config.training.batch_size
        self._derive()
        check_every = 1 if group.device.type == "cpu" else 16
        while progress.epoch < self._epochs:
            window = data.window(progress.epoch)
            num_steps = -(-len(window.training_rows) // size)
            epoch = progress.epoch + 1
            started = self._saved_at = time.monotonic()
            self._told, self._saved_step = progress.step, progress.step

            def on_step(losses: Losses, epoch: int = epoch, num_steps: int = num_steps) -> None:
                self._told += 1
                self._say(
                    f"epoch {epoch}/{self._epochs}, step {self._told}/{num_steps}: loss "
                    f"{losses.total:.4f} (policy {losses.policy:.4f}, value {losses.value:.4f})"
                )

            if learner.gradients.is_to_compile:
                self._say(
                    "compiling the training step: half a minute or more until the first one is "
                    "done (without: --set training.compile=false)"
                )
            result = learner.train_loop(
                window,
                epoch,
                num_steps=None,
                first_step=progress.step,
                last_good="the last checkpoint",
                should_stop=self._is_due,
                on_step=on_step,
                check_every=check_every,
                validate=False,
            )
            progress.add(result)
            if progress.step >= num_steps:
                self._end_epoch(window, result, time.monotonic() - started)
            else:
                if result.pace is not None and result.pace.imbalance >= NOTABLE_IMBALANCE:
                    self._tell_pace(result.pace)
                if result.num_steps:  # told to stop before the first, an epoch's commit stands
                    self._save()
                if self._is_stopping():
                    self._say("stopped; start it again to go on")
                    return
        self._say(f"done: {counted(progress.epoch, 'epoch')}")

    def _is_due(self) -> bool:
        """Whether it is time to commit, in the middle of an epoch. Asked on every rank; rank 0 has
        a clock, and any rank may have been told to stop."""
        if self._is_told():
            return True
        if not self._group.is_main:
            return False
        taken = self._told - self._saved_step
        is_late = time.monotonic() - self._saved_at > 60 * self._checkpoint_minutes
        return taken > 0 and (
            is_late or (self._checkpoint_steps is not None and taken >= self._checkpoint_steps)
        )

    def _is_told(self) -> bool:
        """By a signal, or by the time given."""
        return self._stop.is_set() or time.monotonic() >= self._stop_at

    def _is_stopping(self) -> bool:
        return bool(self._group.largest(int(self._is_told())))

    def _end_epoch(self, window: SampleWindow, result: PolicyValueResult, seconds: float) -> None:
        progress, learner, ranks = self._progress, self._learner, self._group.world_size
        validation = learner.validation_losses(window)
        accuracy = policy_accuracy(learner, window)
        policy, value, entropy = progress.means()
        total = policy + learner.config.value_loss_weight * value
        checked = "" if validation is None else f", validation loss {validation.total:.4f}"
        rate = result.samples_per_second
        self._say(
            f"epoch {progress.epoch + 1}/{self._epochs}: average loss {total:.4f} (policy "
            f"{policy:.4f}, value {value:.4f}) over all {counted(ranks, 'rank')}, "
            f"{counted(progress.samples, 'sample')}{checked}; "
            f"{rate:,.{0 if rate >= 10 else 1}f} samples/s"
        )
        losses = LossStats(
            train=round(total, 5),
            policy=round(policy, 5),
            value=round(value, 5),
            policy_entropy=round(entropy, 5),
        )
        if validation is not None:
            losses["val"] = round(validation.total, 5)
            losses["val_policy"] = round(validation.policy, 5)
            losses["val_value"] = round(validation.value, 5)
        if accuracy is not None:
            losses["val_accuracy"] = round(accuracy.top1, 5)
            losses["val_uniform_accuracy"] = round(accuracy.uniform, 5)
            self._say(
                f"epoch {progress.epoch + 1}/{self._epochs}: finds the move in "
                f"{accuracy_text(losses)} of {accuracy.num_samples:,} positions of held-out games"
            )
        done = progress.epoch + 1
        self._entry = IterationStats(
            iteration=done,
            model_version=done,
            games=0,
            positions=progress.samples,
            losses=losses,
            game_stats=GameStats(),
            seconds=round(seconds, 2),
        )
        if result.pace is not None:
            self._entry["ranks"] = rank_stats(result.pace)
            self._tell_pace(result.pace)
        progress.begin(done)
        self._save()

    # -- commit and what derives from it -----------------------------------------------------

    def _save(self) -> None:
        """Commits; the other ranks go on at once and meet rank 0 in their next exchange."""
        self._saved_at, self._saved_step = time.monotonic(), self._progress.step
        if not self._group.is_main:
            return
        learner = self._learner
        self._committed = commit(
            self._store,
            {
                LEARNER: policy_value_learner_to_bytes(learner),
                MODEL_SAFETENSORS: model_to_safetensors(learner.average.model),
            },
            summary={
                "kind": KIND,
                "progress": vars(self._progress),
                "entry": getattr(self, "_entry", None),
            },
            keep_names=(LEARNER,),
            guard=self._lease.confirm,
            after=self._committed,
        )
        self._derive()

    def _derive(self) -> None:
        """Files that follow from the commit; redone at start."""
        committed = self._committed
        if not self._group.is_main or committed is None:
            return
        name = weights_name(self._config)
        weights = model_to_pt(self._learner.average.model)
        if read_or_none(self._store, name) != weights:
            self._store.put(name, weights)
            self._say(f"saved {self._save_dir / name}")
        entry = committed.summary["entry"]
        if self._progress.step == 0 and entry is not None:
            publish_model(
                self._store,
                entry["model_version"],
                {"safetensors": committed.read(self._store, MODEL_SAFETENSORS)},
                self._learner.model.architecture.to_json(),
                known=self._published,
            )
            self._stats = append_stats(self._store, entry, known=self._stats)
            done = self._progress.epoch
            names = kept_names(self._config, done, is_last=done >= self._epochs)
            keep(self._store, names, committed.read(self._store, LEARNER))
            with contextlib.suppress(StoreError):  # a full disk ends what matters, not the log
                self._series.append({"time": time.time(), "kind": "loop", "entry": entry})

    # -- telling -----------------------------------------------------------------------------

    def _tell_pace(self, pace: Pace) -> None:
        text = (
            f"slowest rank: {pace.slowest} ({self._names[pace.slowest]}) takes "
            f"{pace.imbalance:.0%} longer than the average rank"
        )
        notable = pace.imbalance >= NOTABLE_IMBALANCE
        self._say(text + (", and the others wait for it" if notable else ""))

    def _say(self, text: str, *, log: bool = True) -> None:
        if not self._group.is_main:
            return
        print(text, file=self._out, flush=True)
        if log and self._log is not None:
            with contextlib.suppress(OSError):
                self._log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n".encode())
