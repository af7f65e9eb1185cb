"""The greedy opponent of games of one player: expectimax over the score."""

from collections.abc import Sequence

from zerofleet import _core
from zerofleet.games.protocol import Game, State
from zerofleet.players.player import PlayerError


class ExpectimaxPlayer:
    """Takes the move after which the expected search value of the score is largest.

    It looks `num_moves` own moves ahead; what nature does after each of them, the last one too, is
    averaged by its probabilities. There is no other heuristic: one move ahead it is the player that
    takes the largest gain at once. Of equal moves it takes the one with the lowest number.
    """

    def __init__(self, game: Game, *, num_moves: int, threads: int = 1):
        """Checks that the game has one player and tells the score reached so far.

        Args:
          threads: positions looked at at once; changes no answer.
        Raises: PlayerError naming the game.
        """
        self._name = f"expectimax:{num_moves}"
        self._game = game
        if game.num_players != 1 or game.score_scalar is None:
            why = (
                f"it has {game.num_players} players"
                if game.num_players != 1
                else "it does not tell the score reached so far (score_scalar)"
            )
            raise PlayerError(
                f"{self._name} cannot play {game.name}: {why}; expectimax plays games of one "
                "player by their score"
            )
        self._score_scalar = game.score_scalar
        self._num_moves = num_moves
        self._threads = threads

    @property
    def name(self) -> str:
        """`expectimax:1`."""
        return self._name

    def select_actions(self, states: Sequence[State], seeds: Sequence[int]) -> list[int]:
        """Returns the best action of each state."""
        actions: list[int] = _core.choose_expectimax(
            self._game,
            list(states),
            score_scalar=self._score_scalar,
            num_moves=self._num_moves,
            threads=self._threads,
        )
        return actions
