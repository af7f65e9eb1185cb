"""Which fixed opponents a game is measured against, where the configuration names none."""

from zerofleet import _core
from zerofleet.arena.config import ArenaConfig
from zerofleet.games.protocol import Game


def with_opponents(config: ArenaConfig, game: Game) -> ArenaConfig:
    """Returns the configuration with opponents that can play the game, unless it has some."""
    if config.opponents:
        return config
    return config.model_copy(update={"opponents": fitting_opponents(game)})


def fitting_opponents(game: Game) -> tuple[str, ...]:
    """Returns fixed opponents for a game, the weakest first."""
    if game.num_players == 1 and game.score_scalar is not None:
        return ("random", "expectimax:1")
    if game.name in _core.alphabeta_games():  # those with an evaluation written by hand
        return ("random", "greedy", "minimax:2", "minimax:4")
    if game.name in _core.board_value_games():
        return ("random", "greedy", "minimax:2")
    return ("random", "mcts:100")
