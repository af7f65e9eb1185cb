"""Finished games to train on: those of a run directory, or of a folder of shards.

Rank 0 alone reads and replays them, and hands the samples to the others as they come: other nodes
need not see the files.
"""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zerofleet.games.spec import join_spec
from zerofleet.records.errors import ShardError
from zerofleet.records.read import read_shard
from zerofleet.replay.samples import SampleBatch, Samples, SampleWindow, samples_of_shard
from zerofleet.roles.collect import MAX_SHARD_BYTES
from zerofleet.roles.config import ConfigError, TreeSearchRunConfig
from zerofleet.run.layout import CONFIG, CONSUMED, DATA, IMPORTS, parse_shard_name
from zerofleet.run.words import counted
from zerofleet.training.errors import TrainingError
from zerofleet.training.group import RankGroup

_END: tuple[SampleBatch | None, int] = (None, 0)


@dataclass(frozen=True)
class DataSummary:
    """What was found."""

    num_shards: int
    num_games: int
    num_samples: int
    """Of all shards; the window holds the newest of them."""
    num_skipped: int
    """Files that are damaged, or not of this game."""

    def __str__(self) -> str:
        samples, games = counted(self.num_samples, "sample"), counted(self.num_games, "game")
        text = f"{samples} of {games} in {counted(self.num_shards, 'shard')}"
        return text + (f" ({self.num_skipped} skipped)" if self.num_skipped else "")


