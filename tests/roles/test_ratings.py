"""Which versions are rated when, with a made-up process (the real one: test_rating_process)."""

import threading
from typing import Any

import pytest

from zerofleet.arena.config import ArenaConfig
from zerofleet.arena.stats import is_rated
from zerofleet.roles import rating as rating_module
from zerofleet.roles.ending import Ending
from zerofleet.roles.rating import Rating, RatingError
from zerofleet.roles.ratings import Ratings
from zerofleet.run.layout import RATING
from zerofleet.run.place import Place
from zerofleet.run.stats import read_stats
from zerofleet.run.store import DirectoryStore


class FakeRating:
    """Is over when a test says so."""

    def __init__(self, run_dir, entry):
        self.entry = entry
        self.result: Any = None
        self.cancelled = False

    def poll(self):
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def done(self):
        self.result = {**self.entry, "elo": {"rating": 1.0}}

    def fail(self):
        self.result = RatingError("killed by SIGKILL\nlog: rating.log")

    def wait(self, pause, should_stop):
        self.done()

    def cancel(self):
        self.cancelled = True


class Trainer:
    """One start of a trainer, as far as it has versions rated."""

    def __init__(self, tmp_path, monkeypatch, every=10):
        self.started: list[FakeRating] = []
        self.told: list[int] = []
        self.store = DirectoryStore(tmp_path)

        def start(run_dir, entry):
            self.started.append(FakeRating(run_dir, entry))
            return self.started[-1]

        monkeypatch.setattr("zerofleet.roles.ratings.Rating", start)
        config = type(
            "Config",
            (),
            {
                "arena": ArenaConfig(eval_games=2, every=every),
                "pacing": type("Pacing", (), {"max_loops": 100}),
            },
        )
        self.ratings = Ratings(
            Place(str(tmp_path)),
            config,
            ending=Ending(self.store, threading.Event()),
            confirm=lambda: None,
            phase=lambda phase: None,
            tell=lambda kind, **values: (
                self.told.append(values["entry"]["iteration"]) if kind == "loop" else None
            ),
        )

    def begin(self, *iterations):
        for iteration in iterations:
            self.ratings.begin({"iteration": iteration, "model_version": iteration + 1})

    @property
    def rated(self):
        return [e["iteration"] for e in read_stats(self.store) if is_rated(e)]

    @property
    def being_rated(self):
        return [rating.entry["iteration"] for rating in self.started]


@pytest.fixture
def trainer(tmp_path, monkeypatch):
    return lambda **arguments: Trainer(tmp_path, monkeypatch, **arguments)


def test_loops_go_on_while_one_is_rated(trainer):
    one = trainer()
    one.begin(9, 10, 11, 12)
    assert one.being_rated == [10]
    one.started[0].done()
    one.ratings.take()
    one.begin(13)
    assert (one.being_rated, one.rated, one.told) == ([10], [10], [9, 11, 12, 10, 13])
    one.begin(*range(14, 21))
    assert one.being_rated == [10, 20]


def test_a_rating_in_progress_begins_anew_at_a_restart(trainer):
    trainer().begin(9, 10, 11, 12)  # killed
    again = trainer()
    again.begin(12)
    assert again.being_rated == [10]
    again.started[0].done()
    again.ratings.take()
    again.begin(13)
    assert (again.being_rated, again.rated) == ([10], [10])
    # What is rated is not rated again.
    last = trainer()
    last.begin(13)
    assert last.being_rated == []


def test_only_the_newest_is_made_up_for(trainer):
    trainer().begin(10)
    missed = trainer(every=7)
    missed.begin(14)
    assert missed.being_rated == [14]
    missed.started[0].done()
    missed.ratings.take()
    back = trainer()
    back.begin(15)
    assert back.being_rated == [10]


def test_a_failed_rating_is_closed_until_the_next_start(trainer):
    one = trainer()
    one.begin(10, 11)
    one.started[0].fail()
    one.ratings.take()
    one.begin(12)
    assert one.being_rated == [10]
    assert one.told == [11, 10, 12]
    entry = read_stats(one.store)[0]
    assert entry["game_stats"] == {"rating_error": "killed by SIGKILL"}
    again = trainer()
    again.begin(12)
    assert again.being_rated == [10]
    assert "rating_error" not in read_stats(again.store)[0]["game_stats"]
    again.started[0].done()
    again.ratings.take()
    assert again.rated == [10]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "left no result: .*rating.json: there is no such file"),
        (b"", "expected JSON, got 0 bytes"),
        (b'{"model_version": 3, "entry"', "expected JSON"),
        (b'{"model_version": 2, "entry": {}}', "is of version 2; another trainer"),
        (b'{"model_version": 3, "entry": {}}', "expected an entry with game_stats"),
        (b'{"model_version": 3}', "expected an entry with game_stats"),
    ],
)
def test_a_result_that_is_none_is_a_failed_rating(tmp_path, monkeypatch, content, message):
    class Ended:
        def start(self, command):
            return self

        def poll(self):
            return 0

    monkeypatch.setattr(rating_module, "LocalLauncher", lambda **_: Ended())
    if content is not None:
        DirectoryStore(tmp_path).put(RATING, content)
    rating = Rating(Place(str(tmp_path)), {"iteration": 2, "model_version": 3})
    with pytest.raises(RatingError, match=rf"version 3 is not rated: .*{message}"):
        rating.poll()
