"""What training raises."""


class TrainingError(RuntimeError):
    """Training cannot go on; the message names the loop and batch and says what to do."""


class CheckpointError(ValueError):
    """A learner state that cannot be restored; says what was expected and what came."""
