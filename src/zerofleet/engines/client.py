"""Somebody else's engine, asked for moves: started, ended, and started again when it has failed."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from zerofleet.engines.process import EngineProcess


@dataclass(frozen=True)
class EngineMove:
    """What an engine answered."""

    action: int
    """Legal."""
    seconds: float
    """From the question to the answer."""
    value: float | None = None
    """Of the position, mover's view, in [-1, 1]; None if it did not say."""


class EngineClient(ABC):
    """One engine process at a time. One thread at a time."""

    _process: EngineProcess | None = None

    @abstractmethod
    def _start(self) -> EngineProcess:
        """Starts the engine and prepares it; raises EngineError, the process ended."""

    def _running(self) -> EngineProcess:
        if self._process is None:
            self._process = self._start()
        return self._process

    def close(self) -> None:
        """Ends the engine."""
        self._end()

    def _end(self, *, at_once: bool = False) -> None:
        if self._process is not None:
            self._process.close(at_once=at_once)
            self._process = None
