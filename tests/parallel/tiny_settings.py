"""Settings of a training whose epochs take a fraction of a second."""

TINY = {
    "training.compile": False,
    "training.compute_dtype": "float32",
    "search.cache_mib": 1,
    "selfplay.num_parallel_games": 8,
    "selfplay.games_per_batch": 4,
    "pacing.poll_seconds": 0.05,
    "fleet.heartbeat_seconds": 0.5,
    "arena.eval_games": 0,
    "replay.keep": "all",
}
