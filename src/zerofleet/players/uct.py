"""UCT with random rollouts: it needs only the rules, and gets stronger with its simulations."""

import functools

from zerofleet import _core
from zerofleet.games.protocol import Game
from zerofleet.players.core_player import CorePlayer
from zerofleet.players.player import PlayerError


class UctPlayer(CorePlayer):
    """Searches every position afresh (Kocsis and Szepesvari 2006), each simulation one rollout."""

    def __init__(self, game: Game, *, num_simulations: int, threads: int = 1) -> None:
        """Makes a player of any game.

        Args:
          threads: positions searched at once; changes no answer.
        Raises: PlayerError without simulations.
        """
        name = f"uct:{num_simulations}"
        if num_simulations < 1:
            raise PlayerError(f"{name}: expected at least one simulation")
        super().__init__(
            name,
            functools.partial(
                _core.choose_uct, game, num_simulations=num_simulations, threads=threads
            ),
        )
