"""The errors of the run directory; each message is one line that says what to do."""


class RunError(Exception):
    """Something about the run directory is wrong; base of all errors of this room."""


class StoreError(RunError):
    """The store could not do what was asked; nothing was changed.

    `errno` is the operating system's number where there is one. Worth trying again later: a full
    disk, a lost mount and a network that is down all end up here.
    """

    def __init__(self, message: str, errno: int | None = None) -> None:
        super().__init__(message)
        self.errno = errno


class KeyMissingError(StoreError):
    """The key is not in the store (yet, or any more)."""


class DamagedError(RunError):
    """A file is there and whole, but it is not what its name or its checksum promises."""
