"""One host, many workers: the trainer and the workers of a run as processes of this host."""

from zerofleet.parallel.history import Epoch, History
from zerofleet.parallel.request import RunRequest, ShareWarning
from zerofleet.parallel.trainer import ParallelTrainer

__all__ = ["Epoch", "History", "ParallelTrainer", "RunRequest", "ShareWarning"]
