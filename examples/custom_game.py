"""A game of your own is one file: stones in a line, on a board of any size.

zerofleet check-game "examples/custom_game.py:Line(size=5,line=4)"
"""


class Line:
    """`line` stones in a row, column or diagonal win; a full board without them is a draw.

    A position is a string of cells: "." is empty, "X" are player 0's stones, "O" player 1's.
    """

    def __init__(self, size=5, line=4):
        self.size = size
        self.num_actions = self.max_plies = size * size
        self.lines = [
            [(row + i * down) * size + col + i * right for i in range(line)]
            for row in range(size)
            for col in range(size)
            for down, right in ((0, 1), (1, 0), (1, 1), (1, -1))
            if row + (line - 1) * down < size and 0 <= col + (line - 1) * right < size
        ]

    def initial_position(self):
        return "." * self.num_actions

    def to_play(self, position):
        return (self.num_actions - position.count(".")) % 2

    def legal_actions(self, position):
        return [cell for cell, stone in enumerate(position) if stone == "."]

    def play(self, position, action):
        return position[:action] + "XO"[self.to_play(position)] + position[action + 1 :]

    def winner(self, position):
        for cells in self.lines:
            stones = {position[cell] for cell in cells}
            if len(stones) == 1 and "." not in stones:
                return "XO".index(stones.pop())
        return None

    def is_terminal(self, position):
        return self.winner(position) is not None or "." not in position

    def returns(self, position):
        return {None: 0, 0: 1, 1: -1}[self.winner(position)]  # for player 0

    def observation(self, position):
        """Two planes: my stones and theirs."""
        stones = ("XO", "OX")[self.to_play(position)]
        rows = self.pretty(position).split("\n")
        return [[[cell == stone for cell in row] for row in rows] for stone in stones]

    def action_to_text(self, position, action):
        return "abcdefghijklmnopqrstuvwxyz"[action % self.size] + str(action // self.size + 1)

    def pretty(self, position):
        return "\n".join(position[i : i + self.size] for i in range(0, self.num_actions, self.size))
