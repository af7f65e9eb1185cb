"""A human at the terminal, as a player of matches."""

from collections.abc import Callable, Sequence

from zerofleet.games.protocol import Game, State
from zerofleet.players.player import Forfeit


class HumanPlayer:
    """Shows each position and asks for a move in the game's notation."""

    def __init__(
        self,
        game: Game,
        *,
        read: Callable[[str], str] = input,
        write: Callable[[str], object] = print,
    ) -> None:
        self._game = game
        self._read = read
        self._write = write

    @property
    def name(self) -> str:
        """`human`."""
        return "human"

    def select_actions(self, states: Sequence[State], seeds: Sequence[int]) -> list[int | Forfeit]:
        """Asks until there is a legal move; `resign` and the end of the input give up the game."""
        return [self._ask(state) for state in states]

    def _ask(self, state: State) -> int | Forfeit:
        self._write(f"\n{state}")
        while True:
            try:
                text = self._read("your move (or resign): ").strip()
            except EOFError:
                return Forfeit("resigned")
            if text == "resign":
                return Forfeit("resigned")
            try:
                return self._game.action_from_text(state, text)
            except ValueError as error:
                self._write(str(error))
