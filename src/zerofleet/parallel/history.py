"""What a training reached, epoch by epoch."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from zerofleet.arena.lines import trainer_line
from zerofleet.arena.stats import IterationStats
from zerofleet.monitor.tensorboard import scalars_of
from zerofleet.run.words import counted


@dataclass(frozen=True)
class Epoch:
    """One training loop: games of one version of the net, and the version learned from them."""

    stats: IterationStats
    """Everything about it: its entry of training_stats.json (docs/metrics.md)."""

    @property
    def epoch(self) -> int:
        """From 1; counts through all calls of `train` and all restarts of the run."""
        return self.stats["iteration"]

    @property
    def model_version(self) -> int:
        """Version published at its end."""
        return self.stats["model_version"]

    @property
    def games(self) -> int:
        """New games it learned from."""
        return self.stats["games"]

    @property
    def positions(self) -> int:
        """New training positions of these games."""
        return self.stats["positions"]

    @property
    def losses(self) -> Mapping[str, float]:
        """Mean losses: train, val, and policy and value for nets that have them."""
        losses: Mapping[str, Any] = self.stats.get("losses", {})
        return dict(losses)

    @property
    def mean_score(self) -> float | None:
        """Games of one player: the average score of its self-play games; None otherwise."""
        return self.stats.get("game_stats", {}).get("mean_score")

    @property
    def best_score(self) -> float | None:
        """Games of one player: the highest score."""
        return self.stats.get("game_stats", {}).get("best_score")

    @property
    def first_player_score(self) -> float | None:
        """Games of two players: the first player's mean score in self-play, in [0, 1]."""
        return self.stats.get("game_stats", {}).get("first_player_score")

    @property
    def draw_share(self) -> float | None:
        """Games of two players: share of drawn self-play games."""
        return self.stats.get("game_stats", {}).get("draw_share")

    @property
    def elo(self) -> float | None:
        """Rating of the version; None if it was not rated (`arena.eval_games`)."""
        return self.stats.get("elo", {}).get("rating")

    @property
    def elo_error(self) -> float | None:
        """Half width of the rating's 95 % interval."""
        return self.stats.get("elo", {}).get("error")

    @property
    def seconds(self) -> float:
        """Wall time, self-play and training."""
        return self.stats["seconds"]

    def __str__(self) -> str:
        return trainer_line(self.stats)


class History(Sequence[Epoch]):
    """Epochs in their order: `history[-1].mean_score`, `[e.losses["policy"] for e in history]`.

    `pandas.DataFrame(history.rows())` makes a table of it.
    """

    def __init__(self, entries: Iterable[IterationStats]) -> None:
        """Takes entries of training_stats.json; the one of the first net, before any games, is no
        epoch."""
        self._epochs = tuple(Epoch(entry) for entry in entries if entry.get("games"))

    @overload
    def __getitem__(self, index: int) -> Epoch: ...
    @overload
    def __getitem__(self, index: slice) -> "History": ...
    def __getitem__(self, index: int | slice) -> "Epoch | History":
        if isinstance(index, slice):
            return History(epoch.stats for epoch in self._epochs[index])
        return self._epochs[index]

    def __len__(self) -> int:
        return len(self._epochs)

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self._epochs)

    def since(self, epoch: int) -> "History":
        """Those after epoch number `epoch`."""
        return History(e.stats for e in self._epochs if e.epoch > epoch)

    def rows(self) -> list[dict[str, float]]:
        """All numbers, one flat row for each epoch: epoch, loss/policy, games/mean_score ..."""
        return [{"epoch": float(e.epoch), **scalars_of(e.stats)} for e in self._epochs]

    def __str__(self) -> str:
        return "\n".join(map(str, self._epochs)) or "no epochs"

    def __repr__(self) -> str:
        return f"<History of {counted(len(self), 'epoch')}>\n{self}"
