"""Talks with an engine as a program does, line by line, without a process."""

import queue
import threading
import time
from collections.abc import Callable, Iterator

from zerofleet.engines.gtp import GtpEngine
from zerofleet.engines.transport import Output
from zerofleet.engines.uci import UciEngine
from zerofleet.games import load_game
from zerofleet.games.evaluation import Evaluator, random_evaluator

PATIENCE_SECONDS = 60
"""Longer than anything takes on a busy machine; nothing waits for it unless a test fails."""


class Conversation:
    """What was said and answered. `run` gets the lines and an output."""

    def __init__(self, run: Callable[[Iterator[str], Output], None]) -> None:
        self.answers: list[str] = []
        self.error: BaseException | None = None
        self._said: queue.Queue[str | None] = queue.Queue()
        self._heard = threading.Condition()
        self._seen = 0

        def talk() -> None:
            try:
                run(iter(self._said.get, None), Output(self._hear))
            except BaseException as error:
                self.error = error
            with self._heard:
                self._heard.notify_all()

        self._thread = threading.Thread(target=talk, daemon=True)
        self._thread.start()

    def say(self, *lines: str) -> None:
        for line in lines:
            self._said.put(line)

    def until(self, start: str) -> str:
        """The next answer that begins so; those before it are passed over."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._heard:
            while True:
                while self._seen < len(self.answers):
                    self._seen += 1
                    if self.answers[self._seen - 1].startswith(start):
                        return self.answers[self._seen - 1]
                if self.error is not None:
                    raise self.error
                left = deadline - time.monotonic()
                assert left > 0, f"no {start!r} in {self.answers[-20:]}"
                self._heard.wait(left)

    def ask(self, line: str, start: str) -> str:
        self.say(line)
        return self.until(start)

    def ready(self) -> list[str]:
        """All answers so far, after everything that was said is done but a search."""
        self.ask("isready", "readyok")
        return self.answers

    def end(self) -> list[str]:
        """Closes the input; all answers, once the engine has returned."""
        self._said.put(None)
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error
        return self.answers

    def _hear(self, text: str) -> None:
        with self._heard:
            assert text.endswith("\n")
            self.answers += text.splitlines()
            self._heard.notify_all()


def uci_conversation(evaluator: Evaluator = random_evaluator) -> Conversation:
    """With our chess engine; every net it makes is this evaluator."""

    def make(*, threads: int, batch: int) -> Evaluator:
        return evaluator

    def run(lines: Iterator[str], output: Output) -> None:
        UciEngine(output, lambda: make, name="Test", threads=2).run(lines)

    return Conversation(run)


def gtp_answers(
    *commands: str, game: str = "go(size=7)", evaluator: Evaluator = random_evaluator
) -> list[str]:
    """The answers of our Go engine to these lines, each whole."""
    written: list[str] = []
    engine = GtpEngine(load_game(game), evaluator, version="test", simulations=30)
    engine.run(commands, Output(written.append))
    for answer in written:
        # An answer ends with the first empty line, and only there.
        assert answer.endswith("\n\n")
        assert answer.find("\n\n") == len(answer) - 2
    return [answer[:-2] for answer in written]
