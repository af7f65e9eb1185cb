"""Other people's engines as players: `uci:stockfish?nodes=1000`, `gtp:gnugo --mode gtp --level 1`.

What an engine does wrong costs it the game in which it did it (docs/engines.md).
"""

import contextlib
import queue
import re
import shlex
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from zerofleet.engines.client import EngineMove
from zerofleet.engines.clock import Clock
from zerofleet.engines.errors import EngineError, EngineFailure, Resignation
from zerofleet.engines.gtp_client import GtpClient
from zerofleet.engines.uci_client import UciClient
from zerofleet.fleet.devices import usable_cores
from zerofleet.games.protocol import Game, State
from zerofleet.players.player import Answer, Forfeit, PlayerError
from zerofleet.players.texts import number_of

DEFAULT_GO = ("movetime", 100)
"""Limit of a move over UCI where the text says none."""
DEFAULT_TIMEOUT_SECONDS = 60
_LIMITS = {"movetime": 3_600_000, "nodes": 10**12, "depth": 1000}
"""Limits of a move over UCI, with their largest value; movetime in ms."""
_OURS = {"timeout": 86_400, "processes": 256}


class Client(Protocol):
    """One engine process, started again when it has failed."""

    def choose(self, state: Any, seed: int, clock: Clock | None) -> EngineMove:
        """A legal action; raises EngineError."""

    def close(self) -> None:
        """Ends the process."""


class ExternalPlayer:
    """Asks engine processes, several positions at once."""

    def __init__(self, name: str, make_client: Callable[[], Client], processes: int) -> None:
        """Starts the first process; the others start when there is work for them.

        Raises: EngineError if the engine cannot be used.
        """
        self._name = name
        self._make_client = make_client
        self._clients: list[Client | None] = [None] * processes
        self._clients[0] = make_client()

    @property
    def name(self) -> str:
        """The text it was made from."""
        return self._name

    def select_actions(
        self, states: Sequence[State], seeds: Sequence[int]
    ) -> Sequence[int | Forfeit]:
        """Returns the engine's move for each state, or why it lost the game."""
        return [a.action for a in self.answer(states, seeds, [None] * len(states))]

    def answer(
        self, states: Sequence[State], seeds: Sequence[int], clocks: Sequence[Clock | None]
    ) -> list[Answer]:
        """The same with what the engine thinks of the position and the time it took.

        Where there is a clock the engine divides its own time, unless its text limits the moves.
        """
        answers = [Answer(Forfeit("error", "was not asked"))] * len(states)
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(len(states)):
            waiting.put(number)

        def work(client_number: int) -> None:
            while True:
                try:
                    number = waiting.get_nowait()
                except queue.Empty:
                    return
                answers[number] = self._ask(
                    client_number, states[number], seeds[number], clocks[number]
                )

        threads = [
            threading.Thread(target=work, args=(number,), daemon=True)
            for number in range(min(len(self._clients), len(states)))
        ]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except BaseException:  # Ctrl-C: those who wait for an answer get none, and no new ones
            with contextlib.suppress(queue.Empty):
                while True:
                    waiting.get_nowait()
            self.close()
            raise
        return answers

    def close(self) -> None:
        """Ends all processes. They also end when the player is no longer used, or this process."""
        for client in self._clients:
            if client is not None:
                client.close()

    def _ask(self, client_number: int, state: State, seed: int, clock: Clock | None) -> Answer:
        try:
            client = self._clients[client_number] or self._make_client()
            self._clients[client_number] = client
            move = client.choose(state, seed, clock)
            return Answer(move.action, move.value, move.seconds)
        except Resignation as resignation:
            return Answer(Forfeit(resignation.reason))
        except EngineFailure as failure:
            return Answer(Forfeit(failure.reason, str(failure)))
        except EngineError as error:  # it could not be started
            return Answer(Forfeit("crash", str(error)))


def load_external(text: str, game: Game, name: str | None = None) -> ExternalPlayer:
    """Returns the player of a text `uci:COMMAND?SETTINGS` or `gtp:COMMAND?SETTINGS`.

    Args:
      text: settings are `key=value` joined by `&`: movetime (ms), nodes or depth of a move, and
        whatever options the engine announces (both UCI only), timeout (seconds for an answer),
        processes. `option.KEY=value` is always an option of the engine.
      name: what results call it; default: the text.
    Raises: PlayerError.
    """
    protocol, _, rest = text.partition(":")
    command, _, settings = rest.partition("?")
    options: dict[str, str] = {}
    numbers: dict[str, int] = {"timeout": DEFAULT_TIMEOUT_SECONDS, "processes": usable_cores()}
    known = {**_OURS, **(_LIMITS if protocol == "uci" else {})}
    for part in settings.split("&") if settings else ():
        key, equals, value = part.partition("=")
        if key in known:
            numbers[key] = number_of(text, key, value, 1, known[key])
        elif protocol == "uci" and (equals or key):
            options[re.sub(r"^option\.", "", key)] = value
        else:
            raise PlayerError(
                f"{text!r}: unknown setting {key!r}; {protocol}: has {', '.join(known)}"
            )
    said = [(key, numbers[key]) for key in _LIMITS if key in numbers]
    limits = said or [DEFAULT_GO]
    move_seconds = dict(limits).get("movetime", 0) / 1000

    def make() -> Client:
        if protocol == "uci":
            return UciClient(
                game,
                shlex.split(command),
                options=options,
                go=" ".join(f"{key} {value}" for key, value in limits),
                obeys_clock=not said,
                move_seconds=move_seconds,
                timeout_seconds=numbers["timeout"],
            )
        return GtpClient(game, shlex.split(command), timeout_seconds=numbers["timeout"])

    try:
        return ExternalPlayer(name or text, make, numbers["processes"])
    except (EngineError, ValueError) as error:  # ValueError: quotes that do not close
        raise PlayerError(f"{text!r}: {error}") from error
