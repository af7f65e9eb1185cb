"""Finished games to train on: those of a run directory, or of a folder of shards.

Rank 0 alone reads and replays them, and hands the samples to the others as they come: other nodes
need not see the files.
"""

from collections.abc import Callable, Iterator
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
        text = f"{self.num_samples:,} samples of {self.num_games:,} games in {self.num_shards} "
        text += f"shard{'s' if self.num_shards != 1 else ''}"
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
            "`replay.keep: all` in a run), or `zerofleet import games.pgn --run-dir {path}`"
        )
    return sorted(files, key=_order)


def read_data(
    path: Path,
    game: Any,
    config: TreeSearchRunConfig,
    *,
    threads: int,
    tell: Callable[[str], None],
) -> Iterator[tuple[SampleBatch, int] | None]:
    """Yields the samples of each shard and the number of its games; None for one that is skipped,
    after saying why.

    Raises: ConfigError if there is nothing to read, or nothing that can be read.
    """
    files = find_shards(path)
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
            f"--data {path}: none of its {len(files)} files could be used; why is said above"
        )


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
