"""Tic-tac-toe as the guide teaches it: the twin of the compiled game."""

LINES = [(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)]


class TicTacToe:
    num_actions = 9
    max_plies = 9
    symmetries = 8

    def initial_position(self):
        return "." * 9

    def to_play(self, position):
        return position.count("X") - position.count("O")

    def winner(self, position):
        for a, b, c in LINES:
            if position[a] == position[b] == position[c] != ".":
                return position[a]
        return ""

    def is_terminal(self, position):
        return bool(self.winner(position)) or "." not in position

    def legal_actions(self, position):
        return [cell for cell in range(9) if position[cell] == "."]

    def play(self, position, action):
        return position[:action] + "XO"[self.to_play(position)] + position[action + 1 :]

    def returns(self, position):
        return {"X": 1, "O": -1, "": 0}[self.winner(position)]

    def observation(self, position):
        order = "XO" if self.to_play(position) == 0 else "OX"
        return [[[position[3 * r + c] == p for c in range(3)] for r in range(3)] for p in order]

    def transform_action(self, action, symmetry):
        row, col = divmod(action, 3)
        col = 2 - col if symmetry & 1 else col
        row = 2 - row if symmetry & 2 else row
        return col * 3 + row if symmetry & 4 else row * 3 + col

    def transform(self, position, symmetry):
        cells = [""] * 9
        for cell, stone in enumerate(position):
            cells[self.transform_action(cell, symmetry)] = stone
        return "".join(cells)
