"""The strength of each new version: its matches, and its Elo within the run's pool of results."""

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from zerofleet.arena.config import ArenaConfig
from zerofleet.arena.elo import PairingResult, Ratings, fit_ratings
from zerofleet.arena.match import MatchResult, play_match
from zerofleet.arena.openings import Opening, OpeningError, make_openings
from zerofleet.arena.stats import EloStats, GameStats, IterationStats, MatchStats
from zerofleet.games.protocol import Game
from zerofleet.players.player import Player, mix_seed
from zerofleet.run.words import parse_version_name, version_name

LoadFixed = Callable[[str], Player]
"""Makes a fixed opponent from its short text."""
LoadVersion = Callable[[int], Player]
"""Makes the player of a model version; its name must be `version_name(version)`."""


@dataclass(frozen=True)
class VersionRating:
    """Everything one rating of a game of two players brings."""

    version: int
    matches: tuple[MatchStats, ...]
    """Matches of the version."""
    reference_matches: tuple[MatchStats, ...]
    """Matches among the fixed opponents; played once in a run."""
    elo: EloStats
    results: tuple[MatchResult, ...]
    """The same matches with every game, references last."""

    def entry(self) -> IterationStats:
        """What is added to the entry of the version's iteration."""
        stats = GameStats(matches=list(self.matches))
        if self.reference_matches:
            stats["reference_matches"] = list(self.reference_matches)
        return {"game_stats": stats, "elo": self.elo}


def rate_version(
    game: Game,
    version: int,
    *,
    load_version: LoadVersion,
    load_fixed: LoadFixed,
    known_versions: Iterable[int],
    entries: Sequence[IterationStats],
    config: ArenaConfig,
) -> VersionRating:
    """Plays a version against the fixed opponents and some previous versions, and rates it.

    All results are a function of the arguments. The fixed opponents also play each other, once in a
    run: later versions win nearly every game against the anchor, and the distance to it is then
    known through these matches.

    Args:
      known_versions: versions that can be loaded; those before `version` may be opponents.
      entries: the run's `training_stats.json` so far. Results of `version` itself in it (a rating
        that is repeated) are left out.
    Raises: OpeningError if the game has no opening of `config.opening_plies`.
    """
    name = version_name(version)
    pool = [p for p in pool_of(entries) if name not in (p.player, p.opponent)]
    previous = previous_versions(version, known_versions, config.num_previous)
    candidate = load_version(version)
    fixed = [load_fixed(text) for text in config.opponents]

    def play(player: Player, opponent: Player, seed: int) -> MatchResult:
        return _play(game, player, opponent, seed, config.eval_games, config)

    opponents = [*fixed, *(load_version(v) for v in previous)]
    results = [play(candidate, opponent, version) for opponent in opponents]
    references = [
        play(stronger, weaker, zlib.crc32(stronger.name.encode()))
        for stronger, weaker in _missing_references(fixed, pool)
    ]
    pool += [r.pairing for r in (*results, *references)]
    ratings = fit_ratings(pool, anchor=config.opponents[0])
    return VersionRating(
        version=version,
        matches=tuple(r.stats() for r in results),
        reference_matches=tuple(r.stats() for r in references),
        elo=_elo_stats(ratings, version),
        results=(*results, *references),
    )


def measure_version(
    game: Game,
    version: int,
    candidate: Player,
    *,
    load_fixed: LoadFixed,
    entries: Sequence[IterationStats],
    config: ArenaConfig,
) -> VersionRating:
    """Plays a version against the fixed opponents, `config.final_games` each, and rates it.

    The matches that it has in the run's statistics count on; of two against the same opponent the
    one of more games.

    Raises: OpeningError if the game has no opening of `config.opening_plies`.
    """
    name = version_name(version)
    fixed = [load_fixed(text) for text in config.opponents]
    results = [_play(game, candidate, other, 0, config.final_games, config) for other in fixed]
    matches = {
        m["opponent"]: m
        for e in entries
        for m in e.get("game_stats", {}).get("matches", [])
        if m["player"] == name
    }
    for stats in (r.stats() for r in results):
        known = matches.get(stats["opponent"])
        if known is None or known["games"] <= stats["games"]:
            matches[stats["opponent"]] = stats
    own = IterationStats(game_stats=GameStats(matches=list(matches.values())))
    pool = pool_of([*entries, own])
    references = [
        _play(game, *pair, zlib.crc32(pair[0].name.encode()), config.eval_games, config)
        for pair in _missing_references(fixed, pool)
    ]
    pool += [r.pairing for r in references]
    return VersionRating(
        version=version,
        matches=tuple(matches.values()),
        reference_matches=tuple(r.stats() for r in references),
        elo=_elo_stats(fit_ratings(pool, anchor=config.opponents[0]), version),
        results=(*results, *references),
    )


