"""What the main node says to and knows of a host."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Owner:
    """Who owns the directories on the hosts."""

    run: str
    """Id of the run's fleet."""
    session: str
    """Of this main node; a later one takes over."""
    main: str
    """For people: host and run directory."""


@dataclass
class HostFigures:
    """What is known of a host, for status; written by its thread, read by others."""

    link: str = "connecting"
    """connecting, connected, waiting (to try again), parked, ended."""
    reason: str = ""
    """Why it is not well: one line."""
    is_refused: bool = False
    """The reason is one that somebody has to mend."""
    is_syncing: bool = False
    """A version of the net goes out."""
    num_bytes: int = 0
    """Moved in both directions."""
    num_shards: int = 0
    model_version: int = 0
    """The version that is there."""
    model_seconds: float = 0.0
    """What its way took."""
    free_bytes: int = 0
    cores: int = 0
    gpus: int = 0
