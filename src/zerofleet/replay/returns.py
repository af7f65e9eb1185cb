"""Returns of moves that no search has looked at, from the net's own values on the way.

Legend: N positions of whole games, one after the other, in order of play.
"""

import math

import numpy as np
import numpy.typing as npt


def lambda_returns(
    value_N: npt.NDArray[np.float32],
    result_N: npt.NDArray[np.float32],
    to_play_N: npt.NDArray[np.integer],
    game_N: npt.NDArray[np.integer],
    *,
    lambda_: float,
) -> npt.NDArray[np.float32]:
    """Returns f32 [N], mover's view: what is to be expected after the move, in [-1, 1].

    That of a game's last position is the result. That of another one is a blend of the next
    position's value, with weight 1 - lambda, and of the next position's own return.

    Args:
      value_N: the net's, mover's view; NaN where it is unknown, which counts as lambda 1.
      result_N: of the game, mover's view.
      to_play_N: the mover, 0 or 1.
      game_N: index of the game; equal numbers stand together.
      lambda_: 1: results alone; 0: the next position's value alone.
    Source: Sutton and Barto 2018, equation 12.18, without discount or rewards on the way; the
      opponent's values count with the other sign.
    """
    sign_N = np.where(np.asarray(to_play_N) == 0, 1.0, -1.0)
    values = (value_N * sign_N).tolist()  # of player 0
    results = (result_N * sign_N).tolist()
    game = game_N.tolist()
    returns = [0.0] * len(values)
    for n in range(len(values) - 1, -1, -1):
        if n + 1 == len(values) or game[n + 1] != game[n]:
            returns[n] = results[n]
        elif math.isnan(values[n + 1]):
            returns[n] = returns[n + 1]
        else:
            returns[n] = (1.0 - lambda_) * values[n + 1] + lambda_ * returns[n + 1]
    return (np.array(returns) * sign_N).astype(np.float32)
