"""The weakest player, and the zero of the Elo scale."""

from collections.abc import Sequence

from zerofleet.games.protocol import State
from zerofleet.players.player import mix_seed


class RandomPlayer:
    """Plays each legal action with the same probability."""

    def __init__(self, name: str = "random"):
        self._name = name

    @property
    def name(self) -> str:
        """`random`."""
        return self._name

    def select_actions(self, states: Sequence[State], seeds: Sequence[int]) -> list[int]:
        """Returns one legal action per state, chosen by its seed."""
        actions = []
        for state, seed in zip(states, seeds, strict=True):
            legal = state.legal_actions()
            actions.append(legal[mix_seed(seed) % len(legal)])
        return actions
