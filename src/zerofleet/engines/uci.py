"""`zerofleet uci`: our engine for chess programs.

One thread reads what the program says and answers at once; another searches. Every `go` is
answered by exactly one `bestmove`, whatever comes in between; after `quit` or the end of the input
nothing is said any more.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from zerofleet.engines.analysis import Analysis, Report
from zerofleet.engines.control import Control
from zerofleet.engines.errors import EngineError
from zerofleet.engines.net import MakeEvaluator
from zerofleet.engines.transport import Output, log
from zerofleet.engines.uci_commands import (
    CommandError,
    move_seconds,
    parse_go,
    parse_position,
    parse_setoption,
    split_command,
)
from zerofleet.engines.uci_info import info_lines, moves_text
from zerofleet.engines.uci_options import OptionError, UciOption, find_option
from zerofleet.games.chess import fen, outcome
from zerofleet.games.evaluation import Evaluator
from zerofleet.games.registry import load_game

_NO_MOVE = "(none)"
_CLAIMED = ("threefold_repetition", "fifty_moves", "length_bound")
"""Ends of the game in `chess` after which programs may play on."""


def engine_options(threads: int) -> tuple[UciOption, ...]:
    """What can be set; `threads` is the standard number of them."""
    return (
        UciOption("Hash", "spin", "256", 16, 65_536),
        UciOption("Threads", "spin", str(threads), 1, 1024),
        UciOption("MultiPV", "spin", "1", 1, 256),
        UciOption("BatchSize", "spin", "8", 1, 1024),
        UciOption("Move Overhead", "spin", "30", 0, 5000),
        UciOption("Ponder", "check", "false"),
        UciOption("UCI_ShowWDL", "check", "false"),
        UciOption("Clear Hash", "button"),
    )


class UciEngine:
    """A conversation with one program."""

    def __init__(
        self,
        output: Output,
        open_net: Callable[[], MakeEvaluator],
        *,
        name: str,
        threads: int = 1,
    ) -> None:
        """Makes an engine; `run` begins.

        Args:
          open_net: called once, in another thread, as it may take seconds.
          name: shown by the program.
          threads: of the net, if the program does not set them.
        """
        self._output = output
        self._open = open_net
        self._name = name
        self._options = engine_options(threads)
        self._values = {option.name: option.default for option in self._options}
        self._debug = False

        self._game = load_game("chess")
        self._start: Any = self._game.initial_state()
        self._actions: list[int] = []
        self._state: Any = self._start.copy()
        self._refused = ""
        """Why there is no position."""

        self._net_lock = threading.Lock()
        self._make: MakeEvaluator | None = None
        self._evaluator: tuple[tuple[int, int], Evaluator] | None = None
        self._analysis: tuple[int, Analysis] | None = None

        self._control = Control()
        self._thread: threading.Thread | None = None
        self._pondering = False

    def run(self, lines: Iterable[str]) -> None:
        """Obeys the lines until `quit` or their end.

        Raises: EngineError if the net cannot be used, once somebody waits for it.
        """
        loader = threading.Thread(target=self._load, daemon=True)
        loader.start()
        try:
            for line in lines:
                try:
                    command, words = split_command(line)
                    if command == "quit":
                        return
                    if command:
                        getattr(self, f"_do_{command}")(words)
                except (CommandError, OptionError) as error:
                    self._say_error(str(error))
        finally:
            self._output.close()
            self._end_search()
            loader.join()

    # Commands.

    def _do_uci(self, words: Sequence[str]) -> None:
        self._output(f"id name {self._name}")
        self._output("id author the Zerofleet developers")
        for option in self._options:
            self._output(option.announced())
        self._output("uciok")

    def _do_debug(self, words: Sequence[str]) -> None:
        if list(words[:1]) not in (["on"], ["off"]):
            raise CommandError(f"debug: expected on or off; came {' '.join(words)[:80]!r}")
        self._debug = words[0] == "on"

    def _do_isready(self, words: Sequence[str]) -> None:
        if not self._is_searching():
            self._ready_analysis()
        self._output("readyok")

    def _do_register(self, words: Sequence[str]) -> None:
        """Nobody needs to register."""

    def _do_setoption(self, words: Sequence[str]) -> None:
        name, value = parse_setoption(words)
        option = find_option(self._options, name)
        checked = option.checked(value)
        self._end_search()
        if option.kind == "button":
            self._forget()
        self._values[option.name] = checked

    def _do_ucinewgame(self, words: Sequence[str]) -> None:
        self._end_search()
        self._forget()

    def _do_position(self, words: Sequence[str]) -> None:
        self._end_search()
        self._refused = "the last position was refused"
        start, moves = parse_position(words)
        try:
            self._start, self._actions, self._state = self._find_position(start, moves)
        except ValueError as error:
            raise CommandError(f"position: {error}") from error
        self._refused = ""

    def _do_go(self, words: Sequence[str]) -> None:
        self._end_search()
        try:
            go = parse_go(words)
            for word in go.unknown:
                self._say_error(f"go: unknown word {word[:40]!r} ignored")
            if self._refused:
                raise CommandError(f"go: {self._refused}")
            root_actions = self._root_actions(go.searchmoves)
        except CommandError as error:
            self._say_error(str(error))  # before the answer: many programs read no further
            self._output(f"bestmove {_NO_MOVE}")
            return
        if go.mate is not None:
            self._say_error(
                f"go mate: no mates are proven; searching to a mean depth of {2 * go.mate - 1}"
            )
        overhead = int(self._values["Move Overhead"]) / 1000
        self._control = Control(
            simulations=go.nodes,
            depth=go.depth if go.mate is None else 2 * go.mate - 1,
            seconds=move_seconds(go, white=self._state.to_play == 0, overhead=overhead),
            may_be_shorter=go.movetime is None,
            hold=go.ponder or not go.has_limit,
        )
        self._pondering = go.ponder and go.has_limit
        if self._debug:
            self._output(f"info string {go}, seconds {self._control.seconds}")
        self._thread = threading.Thread(target=self._search, args=(root_actions,), daemon=True)
        self._thread.start()

    def _do_stop(self, words: Sequence[str]) -> None:
        self._control.stop()

    def _do_ponderhit(self, words: Sequence[str]) -> None:
        if self._pondering:
            self._control.release()

    # Positions.

    def _find_position(self, start: str, moves: Sequence[str]) -> tuple[Any, list[int], Any]:
        """Where to start from, the actions from there on, and where they lead.

        Programs play on after the third occurrence of a position or 50 moves without progress,
        where our rules end the game: from such a position on, the past is forgotten.
        """
        first = self._game.parse(start)
        state, actions = _played_on(self._game, first), list[int]()
        first = state.copy()
        for move in moves:
            action = self._game.action_from_text(state, move)
            state.apply(action)
            actions.append(action)
            next_state = _played_on(self._game, state)
            if next_state is not state:
                first, state, actions = next_state, next_state.copy(), []
        return first, actions, state

    def _root_actions(self, moves: Sequence[str]) -> list[int]:
        actions = []
        for move in moves:
            try:
                actions.append(self._game.action_from_text(self._state, move))
            except ValueError as error:
                raise CommandError(f"go searchmoves: {error}") from error
        return actions

    # The search.

    def _search(self, root_actions: Sequence[int]) -> None:
        """What the second thread does: from `go` to `bestmove`."""
        move = _NO_MOVE
        try:
            if self._state.is_terminal:
                lost = outcome(self._state) == "checkmate"
                self._output(f"info depth 0 score {'mate' if lost else 'cp'} 0")
                self._control.wait_while_held()
                return
            analysis = self._ready_analysis()
            analysis.set_position(self._start, self._actions)
            found = analysis.search(
                self._control,
                root_actions=root_actions,
                report=lambda report: self._tell(analysis, report),
            )
            self._tell(analysis, found)
            move = " ponder ".join(moves_text(self._state, found.lines[0].actions[:2]))
        except Exception as error:
            # The program waits for a move. It gets none, and is told why.
            log(f"search of {fen(self._state)}: {type(error).__name__}: {error}")
            self._say_error(str(error))
        finally:
            self._output(f"bestmove {move}")

    def _tell(self, analysis: Analysis, report: Report) -> None:
        lines = info_lines(
            analysis,
            report,
            num_lines=int(self._values["MultiPV"]),
            show_wdl=self._values["UCI_ShowWDL"] == "true",
        )
        for line in lines:
            self._output(line)

    def _is_searching(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _end_search(self) -> None:
        """Stops the search, if there is one, and waits for its last word."""
        if self._thread is not None:
            self._control.stop()
            self._thread.join()
            self._thread = None

    # The net.

    def _load(self) -> None:
        """Opens the net while the program says hello."""
        try:
            self._ready_analysis()
        except EngineError as error:
            self._say_error(str(error))  # whoever asks whether we are ready ends the engine
        except Exception as error:
            log(f"{type(error).__name__}: {error}")

    def _ready_analysis(self) -> Analysis:
        """The search with the options as they are; makes what they ask for."""
        with self._net_lock:
            if self._make is None:
                self._make = self._open()
            key = int(self._values["Threads"]), int(self._values["BatchSize"])
            if self._evaluator is None or self._evaluator[0] != key:
                threads, batch = key
                self._evaluator = key, self._make(threads=threads, batch=batch)
                self._analysis = None
            memory = int(self._values["Hash"])
            if self._analysis is None or self._analysis[0] != memory:
                made = Analysis(self._game, self._evaluator[1], memory_mib=memory, batch=key[1])
                self._analysis = memory, made
            return self._analysis[1]

    def _forget(self) -> None:
        with self._net_lock:
            if self._analysis is not None:
                self._analysis[1].forget()

    def _say_error(self, text: str) -> None:
        self._output(f"info string error: {' '.join(text.split())}")


def _played_on(game: Any, state: Any) -> Any:
    """The same position without its past where only the past ended the game; else `state`."""
    if not state.is_terminal or outcome(state) not in _CLAIMED:
        return state
    return game.parse(" ".join([*fen(state).split()[:4], "0", "1"]))
