"""Runs that hold random games of any compiled game, with policies, and a small net that plays."""

import random
from pathlib import Path

import numpy as np

from zerofleet import _core, load_game
from zerofleet.records import GameRecords, ShardMeta
from zerofleet.records.write import encode_shard
from zerofleet.run.documents import encode
from zerofleet.run.layout import CONSUMED, shard_name
from zerofleet.run.models import publish_model
from zerofleet.run.store import DirectoryStore

SPECS = {
    "tic_tac_toe": {},
    "connect_four": {},
    "othello": {"size": 6},
    "ultimate_ttt": {},
    "twenty48": {"size": 4},
    "go": {"size": 5, "komi": 25},
    "chess": {},
}


def random_game_records(game, num_games: int, *, seed: int = 1, max_plies: int = 60):
    """Games of random moves; every second own move has a policy over its legal moves."""
    rng = random.Random(seed)
    start, policy_start = [0], [0]
    columns: dict[str, list] = {key: [] for key in ("action", "flags", "value", "pa", "pp", "end")}
    returns = []
    for number in range(num_games):
        state = game.initial_state()
        for _ in range(max_plies):
            if state.is_terminal:
                break
            legal = state.legal_actions()
            action = rng.choice(legal)
            flags, value = 0, np.nan
            if state.is_chance:
                flags = _core.PLY_CHANCE
            elif len(columns["action"]) % 2 or number == 0:
                weights = np.array([rng.random() + 0.05 for _ in legal])
                columns["pa"] += legal
                columns["pp"] += list(weights / weights.sum())
                flags, value = _core.PLY_POLICY_TARGET | _core.PLY_VALUE_TARGET, rng.uniform(-1, 1)
            policy_start.append(len(columns["pa"]))
            columns["action"].append(action)
            columns["flags"].append(flags)
            columns["value"].append(value)
            state.apply(action)
        start.append(len(columns["action"]))
        ended = state.is_terminal
        returns.append(list(state.returns()) if ended else [0.0] * game.num_players)
        columns["end"].append(0 if ended else _core.TERMINATION_LENGTH_BOUND)
    return GameRecords(
        game_start=np.array(start, np.int64),
        action=np.array(columns["action"], np.int32),
        ply_flags=np.array(columns["flags"], np.uint8),
        search_value=np.array(columns["value"], np.float32),
        policy_start=np.array(policy_start, np.int64),
        policy_action=np.array(columns["pa"], np.int32),
        policy_prob=np.array(columns["pp"], np.float16),
        returns=np.array(returns, np.float32),
        termination=np.array(columns["end"], np.uint8),
        game_number=np.arange(num_games, dtype=np.int64) + 100,
        initial_text=np.zeros(0, np.uint8),
        initial_start=np.zeros(num_games + 1, np.int64),
    )


def write_shard(store: DirectoryStore, name: str, options: dict, records, batch: int = 1) -> str:
    """Puts the records into consumed/; returns the shard's name."""
    meta = ShardMeta(
        game=name, game_options=options, model_version=1, worker_id="w0", batch=batch, run_seed=1
    )
    shard = shard_name(1, "w0", batch)
    store.put(CONSUMED + shard, encode_shard(meta, records))
    return shard


def game_run(root: Path, name: str, *, num_games: int = 2, net: bool = True) -> DirectoryStore:
    """A run of this game: its configuration, a shard of games, version 1."""
    store = DirectoryStore(root)
    options = SPECS[name]
    game = load_game(name, **options)
    config = {"run_name": name, "game": {"name": name, "options": options}}
    store.put("config.json", encode(config))
    write_shard(store, name, options, random_game_records(game, num_games))
    if net:
        publish_model(store, 1, small_net(game), "a small net", info={"iteration": 0})
    return store


def small_net(game) -> dict[str, bytes]:
    """Files of a net with random weights: NNUE for Ultimate Tic-Tac-Toe, else policy and value."""
    if game.name == "ultimate_ttt":
        return {"nnue": _core.NnueNetwork.random("ultimate_ttt", seed=1).to_bytes()}
    from zerofleet.nets.architecture import NetArchitecture
    from zerofleet.nets.build import build_model
    from zerofleet.nets.config import MlpConfig
    from zerofleet.nets.model_file import model_to_safetensors

    architecture = NetArchitecture.of(game, MlpConfig(num_layers=1, num_units=32))
    return {"safetensors": model_to_safetensors(build_model(architecture, seed=1))}
