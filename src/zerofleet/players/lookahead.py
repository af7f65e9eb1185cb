"""The players `greedy` and `minimax:N` of chess, Othello and Go, which alpha-beta does not play."""

import functools

from zerofleet import _core
from zerofleet.games.protocol import Game
from zerofleet.players.core_player import CorePlayer
from zerofleet.players.player import PlayerError


class LookaheadPlayer(CorePlayer):
    """Plain minimax over a hand-written value; equal moves are chosen between by the seed."""

    def __init__(self, game: Game, *, name: str, depth: int, threads: int = 1) -> None:
        """Makes a player.

        Args:
          depth: plies looked ahead, from 1.
          threads: positions looked at at once; changes no answer.
        Raises: PlayerError if the game has no such value, naming those that have.
        """
        if game.name not in _core.board_value_games():
            known = sorted({*_core.alphabeta_games(), *_core.board_value_games()})
            raise PlayerError(
                f"{name} cannot play {game.name}: there is no hand-written evaluation of its "
                f"positions; games that have one: {', '.join(known)}"
            )
        super().__init__(
            name, functools.partial(_core.choose_lookahead, game, depth=depth, threads=threads)
        )
