"""The one error of this room."""


class ShardError(ValueError):
    """A shard that is refused. One line: name, what was expected, what came, what to do."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        # Reasons quote what a stranger wrote: keep it on one line and of bounded length.
        self.reason = " ".join("".join(c if c.isprintable() else " " for c in reason).split())[:800]
        super().__init__(f"{name}: {self.reason}")
