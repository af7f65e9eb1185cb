"""Each recipe so small that its loops take seconds, otherwise as it is in the package."""

from typing import Any

from zerofleet.roles.config import load_recipe

DEAD_AFTER_SECONDS = 24.0
HUNG_AFTER_SECONDS = 240.0

EVERYWHERE: dict[str, Any] = {
    "replay.keep": "all",  # so that the files alone say what was counted
    "pacing.max_loops": 1_000_000,
    "pacing.poll_seconds": 0.1,
    "fleet.heartbeat_seconds": 1.0,
    "fleet.dead_after_seconds": DEAD_AFTER_SECONDS,
    "fleet.hung_after_seconds": HUNG_AFTER_SECONDS,
    "training.compile": "false",
    "training.compute_dtype": "float32",
    "arena.eval_games": 0,  # a process for each rating, which the next one waits for
}

ALPHABETA: dict[str, Any] = {
    "net.num_accumulators": 32,
    "net.num_hidden1": 4,
    "net.num_hidden2": 4,
    "net.num_buckets": 1,
    "training.min_steps": 1,
    "training.train_epochs": 1,
    "training.batch_size": 1024,
    "replay.max_positions": 20_000,
    "search.depth": 4,
    "search.table_kib": 16,
    "selfplay.games_per_batch": 20,
    "pacing.min_new_positions": 2000,
    "arena.depth": 1,
    "arena.eval_games": 2,
    "arena.every": 10,
    "arena.opponents": "[random]",
    "arena.num_previous": 1,
}

TREES: dict[str, Any] = {
    "training.batch_size": 64,
    "replay.min_positions": 500,
    "replay.max_positions": 5000,
    "search.num_simulations": 4,
    "search.cache_mib": 4,
    "selfplay.num_parallel_games": 8,
    "selfplay.games_per_batch": 5,
    "arena.num_simulations": 2,
}

MLP: dict[str, Any] = {"net.kind": "mlp", "net.num_layers": 1, "net.num_units": 16}
"""Loaded in a moment, on processors that have other work as well."""

RESNET: dict[str, Any] = {
    "net.num_blocks": 1,
    "net.num_filters": 8,
    "net.num_head_filters": 2,
    "net.num_head_units": 8,
}

SYNCHRONOUS = {"pacing.games_per_iteration": 45}
# What came while the trainer was down is learned from in seconds, too.
ASYNCHRONOUS = {"pacing.min_new_positions": 800, "replay.passes_per_sample": 0.1}

OWN: dict[str, dict[str, Any]] = {
    "ultimate_ttt": ALPHABETA,
    "tic_tac_toe": {**TREES, **RESNET, **SYNCHRONOUS},
    "connect_four": {**TREES, **RESNET, **ASYNCHRONOUS},
    "othello": {**TREES, **MLP, **SYNCHRONOUS, "selfplay.max_plies": 30},
    "go7": {
        **TREES,
        **MLP,
        **SYNCHRONOUS,
        "selfplay.max_plies": 30,
        "arena.gate_games": 2,
        "arena.gate_score": 0.1,
    },
    "go9": {**TREES, **MLP, **SYNCHRONOUS, "selfplay.max_plies": 30},
    "twenty48": {**TREES, **MLP, **ASYNCHRONOUS, "selfplay.max_plies": 60},
    "chess": {**TREES, **MLP, **SYNCHRONOUS, "selfplay.max_plies": 20},
    "chess_spiking": {
        **TREES,
        **SYNCHRONOUS,
        "net.num_steps": 2,
        "net.num_blocks": 1,
        "net.num_filters": 8,
        "net.num_head_filters": 2,
        "net.num_head_units": 8,
        "selfplay.max_plies": 20,
        "arena.num_simulations": 0,
        "training.checkpoint_interval": 10,
    },
}
"""Recipe -> what makes it small."""


def settings_of(recipe: str) -> dict[str, Any]:
    """Dotted keys and values for `--set`, over the recipe of that name."""
    load_recipe(recipe)  # a name that is none is an error here
    return {**EVERYWHERE, **OWN[recipe]}
