"""Openings of a match: distinct positions a few random plies into the game."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zerofleet.games.protocol import Game, State
from zerofleet.players.player import mix_seed

_MAX_MISSES = 500
"""Random openings in a row that bring nothing new before the next longer length is tried."""


class OpeningError(ValueError):
    """A game has too few distinct openings for the match; it has these."""

    def __init__(self, text: str, openings: "Sequence[Opening]" = ()) -> None:
        super().__init__(text)
        self.openings = tuple(openings)


@dataclass(frozen=True)
class Opening:
    """Actions from the start of the game to a position that is still open."""

    actions: tuple[int, ...]

    def play(self, game: Game) -> State:
        """Returns the position after the opening."""
        state: State = game.initial_state()
        for action in self.actions:
            state.apply(action)
        return state


def folded_key(game: Game, state: State) -> bytes:
    """Returns a key that is the same for all mirror images and rotations of a position."""
    return min(state.transformed(s).pack().tobytes() for s in range(game.symmetries))


def make_openings(
    game: Game,
    num_openings: int,
    *,
    plies: int,
    seed: int,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Opening]:
    """Returns openings whose final positions all differ, also after mirroring and turning.

    Each is a sequence of uniformly random legal actions and leaves the game open; nature's moves
    are drawn by their probabilities. Where a game has too few positions at `plies`, longer openings
    fill up the rest, which keeps small games playable in long matches.

    Args:
      num_openings: how many; a match of N games needs N / 2.
      plies: length of the openings, at least 0.
      seed: the same seed gives the same openings; a longer list begins with the shorter one.
      should_stop: millions of openings take minutes; fewer are returned when it says so.
    Raises: OpeningError if the game has fewer distinct positions.
    """
    openings: list[Opening] = []
    seen: set[bytes] = set()
    for length in range(plies, max(plies + 1, game.max_plies)):
        misses = 0
        draw = 0
        while len(openings) < num_openings and misses < _MAX_MISSES:
            if should_stop():
                return openings
            found = _random_opening(game, length, mix_seed(seed, length, draw))
            draw += 1
            key = None if found is None else folded_key(game, found[1])
            if found is None or key is None or key in seen:
                misses += 1
                continue
            misses = 0
            seen.add(key)
            openings.append(Opening(found[0]))
        if len(openings) == num_openings:
            return openings
    raise OpeningError(
        f"{game.name}: found {len(openings)} distinct openings of {plies} plies or more, and the "
        f"match needs {num_openings} (one for each two games); play fewer games",
        openings,
    )


def _random_opening(game: Game, plies: int, seed: int) -> tuple[tuple[int, ...], State] | None:
    """Returns actions and final position, or None if the game ended on the way."""
    state: State = game.initial_state()
    actions = []
    for ply in range(plies):
        if state.is_terminal:
            return None
        number = mix_seed(seed, ply)
        if state.is_chance:
            action = _draw_outcome(state, number)
        else:
            legal = state.legal_actions()
            action = legal[number % len(legal)]
        state.apply(action)
        actions.append(action)
    return None if state.is_terminal else (tuple(actions), state)


def _draw_outcome(state: State, number: int) -> int:
    outcomes = state.chance_outcomes()
    point = number / (1 << 63)
    for action, probability in outcomes:
        point -= probability
        if point < 0:
            return action
    return outcomes[-1][0]


def play_nature(state: State, seed: int) -> list[int]:
    """Plays outcomes until a player must move or the game is over; returns them."""
    actions: list[int] = []
    while not state.is_terminal and state.is_chance:
        action = _draw_outcome(state, mix_seed(seed, len(actions)))
        state.apply(action)
        actions.append(action)
    return actions
