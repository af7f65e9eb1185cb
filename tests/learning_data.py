"""Games and windows for the tests of nets, replay and training: greedy alpha-beta, one ply deep."""

from functools import cache

import numpy as np

from zerofleet import _core
from zerofleet.nets.config import NnueConfig
from zerofleet.nets.features import feature_set_of_game
from zerofleet.nets.nnue import NnueModel
from zerofleet.nets.nnue_file import NnueArchitecture
from zerofleet.records import GameRecords, ShardMeta
from zerofleet.replay.shards import positions_of_shard
from zerofleet.replay.window import PositionBatch, Window

GAME = "ultimate_ttt"
SMALL = NnueConfig(num_accumulators=32, num_hidden1=8, num_hidden2=8, num_buckets=4)


@cache
def games(first_game: int = 0, num_games: int = 60, game: str = GAME) -> GameRecords:
    """Finished games with search values."""
    made = _core.generate_games(
        game, None, seed=7, first_game=first_game, num_games=num_games, depth=1, threads=1
    )
    arrays = dict(made["arrays"])
    return GameRecords(**arrays)


def shard_meta(worker: str = "w1", batch: int = 0, game: str = GAME) -> ShardMeta:
    return ShardMeta(game=game, model_version=1, worker_id=worker, batch=batch, run_seed=7)


def positions(
    name: str = "v0001_w1_0000.npz",
    *,
    first_game: int = 0,
    num_games: int = 60,
    game: str = GAME,
    validation_share: float = 0.2,
) -> PositionBatch:
    """What the trainer makes of a shard of these games."""
    return positions_of_shard(
        shard_meta(game=game),
        games(first_game, num_games, game),
        name=name,
        validation_share=validation_share,
    )


def window(*, num_games: int = 60, game: str = GAME, max_positions: int = 1_000_000) -> Window:
    return Window.from_sources(
        game, [positions(num_games=num_games, game=game)], max_positions=max_positions
    )


def architecture(config: NnueConfig = SMALL, game: str = GAME) -> NnueArchitecture:
    return NnueArchitecture.of(feature_set_of_game(game), config)


def model(config: NnueConfig = SMALL, *, seed: int = 1, game: str = GAME) -> NnueModel:
    """An untrained net that uses every part of the arithmetic."""
    made = NnueModel(architecture(config, game), seed=seed)
    rng = np.random.default_rng(seed)
    made.psqt_weight.data.copy_(
        made.psqt_weight.data.new_tensor(rng.normal(0, 0.2, made.psqt_weight.shape))
    )
    return made
