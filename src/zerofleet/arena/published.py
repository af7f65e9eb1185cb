"""The strength of a run's published versions: reads the models, plays, and keeps the games."""

from collections.abc import Sequence
from typing import cast

from zerofleet.arena.config import ArenaConfig
from zerofleet.arena.game_files import game_texts
from zerofleet.arena.opponents import with_opponents
from zerofleet.arena.rating import (
    VersionRating,
    measure_version,
    pool_of,
    previous_versions,
    rate_version,
)
from zerofleet.arena.scores import VersionScores, score_version
from zerofleet.arena.stats import IterationStats
from zerofleet.games.protocol import Game
from zerofleet.players.player import Player
from zerofleet.players.registry import load_player, load_version
from zerofleet.run.errors import DamagedError
from zerofleet.run.layout import GAMES
from zerofleet.run.models import ModelMissingError, fetch_model, read_manifest
from zerofleet.run.stats import read_stats
from zerofleet.run.store import Store
from zerofleet.run.words import version_name


def rate_published(
    store: Store,
    game: Game,
    version: int,
    config: ArenaConfig,
    *,
    entries: Sequence[IterationStats] | None = None,
) -> VersionRating | VersionScores:
    """Measures a published version of a run: matches and Elo, or its scores where one player plays.

    The result depends on files and arguments alone.

    Args:
      entries: the run's statistics; default: those of `training_stats.json`.
    Raises: RunError if a model is missing or damaged; PlayerError for an unknown opponent.
    """
    if entries is None:
        entries = cast("list[IterationStats]", read_stats(store))
    if game.num_players == 1:
        return _score(store, game, version, config, entries, config.eval_games)
    return rate_version(
        game,
        version,
        load_version=lambda v: _load_version(store, game, v, config),
        load_fixed=lambda text: load_player(text, game),
        known_versions=_opponents(store, version, entries, config.num_previous),
        entries=entries,
        config=with_opponents(config, game),
    )


def measure_published(
    store: Store, game: Game, version: int, config: ArenaConfig
) -> VersionRating | VersionScores:
    """Plays a published version against the fixed opponents, `config.final_games` each, or so many
    games for one player.

    Raises: RunError if the model is missing or damaged; PlayerError for an unknown opponent.
    """
    entries = cast("list[IterationStats]", read_stats(store))
    if game.num_players == 1:
        return _score(store, game, version, config, entries, config.final_games)
    return measure_version(
        game,
        version,
        _load_version(store, game, version, config),
        load_fixed=lambda text: load_player(text, game),
        entries=entries,
        config=with_opponents(config, game),
    )


def _score(
    store: Store,
    game: Game,
    version: int,
    config: ArenaConfig,
    entries: Sequence[IterationStats],
    num_games: int,
) -> VersionScores:
    return score_version(
        game,
        version,
        _load_version(store, game, version, config),
        load_fixed=lambda text: load_player(text, game),
        entries=entries,
        config=with_opponents(config, game),
        num_games=num_games,
    )


def _load_version(store: Store, game: Game, version: int, config: ArenaConfig) -> Player:
    return load_version(
        store,
        game,
        version,
        name=version_name(version),
        depth=config.depth,
        num_simulations=config.num_simulations,
    )


def _opponents(
    store: Store, version: int, entries: Sequence[IterationStats], count: int
) -> list[int]:
    """Published versions of which those before `version` may be opponents.

    They are those rated before, so that all ratings of a run hang together where not every version
    is rated; any, where none is. Not the damaged and the missing: a file that somebody lost years
    ago is no reason not to rate the newest network.
    """
    published = [int(v) for v in read_manifest(store)["versions"]]
    rated = {pairing.player for pairing in pool_of(entries)}
    known = [v for v in published if v < version and version_name(v) in rated] or published
    while True:
        unreadable = set()
        for earlier in previous_versions(version, known, count):
            try:
                fetch_model(store, earlier)
            except (DamagedError, ModelMissingError):
                unreadable.add(earlier)
        if not unreadable:
            return known
        known = [v for v in known if v not in unreadable]


def games_key(version: int, *, final: bool = False, ending: str = "txt") -> str:
    """Returns where the games of a version's rating are kept: `games/v0007.txt`, and those that
    were played when the run ended: `games/v0007_final.txt`."""
    return f"{GAMES}{version_name(version)}{'_final' if final else ''}.{ending}"


def write_games(
    store: Store, game: Game, rating: VersionRating | VersionScores, *, final: bool = False
) -> str:
    """Writes every game of a rating and returns the key of the text.

    Games of chess and Go are also written as PGN and SGF, beside it.
    """
    for ending, text in game_texts(game, rating.results).items():
        store.put(games_key(rating.version, final=final, ending=ending), text.encode())
    return games_key(rating.version, final=final)
