"""MyGame: two players take 1 to 3 counters in turn; who takes the last one wins.

Change the rules below to those of your game and check them after every step:

    zerofleet check-game starting_point.py:MyGame

A position is any immutable Python value (numbers, strings, tuples of them). Methods answer
questions about a position and never change it. Actions are numbers from 0; players are 0 and 1.
"""

Position = tuple[int, int]  # counters left, player to move


class MyGame:
    """The rules. Arguments of `__init__` with defaults are options: `MyGame(counters=30)`."""

    num_actions = 3  # actions are 0 .. num_actions - 1; here: take 1, 2 or 3
    num_players = 2  # or 1
    max_plies = 50  # no game is longer

    def __init__(self, counters: int = 21) -> None:
        self.counters = counters

    def initial_position(self) -> Position:
        """The start of the game."""
        return (self.counters, 0)

    def to_play(self, position: Position) -> int:
        """The player who moves, 0 or 1."""
        return position[1]

    def legal_actions(self, position: Position) -> list[int]:
        """The actions the player may choose; none once the game is over."""
        counters, _ = position
        return [action for action in range(self.num_actions) if action + 1 <= counters]

    def play(self, position: Position, action: int) -> Position:
        """The position after a legal action."""
        counters, player = position
        return (counters - (action + 1), 1 - player)

    def returns(self, position: Position) -> float:
        """The result of a finished game for player 0: 1 win, 0 draw, -1 loss.

        Player 1 gets the opposite; [r, -r] says the same. With one player: the score, and say its
        range with `score_range = (lowest, highest)`.
        """
        _, player = position
        return 1.0 if player == 1 else -1.0  # who is to move has not taken the last one

    def observation(self, position: Position) -> list[list[list[float]]]:
        """What a network sees, from the side of the player who moves: planes of rows of cells.

        Usually one plane of ones and zeros for each kind of piece, mine first. Without this method
        the numbers of the position are used as they are.
        """
        counters, _ = position
        return [[[float(n < counters) for n in range(self.counters)]]]

    def action_to_text(self, position: Position, action: int) -> str:
        """How people write the action. Without this method: its number."""
        return f"take {action + 1}"

    # Everything below is optional. Delete it, or take the "#" away and fill it in.
    #
    # Where a game can end while moves are left, as by three in a row (legal_actions is then not
    # asked where this is True, and must not be empty where it is False):
    # def is_terminal(self, position): return ...
    #
    # Chance: nature moves wherever this list is not empty; outcomes are numbers from 0, and play()
    # gets the outcome as its action.
    # max_chance_outcomes = 6
    # def chance_outcomes(self, position): return [(outcome, probability), ...]
    #
    # Symmetries of the board make learning faster; number 0 changes nothing.
    # symmetries = 2
    # def transform(self, position, symmetry): return ...
    # def transform_action(self, action, symmetry): return ...
    #
    # How people see a position:
    # def pretty(self, position): return "several\nlines"
