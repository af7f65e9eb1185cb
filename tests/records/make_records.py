"""Random games as records, for the tests of this folder."""

import random

import numpy as np

from zerofleet import load_game
from zerofleet.records import GameRecords, ShardMeta

GAMES = ["tic_tac_toe", "connect_four", "ultimate_ttt"]


def random_records(game_name: str, num_games: int, seed: int = 0) -> GameRecords:
    """Games played to the end; every third ply has a policy, every second a value target."""
    game = load_game(game_name)
    rng = random.Random(seed)
    start, policy_start = [0], [0]
    action, flags, value, policy_action, policy_prob = [], [], [], [], []
    returns = []
    for _ in range(num_games):
        state = game.initial_state()
        while not state.is_terminal:
            legal = state.legal_actions()
            ply = len(action)
            has_policy = ply % 3 == 0
            if has_policy:
                weights = np.array([rng.random() + 0.05 for _ in legal])
                policy_action += legal
                policy_prob += list(weights / weights.sum())
            policy_start.append(len(policy_action))
            flags.append((1 if has_policy else 0) | (2 if ply % 2 else 0))
            value.append(rng.uniform(-1, 1) if ply % 2 else np.nan)
            action.append(rng.choice(legal))
            state.apply(action[-1])
        start.append(len(action))
        returns.append(state.returns())
    return GameRecords(
        game_start=np.array(start, np.int64),
        action=np.array(action, np.int32),
        ply_flags=np.array(flags, np.uint8),
        search_value=np.array(value, np.float32),
        policy_start=np.array(policy_start, np.int64),
        policy_action=np.array(policy_action, np.int32),
        policy_prob=np.array(policy_prob, np.float16),
        returns=np.array(returns, np.float32),
        termination=np.zeros(num_games, np.uint8),
        game_number=np.arange(num_games, dtype=np.int64) + 100,
        initial_text=np.zeros(0, np.uint8),
        initial_start=np.zeros(num_games + 1, np.int64),
    )


def meta_for(game_name: str) -> ShardMeta:
    return ShardMeta(
        game=game_name, model_version=3, worker_id="host_7-2", batch=12, run_seed=-5, session="abc"
    )
