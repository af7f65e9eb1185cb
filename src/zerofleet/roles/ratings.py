"""The entries of training_stats.json, and the ratings that complete them, one after the other."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

from zerofleet.arena.stats import IterationStats, is_rated
from zerofleet.roles.config import RunConfig
from zerofleet.roles.ending import Ending
from zerofleet.roles.rating import Rating, RatingError
from zerofleet.run.faults import fault_point
from zerofleet.run.stats import append_stats, read_stats
from zerofleet.run.store import DirectoryStore


class Ratings:
    """Has the versions of a run rated while the trainer goes on."""

    def __init__(
        self,
        run_dir: Path,
        config: RunConfig,
        *,
        ending: Ending,
        confirm: Callable[[], None],
        phase: Callable[[str], None],
        tell: Callable[..., None],
    ) -> None:
        """Nothing is being rated.

        Args:
          confirm: raises if this trainer may write no more.
          phase: told that the trainer waits for a rating.
          tell: called with the kind of an event and its values.
        """
        self._run_dir = run_dir
        self._store = DirectoryStore(run_dir)
        self._config = config
        self._ending = ending
        self._confirm = confirm
        self._phase = phase
        self._tell = tell
        self._rating: Rating | None = None

    def begin(self, entry: IterationStats) -> None:
        """Writes the entry, and starts the rating that completes it; not again at a restart."""
        if any(
            old.get("iteration") == entry["iteration"] and is_rated(cast(IterationStats, old))
            for old in read_stats(self._store)
        ):
            return
        if not self._config.arena.is_due(entry["iteration"], self._config.pacing.max_loops):
            self._write(entry)
            return
        # One at a time, in order: a rating uses the results of those before it.
        self.finish()
        append_stats(self._store, dict(entry))
        if not self._ending.is_told():
            self._rating = Rating(self._run_dir, entry)

    def finish(self) -> None:
        """Waits for the rating in progress, unless the run is over and it takes too long."""
        self.take()
        if self._rating is None:
            return
        self._phase("rating")
        self._ending.begin()
        self._rating.wait(self._ending.pause, self._ending.is_too_long)
        self.take()
        if self._rating is not None and not self._ending.is_told():
            version = self._rating.entry["model_version"]
            self._tell("note", text=f"version {version} is not rated: the run is over before")
        self.cancel()

    def take(self) -> None:
        """Completes the entry of the version being rated, if its matches are over."""
        if self._rating is None:
            return
        try:
            entry = self._rating.poll()
        except RatingError as error:
            self._tell("note", text=str(error))
            entry = self._rating.entry
        if entry is not None:
            self._write(entry)
            self._rating = None

    def cancel(self) -> None:
        """Ends the rating in progress; that of the newest version begins anew at the next start."""
        if self._rating is not None:
            self._rating.cancel()
            self._rating = None

    def _write(self, entry: IterationStats) -> None:
        fault_point("trainer.before_stats")
        self._confirm()
        append_stats(self._store, dict(entry))
        self._tell("loop", entry=entry, max_loops=self._config.pacing.max_loops)
