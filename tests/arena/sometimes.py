"""A player whose strength is known beforehand."""

from collections.abc import Sequence

from zerofleet.games import State
from zerofleet.players.player import mix_seed


class Sometimes:
    """Takes a winning move with some probability, else plays at random."""

    def __init__(self, name: str, skill: float):
        self.name = name
        self.skill = skill

    def select_actions(self, states: Sequence[State], seeds: Sequence[int]) -> list[int]:
        return [self._choose(s, k) for s, k in zip(states, seeds, strict=True)]

    def _choose(self, state: State, seed: int) -> int:
        legal = state.legal_actions()
        if mix_seed(seed, 1) % 1000 < 1000 * self.skill:
            for action in legal:
                after = state.copy()
                after.apply(action)
                if after.is_terminal and any(after.returns()):
                    return action
        return legal[mix_seed(seed, 2) % len(legal)]
