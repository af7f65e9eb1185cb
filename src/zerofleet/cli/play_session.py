"""A game at the terminal: a human, a player to play against, and what that thinks when asked."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from zerofleet.arena.openings import play_nature
from zerofleet.games.chess import fen
from zerofleet.games.protocol import Game
from zerofleet.players.analysis import analyse
from zerofleet.players.player import Answer, Forfeit, Player, PlayerError, ask, mix_seed

HELP = """\
  a move      in the game's notation, for example {example}
  moves       all legal moves
  hint        the move that the net would play here, and what it thinks it is worth
  eval        what the net thinks of the position and of its best moves
  undo        take back your last move and the answer
  go          let the net move for you;  go 10: ten times
  switch      change sides: the net plays on for you, you for it
  new         begin a new game
  help, quit"""
_NUM_SHOWN = 5
_MOST_NAMED = 7
"""Moves that are all named where a move is asked for; of more there is an example."""
_TO_PLAY = re.compile(r"\b(\w+) to play\b")
"""How the boards of two-player games say whose turn it is: `X to play`, `White to play`."""


class Quit(Exception):
    """The human has seen enough."""


@dataclass
class Session:
    """Games until the human leaves. One player games are played by the human, or by the net."""

    game: Game
    player: Player
    human_sides: set[int]
    seed: int = 1
    read: Callable[[str], str] = input
    write: Callable[[str], Any] = print
    auto: int = 0
    """Moves that the net still makes for the human."""
    _state: Any = None
    _actions: list[int] = field(default_factory=list)
    _number: int = 0
    _last: str = ""
    """The last move of a player, with who made it."""
    _is_shown: bool = False
    """Whether the board of this position was written."""

    def run(self) -> None:
        """Plays until the human quits, or until the end of a game in which no human plays."""
        try:
            self._new_game()
            while True:
                self._play()
                self.write(self._result())
                if not self.human_sides:
                    return
                self._at_end()
        except (Quit, EOFError):
            self.write("")

    # -- a game ------------------------------------------------------------------------------

    def _new_game(self) -> None:
        self._number += 1
        self._actions = []
        self._replay()

    def _replay(self) -> None:
        self._state, self._last, self._is_shown = self.game.initial_state(), "", False
        for action in self._actions:
            if not self._state.is_chance:
                mine = self._state.to_play in self.human_sides
                self._note(action, "you" if mine else self.player.name)
            self._state.apply(action)
        self._nature()

    def _note(self, action: int, who: str) -> None:
        self._last = f"{who} played {self._text(action)}"

    def _nature(self) -> None:
        seed = mix_seed(self.seed, self._number, len(self._actions))
        self._actions += play_nature(self._state, seed)

    def _show(self) -> None:
        if not self._is_shown:
            self.write(f"\n{self._state}")
        self._is_shown = True

    def _play(self) -> None:
        self._show()
        while not self._state.is_terminal:
            if self._state.to_play in self.human_sides and self.auto == 0:
                self._ask_human()
                continue
            self.auto = max(0, self.auto - 1)
            self._ask_player()
        self._show()

    def _apply(self, action: int, who: str) -> None:
        self._note(action, who)
        self._state.apply(action)
        self._actions.append(action)
        self._nature()
        self._is_shown = False

    def _answer(self) -> Answer:
        """What the player says in this position; the same however often it is asked."""
        seed = mix_seed(self.seed, self._number, len(self._actions))
        (answer,) = ask(self.player, [self._state.copy()], [seed], [None])
        return answer

    def _ask_player(self) -> None:
        answer = self._answer()
        if isinstance(answer.action, Forfeit):
            self.write(f"{self.player.name} gives up: {answer.action.reason}")
            raise Quit
        self.write(f"{self.player.name} plays {self._text(answer.action)}")
        self._apply(answer.action, self.player.name)
        self._last = ""  # it was told
        self._show()

    def _ask_human(self) -> None:
        self._show()
        self.write(self._turn())
        while True:
            words = self.read("> ").split()
            if not words:
                continue
            command, *rest = words
            known = _COMMANDS.get(command.lower())
            if known is not None:
                if known(self, rest):
                    return
                continue
            action = self._action(" ".join(words))
            if action is not None:
                self._apply(action, "you")
                return

    def _turn(self) -> str:
        """Who you are, what was played last, and how a move is entered."""
        who = "You play alone"
        if self.game.num_players > 1:
            side = f"the {('first', 'second')[self._state.to_play]} player"
            found = _TO_PLAY.search(str(self._state))
            who = f"You are {found[1]}, {side}" if found else f"You are {side}"
            if len(self.human_sides) > 1:
                who = who.replace("You are", "You play both sides, now", 1)
        moves = [self._text(a) for a in self._state.legal_actions()]
        how = " ".join(moves)
        if len(moves) > _MOST_NAMED:
            passes = " or pass" if "pass" in moves else ""
            how = f"{next(m for m in moves if m != 'pass')}{passes}, for example"
        last = f"; {self._last}" if self._last else ""
        return f"{who}{last}. Your move: {how} (help: all commands)"

    def _action(self, text: str) -> int | None:
        """The move that was typed, in capitals or not; None if it is none, which is told."""
        problem: ValueError | None = None
        for spelling in (text, text.lower(), text.upper()):
            try:
                return self.game.action_from_text(self._state, spelling)
            except ValueError as error:
                problem = problem or error
        # Errors of games name the position, which is on the screen already.
        position = fen(self._state) if self.game.name == "chess" else self._state.text()
        told = str(problem).replace(f" in {position}", " here")
        self.write(f"{told}; type moves for all of them, help for the commands")
        return None

    def _at_end(self) -> None:
        self.auto = 0
        while True:
            word = self.read("new, undo or quit? ").strip()
            if word == "new":
                self._new_game()
                return
            if word == "undo":
                self._undo([])
                return
            if word in ("quit", "exit", "q"):
                raise Quit
            self.write("expected new, undo or quit")

    def _result(self) -> str:
        returns = self._state.returns()
        if self.game.num_players == 1:
            return f"The game is over: score {returns[0]:g}."
        if returns[0] == returns[1]:
            return "The game is drawn."
        winner = 0 if returns[0] > returns[1] else 1
        if self.human_sides == {winner}:
            return "You win."
        if self.human_sides == {1 - winner}:
            return f"{self.player.name} wins."
        return f"The {('first', 'second')[winner]} player wins."

    def _text(self, action: int) -> str:
        return self.game.action_to_text(self._state, action)

    # -- commands: true if the position has changed --------------------------------------------

    def _help(self, rest: list[str]) -> bool:
        example = self._text(self._state.legal_actions()[0])
        self.write(HELP.format(example=example))
        return False

    def _moves(self, rest: list[str]) -> bool:
        self.write(" ".join(self._text(a) for a in self._state.legal_actions()))
        return False

    def _hint(self, rest: list[str]) -> bool:
        answer = self._answer()
        if isinstance(answer.action, Forfeit):
            self.write(f"{self.player.name} would give up: {answer.action.reason}")
            return False
        unknown = "; it has no opinion of positions" if answer.value is None else ""
        self.write(f"{self.player.name} would play {self._text(answer.action)}{unknown}")
        if answer.value is not None:
            self._tell_value(answer.value)
        return False

    def _eval(self, rest: list[str]) -> bool:
        try:
            found = analyse(self.player, self._state.copy())
        except PlayerError:  # it has no opinion of each move
            self._hint(rest)
            return False
        self._tell_value(found.value)
        for move in found.moves[:_NUM_SHOWN]:
            value = "" if move.value is None else f"  value {move.value:+.3f}"
            share = "" if move.visits is None else f"  {move.visits:6.1%} of the search"
            self.write(f"  {self._text(move.action):>6}{value}{share}")
        return False

    def _tell_value(self, value: float) -> None:
        if self.game.num_players == 1:
            self.write(f"value {value:+.3f} on the search's scale of scores, -1 to 1")
        else:
            self.write(
                f"expected score of the side to move: {50 + 50 * value:.1f} % (value {value:+.3f})"
            )

    def _undo(self, rest: list[str]) -> bool:
        """Back to the last position in which the human was to move."""
        own = [ply for ply in self._decisions() if ply < len(self._actions)]
        if not own:
            self.write("there is nothing to take back")
            return False
        self._actions = self._actions[: own[-1]]
        self._replay()
        return True

    def _decisions(self) -> list[int]:
        """Plies at which the human moved."""
        state, found = self.game.initial_state(), []
        for ply, action in enumerate(self._actions):
            if not state.is_chance and state.to_play in self.human_sides:
                found.append(ply)
            state.apply(action)
        return found

    def _go(self, rest: list[str]) -> bool:
        count = rest[0] if rest else "1"
        if not count.isdecimal() or count == "0":
            self.write(f"expected a number of moves after go; came {count!r}")
            return False
        # Every other move of the game is the net's own.
        self.auto = int(count) * (2 if len(self.human_sides) < self.game.num_players else 1) - (
            1 if len(self.human_sides) < self.game.num_players else 0
        )
        return True

    def _switch(self, rest: list[str]) -> bool:
        if self.game.num_players == 1:
            self.write("there is one side; go 1000 lets the net play on")
            return False
        self.human_sides = {1 - side for side in self.human_sides}
        return True

    def _new(self, rest: list[str]) -> bool:
        self._new_game()
        return True

    def _quit(self, rest: list[str]) -> bool:
        raise Quit


_COMMANDS: dict[str, Callable[[Session, list[str]], bool]] = {
    "help": Session._help,
    "?": Session._help,
    "moves": Session._moves,
    "hint": Session._hint,
    "eval": Session._eval,
    "undo": Session._undo,
    "go": Session._go,
    "switch": Session._switch,
    "new": Session._new,
    "quit": Session._quit,
    "exit": Session._quit,
    "q": Session._quit,
}
