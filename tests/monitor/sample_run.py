"""A made-up run for tests of the monitors: ten versions of rising strength, no randomness."""

from zerofleet.arena.intervals import expected_score, pair_interval
from zerofleet.arena.stats import EloStats, GameStats, IterationStats, LossStats, MatchStats
from zerofleet.monitor.view import RunView, WorkerView
from zerofleet.run.words import version_name

FIXED = {"random": 0.0, "greedy": 400.0, "minimax:2": 600.0, "minimax:4": 800.0}


def true_elo(version: int) -> float:
    return 1000.0 * version / (version + 2)


def match(version: int, opponent: str, opponent_elo: float) -> MatchStats:
    wins = round(50 * expected_score(true_elo(version) - opponent_elo))
    pairs = [50 - wins, 0, 0, 0, wins]
    interval = pair_interval(pairs)
    return MatchStats(
        player=version_name(version),
        opponent=opponent,
        games=100,
        wins=2 * wins,
        draws=0,
        losses=100 - 2 * wins,
        pairs=pairs,
        score=interval.value,
        low=interval.low,
        high=interval.high,
        distinct_games=98,
        mean_plies=44.0,
        terminations={"played": 100},
    )


def sample_entries(count: int) -> list[IterationStats]:
    entries = []
    for version in range(1, count + 1):
        matches = [match(version, o, elo) for o, elo in FIXED.items()]
        if version > 1:
            matches.append(match(version, version_name(version - 1), true_elo(version - 1)))
        entries.append(
            IterationStats(
                iteration=version,
                model_version=version,
                games=1600 + version,
                positions=51_000 + 20 * version,
                losses=LossStats(train=0.02 + 0.03 / version, val=0.021 + 0.03 / version),
                game_stats=GameStats(num_files=12, eval_sd=1.2, matches=matches),
                elo=EloStats(rating=true_elo(version), error=25.0),
                seconds=41.0,
            )
        )
    return entries


def sample_view(num_loops: int = 3) -> RunView:
    return RunView(
        run_dir="runs/uttt",
        run_name="uttt",
        game="ultimate_ttt",
        phase="collecting",
        loop=num_loops + 1,
        max_loops=10,
        model_version=num_loops,
        new_positions=31_204,
        min_new_positions=50_000,
        window_positions=121_000,
        max_positions=2_000_000,
        workers=[
            WorkerView("worker0", "active", "", 3, 12, 12_000, 310_000, 23.1, 800.0),
            WorkerView(
                "worker1", "error", "", 2, 11, 11_000, 280_000, 0.0, 0.0, 2, "killed by SIGKILL"
            ),
        ],
        entries=sample_entries(num_loops),
        elapsed_seconds=170.0,
        limit_seconds=480.0,
    )
