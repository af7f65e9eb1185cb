"""The errors of engines; each message is one line that says what to do."""


class EngineError(Exception):
    """Ours cannot be started as asked, or somebody else's cannot be used."""


class EngineFailure(EngineError):
    """Somebody else's engine did what costs it the game it plays."""

    reason = "error"
    """As results of matches call it."""


class EngineTimeout(EngineFailure):
    """No answer in time."""

    reason = "timeout"


class EngineCrash(EngineFailure):
    """The process has ended, or never began."""

    reason = "crash"


class EngineFault(EngineFailure):
    """An answer that its protocol does not know, or a refusal of what is legal."""


class IllegalMove(EngineFailure):
    """A move that the rules forbid, or none at all."""

    reason = "illegal action"


class Resignation(EngineFailure):
    """The engine gives the game up; nothing is wrong with it."""

    reason = "resigned"
