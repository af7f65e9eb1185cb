"""A run's published versions are rated from its files alone."""

from pathlib import Path

import pytest

from zerofleet import _core
from zerofleet.arena.config import ArenaConfig
from zerofleet.arena.published import games_key, rate_published, write_games
from zerofleet.arena.rating import rate_run
from zerofleet.arena.stats import GameStats, IterationStats
from zerofleet.games import load_game
from zerofleet.players.player import PlayerError
from zerofleet.run.models import ModelMissingError, publish_model
from zerofleet.run.stats import append_stats
from zerofleet.run.store import DirectoryStore

GAME = load_game("ultimate_ttt")
CONFIG = ArenaConfig(eval_games=20, depth=1, opponents=("random", "greedy"), num_previous=1)


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    store = DirectoryStore(tmp_path)
    for version in (1, 2):
        data = _core.NnueNetwork.random("ultimate_ttt", seed=version).to_bytes()
        publish_model(store, version, {"nnue": data}, "test")
    return store


def test_rates_from_files_and_writes_every_game(store: DirectoryStore) -> None:
    for version in (1, 2):
        rating = rate_published(store, GAME, version, CONFIG)
        assert rating == rate_published(store, GAME, version, CONFIG)
        stats = GameStats(
            matches=list(rating.matches), reference_matches=list(rating.reference_matches)
        )
        entry: IterationStats = {"iteration": version, "game_stats": stats, "elo": rating.elo}
        append_stats(store, dict(entry))
        key = write_games(store, GAME, rating)
    assert [m["opponent"] for m in rating.matches] == ["random", "greedy", "v0001"]
    assert rating.reference_matches == ()

    assert key == games_key(2) == "games/v0002.txt"
    lines = store.read(key).decode().splitlines()
    games = [line for line in lines if line and not line.startswith("#")]
    assert len(games) == 3 * 20

    from zerofleet.run.stats import read_stats

    ratings = rate_run(read_stats(store), anchor="random")
    assert set(ratings.names) == {"v0001", "v0002", "random", "greedy"}
    assert ratings["v0002"].elo == pytest.approx(rating.elo["rating"], abs=0.1)


def test_opponents_are_versions_that_were_rated(store: DirectoryStore) -> None:
    for version in (3, 4):
        data = _core.NnueNetwork.random("ultimate_ttt", seed=version).to_bytes()
        publish_model(store, version, {"nnue": data}, "test")

    def opponents(version: int, entries: list[IterationStats]) -> list[str]:
        matches = rate_published(store, GAME, version, CONFIG, entries=entries).matches
        return [m["opponent"] for m in matches if m["opponent"].startswith("v")]

    assert opponents(4, []) == ["v0003"]
    first = rate_published(store, GAME, 1, CONFIG, entries=[])
    entry: IterationStats = {"game_stats": GameStats(matches=list(first.matches))}
    assert opponents(4, [entry]) == ["v0001"]
    assert opponents(1, [entry]) == []


def test_missing_versions_and_unknown_opponents_are_errors(store: DirectoryStore) -> None:
    with pytest.raises(ModelMissingError, match="version 3"):
        rate_published(store, GAME, 3, CONFIG)
    config = CONFIG.model_copy(update={"opponents": ("random", "gready")})
    with pytest.raises(PlayerError, match="did you mean 'greedy'"):
        rate_published(store, GAME, 1, config)
