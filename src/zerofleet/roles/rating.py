"""Rates published versions in a process of its own, so that training never waits for a match.

`python -m zerofleet.roles.rating RUN_DIR VERSION` plays the matches of one version, from the files
of the run alone, and writes its games to games/ and the rest to logs/rating.json. The trainer
starts it, goes on, and takes the result when it is there: it alone writes training_stats.json.
Whichever of the two is killed at any moment, nothing is lost but the matches: the next start plays
those of the newest version that is due again.
"""

import sys
from collections.abc import Callable
from typing import Any

from zerofleet.arena.published import rate_published, write_games
from zerofleet.arena.stats import IterationStats
from zerofleet.fleet.launcher import BACKGROUND, Command, Handle, describe_exit, log_tail
from zerofleet.fleet.local import LocalLauncher
from zerofleet.games.registry import load_game
from zerofleet.roles.config import parse_config_json, resolve
from zerofleet.run.documents import decode_object, encode
from zerofleet.run.errors import DamagedError, KeyMissingError, RunError
from zerofleet.run.layout import CONFIG, RATING, RATING_LOG
from zerofleet.run.place import Place


class RatingError(RunError):
    """A version could not be rated; the message has the end of its log."""


class Rating:
    """One version being rated; `poll` brings its entry of training_stats.json."""

    def __init__(self, place: Place, entry: IterationStats) -> None:
        """Starts the process. `entry` is the iteration's, still without matches and Elo."""
        self._store = place.store()
        self.entry = entry
        self._log = place.files / RATING_LOG
        version = str(entry["model_version"])
        command = Command(
            name="rating",
            argv=(*BACKGROUND, sys.executable, "-m", __name__, str(place), version),
            log=self._log,
        )
        # What it would still do for a trainer that is gone is nothing.
        self._handle: Handle = LocalLauncher(orphan_grace_seconds=0).start(command)

    def poll(self) -> IterationStats | None:
        """The entry with what was measured, or None while games are being played.

        Raises: RatingError if the process failed or was killed.
        """
        status = self._handle.poll()
        if status is None:
            return None
        version = self.entry["model_version"]
        if status != 0:
            raise RatingError(
                f"version {version} is not rated: {describe_exit(status)}; log: {self._log}\n"
                f"{log_tail(self._log)}"
            )
        try:
            result = decode_object(self._store.read(RATING), RATING)
        except (DamagedError, KeyMissingError) as error:
            raise RatingError(
                f"version {version} is not rated: its process has ended and left no result: {error}"
            ) from error
        if result.get("model_version") != version:
            raise RatingError(
                f"version {version} is not rated: {RATING} is of version "
                f"{result.get('model_version')}; another trainer may use this directory"
            )
        try:
            found = result["entry"]
            stats = {**self.entry.get("game_stats", {}), **found["game_stats"]}
        except (KeyError, TypeError) as error:
            raise RatingError(
                f"version {version} is not rated: {RATING}: expected an entry with game_stats, "
                f"found {str(result)[:80]}"
            ) from error
        return IterationStats(**{**self.entry, **found, "game_stats": stats})  # type: ignore[typeddict-item]

    def wait(self, pause: Callable[[float], Any], should_stop: Callable[[], bool]) -> None:
        """Returns when the process has ended or `should_stop()`."""
        while self._handle.poll() is None and not should_stop():
            pause(0.05)

    def cancel(self) -> None:
        """Ends the process."""
        self._handle.kill()


def rate(place: Place, version: int) -> None:
    """Plays and writes; what the process does."""
    store = place.store()
    config = resolve({}, parse_config_json(store.read(CONFIG)), {})
    game = load_game(config.game.spec)
    rating = rate_published(store, game, version, config.arena)
    write_games(store, game, rating)
    store.put(RATING, encode({"model_version": version, "entry": rating.entry()}))


if __name__ == "__main__":
    rate(Place(sys.argv[1]), int(sys.argv[2]))
