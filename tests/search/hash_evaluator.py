"""A net that is none: random priors and values that are a function of the position alone."""

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from zerofleet.games.evaluation import Evaluation, LeafBatch


def random_evaluation(planes: bytes, actions: list[int]) -> tuple[dict[int, float], float]:
    """Sharp float32 priors of these actions and a value in (-0.8, 0.8)."""
    digest = hashlib.blake2b(planes, digest_size=8).digest()
    rng = np.random.default_rng(int.from_bytes(digest, "little"))
    logits = dict(zip(sorted(actions), rng.normal(size=len(actions)) * 1.5, strict=True))
    weights = {a: float(np.exp(x)) for a, x in logits.items()}
    total = sum(weights.values())
    priors = {a: float(np.float32(w / total)) for a, w in weights.items()}
    return priors, float(np.float32(rng.uniform(-0.8, 0.8)))


def hash_evaluator(batch: LeafBatch) -> Evaluation:
    """For the core: see `random_evaluation`."""
    prior, value = [], []
    for row in range(len(batch)):
        first, last = batch.legal_start[row], batch.legal_start[row + 1]
        actions = batch.legal_action[first:last].tolist()
        priors, v = random_evaluation(batch.planes[row].tobytes(), actions)
        prior += [priors[a] for a in actions]
        value.append(v)
    return Evaluation(np.array(prior, np.float32), np.array(value, np.float32))


def evaluate_state(state: Any) -> tuple[dict[int, float], float]:
    """For the twin: the same of a state, from its Python face."""
    planes = state.observation()
    flat = planes.reshape(planes.shape[0], -1).astype(np.uint8)
    bits = np.packbits(flat, axis=1, bitorder="little")
    return random_evaluation(bits.tobytes(), state.legal_actions())


def uniform(state: Any) -> tuple[dict[int, float], float]:
    """For the twin: `zerofleet.games.evaluation.uniform_evaluator`."""
    actions = state.legal_actions()
    p = float(np.float32(1 / len(actions)))
    return dict.fromkeys(actions, p), 0.0


def random_states(game: Any, count: int, seed: int) -> list[Any]:
    """Positions of random games where a player moves."""
    rng = np.random.default_rng(seed)
    states: list[Any] = []
    while len(states) < count:
        state = game.initial_state()
        length = rng.integers(min(game.max_plies, 400) * 3 // 4)  # 2048 may last 262,144
        for _ in range(length):
            child = state.copy()
            if child.is_chance:
                outcomes, p = zip(*child.chance_outcomes(), strict=True)
                child.apply(int(rng.choice(outcomes, p=np.array(p) / sum(p))))
            else:
                child.apply(int(rng.choice(child.legal_actions())))
            if child.is_terminal:
                break
            state = child
        if not state.is_chance:
            states.append(state)
    return states


Evaluate = Callable[[Any], tuple[dict[int, float], float]]
