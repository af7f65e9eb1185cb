"""Games and windows of samples for the tests of replay and training: tree search without a net."""

from functools import cache

from zerofleet import load_game
from zerofleet.games.evaluation import uniform_evaluator
from zerofleet.records import GameRecords, ShardMeta
from zerofleet.replay.samples import SampleBatch, SampleWindow, samples_of_shard
from zerofleet.search import MctsConfig
from zerofleet.selfplay import PlayConfig, play_games


@cache
def games(
    name: str, num_games: int = 40, *, first_game: int = 0, simulations: int = 32
) -> GameRecords:
    """Finished games with policies and search values."""
    search = MctsConfig(
        num_simulations=simulations, full_search_probability=0.5, fast_simulations=4, cache_mib=0
    )
    play = PlayConfig(num_parallel_games=64, max_plies=200)
    return play_games(
        name, num_games, search, uniform_evaluator, seed=5, play=play, first_game=first_game
    )


def meta_of(name: str, *, version: int = 1, worker: str = "w1", batch: int = 0) -> ShardMeta:
    game = load_game(name)
    return ShardMeta(
        game=game.name,
        game_options=dict(game.options),
        model_version=version,
        worker_id=worker,
        batch=batch,
        run_seed=5,
    )


def samples(
    name: str,
    num_games: int = 40,
    *,
    first_game: int = 0,
    simulations: int = 32,
    validation_share: float = 0.2,
    **options,
) -> SampleBatch:
    """What the trainer makes of a shard of these games."""
    return samples_of_shard(
        meta_of(name),
        games(name, num_games, first_game=first_game, simulations=simulations),
        name=f"games_{first_game}",
        validation_share=validation_share,
        **options,
    )


def window(name: str, num_games: int = 40, **options) -> SampleWindow:
    return SampleWindow.from_sources(
        name, [samples(name, num_games, **options)], max_positions=1_000_000
    )
