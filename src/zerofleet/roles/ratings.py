"""The entries of training_stats.json, and the ratings that complete them, one after the other."""

from collections.abc import Callable
from typing import Any, cast

from zerofleet.arena.stats import IterationStats, is_rated, is_version_rated, unrated_entry
from zerofleet.roles.config import RunConfig
from zerofleet.roles.ending import Ending
from zerofleet.roles.rating import Rating, RatingError
from zerofleet.run.faults import fault_point
from zerofleet.run.place import Place
from zerofleet.run.stats import append_stats, read_stats


class Ratings:
    """Has the versions of a run rated while the trainer goes on."""

    def __init__(
        self,
        place: Place,
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
        self._place = place
        self._store = place.store()
        self._config = config
        self._ending = ending
        self._confirm = confirm
        self._phase = phase
        self._tell = tell
        self._rating: Rating | None = None
        self._failed: set[int] = set()
        self._known: list[dict[str, Any]] = []

    def begin(self, entry: IterationStats) -> None:
        """Writes the entry, and starts the rating that completes it; not again at a restart.

        A rating that ended with an earlier trainer begins anew, even if loops that are not rated
        came after it.
        """
        arena, max_loops = self._config.arena, self._config.pacing.max_loops
        is_due = arena.is_due(entry["iteration"], max_loops)
        if is_due:
            # One at a time, in order: a rating uses the results of those before it.
            self.finish()
        if is_version_rated(self._entries(), entry["model_version"]):
            is_due = False  # a gate has kept it
        if not any(
            old.get("iteration") == entry["iteration"] and is_rated(old) for old in self._entries()
        ):
            if is_due:
                self._append(entry)
            else:
                self._write(entry)
        if self._rating is None and not self._ending.is_told():
            self._begin_rating()

    def _begin_rating(self) -> None:
        """Rates the newest version that is due, unless it is rated or that has failed."""
        arena, max_loops = self._config.arena, self._config.pacing.max_loops
        entry = unrated_entry(self._entries(), arena, max_loops)
        if entry is None or entry["iteration"] in self._failed:
            return
        stats = {**entry.get("game_stats", {})}
        if stats.pop("rating_error", None) is not None:  # of an earlier trainer
            entry = IterationStats(**{**entry, "game_stats": stats})  # type: ignore[typeddict-item]
            self._append(entry)
        self._rating = Rating(self._place, entry)

    def _append(self, entry: IterationStats) -> None:
        self._known = append_stats(self._store, dict(entry), known=self._known)

    def _entries(self) -> list[IterationStats]:
        return cast("list[IterationStats]", read_stats(self._store))

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
            self._failed.add(entry["iteration"])
            stats = {**entry.get("game_stats", {}), "rating_error": str(error).splitlines()[0]}
            entry = IterationStats(**{**entry, "game_stats": stats})  # type: ignore[typeddict-item]
        if entry is not None:
            self._write(entry)
            self._rating = None

    def cancel(self) -> None:
        """Ends the rating in progress; it begins anew at the next start."""
        if self._rating is not None:
            self._rating.cancel()
            self._rating = None

    def _write(self, entry: IterationStats) -> None:
        fault_point("trainer.before_stats")
        self._confirm()
        self._append(entry)
        self._tell("loop", entry=entry, max_loops=self._config.pacing.max_loops)
