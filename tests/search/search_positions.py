"""Random positions and slow oracles that know nothing of the core's searches."""

import random
from functools import cache
from typing import Any

from zerofleet import load_game

GAMES = ("tic_tac_toe", "connect_four", "ultimate_ttt")
MAX_PLIES = {"tic_tac_toe": 9, "connect_four": 42, "ultimate_ttt": 81}


def random_position(game: str, num_plies: int, rng: random.Random) -> Any:
    """An open position after up to `num_plies` random plies."""
    state = load_game(game).initial_state()
    for _ in range(num_plies):
        child = state.copy()
        child.apply(rng.choice(list(state.legal_actions())))
        if child.is_terminal:
            break
        state = child
    return state


def random_positions(game: str, count: int, seed: int) -> list[Any]:
    rng = random.Random(seed)
    longest = MAX_PLIES[game] * 4 // 5
    return [random_position(game, rng.randint(0, longest), rng) for _ in range(count)]


def plies_to_end(state: Any, horizon: int) -> int | None:
    """+n if the mover forces a win in n <= horizon plies, -n if it is forced to lose, None else.

    Plain minimax on the rules: the winner hurries, the loser delays.
    """
    best: int | None = None
    losses: list[int] = []
    all_lose = True
    for action in state.legal_actions():
        child = state.copy()
        child.apply(action)
        if child.is_terminal:
            if child.returns()[state.to_play] > 0:
                return 1
            all_lose = False
            continue
        reply = plies_to_end(child, horizon - 1) if horizon > 1 else None
        if reply is not None and reply < 0:
            best = min(best or 999, 1 - reply)
        elif reply is not None:
            losses.append(1 + reply)
        else:
            all_lose = False
    if best is not None:
        return best
    return -max(losses) if all_lose and losses else None


@cache
def tic_tac_toe_value(text: str) -> int:
    """Exact result for the mover: 1, 0, -1."""
    state = load_game("tic_tac_toe").parse(text)
    best = -1
    for action in state.legal_actions():
        child = state.copy()
        child.apply(action)
        if child.is_terminal:
            value = int(child.returns()[state.to_play])
        else:
            value = -tic_tac_toe_value(child.text())
        best = max(best, value)
    return best
