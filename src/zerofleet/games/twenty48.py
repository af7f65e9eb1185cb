"""What only 2048 has."""

from zerofleet.games.protocol import Game, State


def largest_tile(game: Game, state: State) -> int | None:
    """Returns the largest tile on the board of a position of 2048; None in other games."""
    if game.name != "twenty48":
        return None
    # Packed bytes begin with the exponent of every cell, 0 for empty (docs/games/twenty48.md).
    exponent = int(state.pack()[: game.options["size"] ** 2].max())
    return 1 << exponent if exponent else 0