def find_shards(path: Path) -> list[Path]:
    """The shards at a path, oldest first: a run directory, a folder or one file.

    Raises: ConfigError if there is none.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ConfigError(f"--data {path}: no such run directory, folder or file")
    is_run = any((path / name).exists() for name in (CONFIG, DATA, IMPORTS))
    folders = [path / IMPORTS, path / CONSUMED, path / DATA] if is_run else [path]
    files = [file for folder in folders for file in folder.rglob("*.npz") if file.is_file()]
    if not files:
        where = f"in {IMPORTS}, {CONSUMED} and {DATA} of the run" if is_run else "anywhere in it"
        raise ConfigError(
            f"--data {path}: no shards (*.npz) {where}; play some (`zerofleet selfplay`, with "
            f"`replay.keep: all` in a run), or `zerofleet import games.pgn --run-dir {path}`"
        )
    return sorted(files, key=_order)


def parts_of(files: Sequence[Path], max_positions: int) -> list[list[Path]]:
    """The files in parts of at most so many plies, or of one file; the newest part first."""
    parts: list[list[Path]] = [[]]
    held = 0
    for file in reversed(files):
        plies = _num_plies(file)
        if parts[-1] and held + plies > max_positions:
            parts.append([])
            held = 0
        parts[-1].insert(0, file)
        held += plies
    return parts


def _num_plies(file: Path) -> int:
    """By the directory of the .npz file, nothing of which is unpacked; 0 if it is none."""
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.getinfo("action.npy").file_size // 4
    except (OSError, KeyError, zipfile.BadZipFile):
        return 0


def read_data(
    path: Path,
    files: Sequence[Path],
    game: Any,
    config: TreeSearchRunConfig,
    *,
    threads: int,
    tell: Callable[[str], None],
) -> Iterator[tuple[SampleBatch, int] | None]:
    """Yields the samples of each file found at `path` and the number of its games; None for one
    that is skipped, after saying why.

    Raises: ConfigError if none can be read.
    """
    num_good = 0
    for file in files:
        name = str(file.relative_to(path)) if file != path else file.name
        try:
            meta, games = read_shard(file, max_bytes=MAX_SHARD_BYTES)
            found = join_spec(meta.game, meta.game_options)
            expected = join_spec(config.game.public_name, config.game.options)
            if found != expected:
                raise ShardError(name, f"games of {found}; the recipe is for {expected}")
            batch = samples_of_shard(
                meta,
                games,
                name=name,
                validation_share=config.training.validation_share,
                game=game,
                threads=threads,
            )
        except ShardError as error:
            tell(f"skipped: {error}")
            yield None
            continue
        num_good += 1
        yield batch, games.num_games
    if not num_good:
        raise ConfigError(
            f"--data {path}: {counted(len(files), 'file')}, none of which could be used; why is "
            "said above"
        )


class SharedData:
    """The samples at a path, the same on every rank of a group, as many as memory holds.

    What does not fit is learned from in parts, an epoch from each in turn.
    """

    def __init__(
        self,
        path: Path,
        game: Any,
        config: TreeSearchRunConfig,
        group: RankGroup,
        *,
        threads: int,
        tell: Callable[[str], None],
    ) -> None:
        """Looks at the names and sizes of the files, on rank 0; the other ranks need not see them.

        Raises: ConfigError if there are none.
        """
        self._path, self._game, self._config, self._group = path, game, config, group
        self._threads, self._tell = threads, tell
        limit = config.replay.max_positions
        self._parts = parts_of(find_shards(path), limit) if group.is_main else []
        self.num_parts = int(group.broadcast_json(len(self._parts)))
        self._window: tuple[int, SampleWindow] | None = None
        if self.num_parts > 1:
            tell(
                f"data: more than replay.max_positions, {limit:,} samples, in {self.num_parts} "
                "parts: each epoch learns from one of them, in turn"
            )

    def window(self, epoch: int) -> SampleWindow:
        """What the epoch, from 0, learns from. Raises: ConfigError, TrainingError if it is nothing.

        To be called by all ranks together.
        """
        part = epoch % self.num_parts
        if self._window is None or self._window[0] != part:
            self._window = None  # never two of them in memory
            self._window = part, self._read(part)
        return self._window[1]

    def _read(self, part: int) -> SampleWindow:
        batches = None
        if self._group.is_main:
            batches = read_data(
                self._path,
                self._parts[part],
                self._game,
                self._config,
                threads=self._threads,
                tell=self._tell,
            )
        limit = self._config.replay.max_positions
        window, found = shared_window(self._group, batches, self._game, max_positions=limit)
        which = f"part {part + 1} of {self.num_parts}: " if self.num_parts > 1 else ""
        self._tell(f"data: {which}{found}; {len(window.training_rows):,} to train on")
        if not len(window.training_rows):
            raise TrainingError("no samples to train on; lower training.validation_share")
        return window


def shared_window(
    group: RankGroup,
    batches: Iterator[tuple[SampleBatch, int] | None] | None,
    game: Any,
    *,
    max_positions: int,
) -> tuple[SampleWindow, DataSummary]:
    """The window of the newest samples, the same on every rank; `batches` are rank 0's."""
    kept: list[SampleBatch] = []
    num_shards = num_games = num_samples = num_skipped = 0
    iterator = iter(batches or ())
    while True:
        while (following := next(iterator, _END)) is None:
            num_skipped += 1
        batch = share_batch(group, following[0])
        if batch is None:
            break
        num_shards += 1
        num_games += following[1]
        num_samples += len(batch)
        kept.append(batch)
        held = sum(map(len, kept))
        while held - len(kept[0]) >= max_positions:
            held -= len(kept.pop(0))
    window = SampleWindow.from_sources(game, kept, max_positions=max_positions)
    return window, DataSummary(num_shards, num_games, num_samples, num_skipped)


def share_batch(group: RankGroup, batch: SampleBatch | None) -> SampleBatch | None:
    """Rank 0's samples on every rank; None if it has none left."""
    if group.world_size == 1:
        return batch
    head = None if batch is None else [batch.source, batch.model_version]
    head = group.broadcast_json(head)
    if head is None:
        return None
    columns = group.broadcast_arrays(None if batch is None else vars(batch.samples))
    return batch or SampleBatch(head[0], head[1], Samples(**columns))


def _order(file: Path) -> tuple[int, str]:
    try:
        return parse_shard_name(file.name).version, str(file)
    except ValueError:
        return 0, str(file)