def _play(
    game: Game,
    player: Player,
    opponent: Player,
    seed: int,
    num_games: int,
    config: ArenaConfig,
) -> MatchResult:
    """A match of so many games, or in a small game of as many as it has openings for."""
    seed = mix_seed(config.seed, zlib.crc32(opponent.name.encode()), seed)
    openings: Sequence[Opening]
    try:
        openings = make_openings(game, num_games // 2, plies=config.opening_plies, seed=seed)
    except OpeningError as error:
        openings = error.openings
        if not openings:
            raise
    return play_match(
        game, player, opponent, num_games=2 * len(openings), seed=seed, openings=openings
    )


def previous_versions(version: int, known: Iterable[int], count: int) -> list[int]:
    """Returns the versions 1, 2, 4, ... before `version` that exist, newest first.

    Near versions tell a gain from a loss; far ones keep the scale from drifting step by step.
    """
    earlier = sorted((v for v in known if v < version), reverse=True)
    return [earlier[(1 << k) - 1] for k in range(count) if (1 << k) <= len(earlier)]


def pool_of(entries: Iterable[IterationStats]) -> list[PairingResult]:
    """Returns all results of a run's statistics; a version rated twice counts once, the last."""
    results: dict[tuple[str, str], PairingResult] = {}
    for entry in entries:
        stats = entry.get("game_stats", {})
        for m in (*stats.get("matches", []), *stats.get("reference_matches", [])):
            results[m["player"], m["opponent"]] = PairingResult(
                m["player"], m["opponent"], m["wins"], m["draws"], m["losses"]
            )
    return list(results.values())


def rate_run(entries: Sequence[IterationStats], *, anchor: str) -> Ratings:
    """Returns the ratings of all players of a run from all of its results together.

    An entry's own `elo` is what was known when it was written; this is what is known now.
    Raises: RatingError if nothing was rated yet.
    """
    return fit_ratings(pool_of(entries), anchor=anchor)


def anchor_of(entries: Sequence[IterationStats]) -> str:
    """Returns the opponent whose Elo is 0 in a run: the one whose rating has no error."""
    for entry in reversed(entries):
        for name, (_, error) in entry.get("elo", {}).get("ratings", {}).items():
            if error == 0:
                return name
    return "random"


def _missing_references(
    fixed: Sequence[Player], pool: Sequence[PairingResult]
) -> list[tuple[Player, Player]]:
    played = {frozenset((p.player, p.opponent)) for p in pool}
    return [
        (stronger, weaker)
        for i, stronger in enumerate(fixed)
        for weaker in fixed[:i]
        if frozenset((stronger.name, weaker.name)) not in played
    ]


def _elo_stats(ratings: Ratings, version: int) -> EloStats:
    name = version_name(version)
    own = ratings[name]
    elo = EloStats(rating=round(own.elo, 1), error=round(own.error, 1))
    rated = [v for n in ratings.names if (v := parse_version_name(n)) is not None and v < version]
    if rated:
        before = version_name(max(rated))
        gain = ratings.difference(name, before)
        elo["gain"] = round(gain.elo, 1)
        elo["gain_error"] = round(gain.error, 1)
        elo["superiority"] = round(ratings.superiority(name, before), 4)
    elo["ratings"] = {n: r.to_json() for n, r in ratings.as_dict().items()}
    return elo
