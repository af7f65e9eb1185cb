"""A made-up run of a game for one player, for tests of the monitors; no randomness."""

from zerofleet.arena.stats import GameStats, IterationStats, LossStats, ScoreStats
from zerofleet.run.words import version_name


def scores(player: str, mean: float, tiles: dict[str, int]) -> ScoreStats:
    return ScoreStats(
        player=player,
        games=sum(tiles.values()),
        mean=mean,
        error=mean / 10,
        median=0.9 * mean,
        best=3 * mean,
        mean_plies=mean / 5,
        distinct_games=sum(tiles.values()),
        terminations={"played": sum(tiles.values())},
        largest_tile=tiles,
    )


def sample_score_entries(count: int, *, measured: bool = True) -> list[IterationStats]:
    """`count` loops whose versions score 1,000 more each."""
    entries = []
    for loop in range(count):
        stats = GameStats(mean_plies=200.0 * loop)
        if loop:
            stats |= GameStats(
                mean_score=900.0 * loop, median_score=800.0, best_score=3000.0 * loop
            )
        if measured:
            stats["scores"] = [
                scores(
                    version_name(loop + 1), 1000.0 * (loop + 1), {"256": 40 - loop, "512": loop}
                ),
                scores("random", 1080.0, {"64": 50, "128": 50}),
                scores("expectimax:1", 3030.0, {"256": 100}),
            ]
        entries.append(
            IterationStats(
                iteration=loop,
                model_version=loop + 1,
                games=300,
                positions=50_000,
                losses=LossStats(train=4.0, val=4.1, policy=1.0, value=3.0),
                game_stats=stats,
                seconds=41.0,
            )
        )
    return entries
