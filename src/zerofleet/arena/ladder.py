"""The ladder of a run: its versions and fixed opponents play each other, and are rated together."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from zerofleet.arena.elo import PairingResult, Ratings, fit_ratings
from zerofleet.arena.match import play_match
from zerofleet.arena.rating import previous_versions
from zerofleet.arena.scores import play_scores
from zerofleet.arena.stats import GameStats, IterationStats, MatchStats, ScoreStats
from zerofleet.games.protocol import Game
from zerofleet.players.player import Player, mix_seed
from zerofleet.run.words import parse_version_name, version_name

FORMAT = 1
NUM_PREVIOUS = 3
"""Earlier versions that each one plays: 1, 2 and 4 rungs below."""


@dataclass(frozen=True)
class LadderSettings:
    """What the games of a ladder depend on; results of other settings are played anew."""

    games: int
    seed: int
    depth: int
    num_simulations: int
    opening_plies: int

    def to_json(self) -> dict[str, Any]:
        """As `ladder.json` has it."""
        return dict(vars(self))


@dataclass
class Ladder:
    """All results so far."""

    settings: LadderSettings
    matches: list[MatchStats] = field(default_factory=list)
    scores: list[ScoreStats] = field(default_factory=list)
    """Games of one player."""
    anchor: str = "random"
    """The player whose Elo is 0."""

    def to_json(self) -> dict[str, Any]:
        """The content of `ladder.json`."""
        document: dict[str, Any] = {"format": FORMAT, "settings": self.settings.to_json()}
        if self.scores:
            return {**document, "scores": self.scores}
        ratings = self.ratings()
        rated = ratings.as_dict() if ratings else {}
        return {
            **document,
            "ratings": {name: rating.to_json() for name, rating in rated.items()},
            "matches": self.matches,
        }

    @classmethod
    def read(
        cls, document: dict[str, Any], settings: LadderSettings, *, anchor: str = "random"
    ) -> "Ladder":
        """What an earlier ladder has of these settings; empty if it had others."""
        if document.get("format") != FORMAT or document.get("settings") != settings.to_json():
            return cls(settings, anchor=anchor)
        matches, scores = list(document.get("matches", [])), list(document.get("scores", []))
        return cls(settings, matches, scores, anchor)

    def ratings(self) -> Ratings | None:
        """Ratings of everybody who is connected to the anchor by games; None before its first."""
        pool = [
            PairingResult(m["player"], m["opponent"], m["wins"], m["draws"], m["losses"])
            for m in self.matches
        ]
        known, grown = {self.anchor}, True
        while grown:
            new = {
                n for p in pool for n in (p.player, p.opponent) if {p.player, p.opponent} & known
            }
            grown = not new <= known
            known |= new
        if known == {self.anchor}:
            return None
        return fit_ratings([p for p in pool if p.player in known], anchor=self.anchor)

    def entries(self) -> list[IterationStats]:
        """The same as the plots of a run read it, an entry for each version."""
        found: dict[int, IterationStats] = {}
        for key in ("matches", "scores"):
            for result in getattr(self, key):
                version = parse_version_name(result["player"]) or 0
                entry = found.setdefault(
                    version, IterationStats(model_version=version, game_stats=GameStats())
                )
                entry["game_stats"].setdefault(key, []).append(result)  # type: ignore[misc]
        fixed = found.pop(0, None)
        if found and fixed is not None:
            first = found[min(found)]
            stats = cast(dict[str, Any], fixed["game_stats"])
            first["game_stats"]["reference_matches"] = stats.get("matches", [])
            for entry in found.values():
                if "scores" in entry["game_stats"]:
                    entry["game_stats"]["scores"] += stats.get("scores", [])
        return [found[v] for v in sorted(found)]


def coarse_to_fine(versions: Sequence[int]) -> list[int]:
    """Returns the versions so that any number of first ones is spread evenly: last, first, middle.

    Whoever stops a ladder early has a coarse one.
    """
    ordered = sorted(versions)
    found = list(dict.fromkeys([ordered[-1], ordered[0]])) if ordered else []
    gaps = [(0, len(ordered) - 1)]
    while gaps:
        low, high = gaps.pop(0)
        if high - low > 1:
            middle = (low + high) // 2
            found.append(ordered[middle])
            gaps += [(low, middle), (middle, high)]
    return found


def ladder_pairings(versions: Sequence[int], opponents: Sequence[str]) -> list[tuple[str, str]]:
    """Returns who plays whom, in the order of playing; a stronger one first where that is known.

    The fixed opponents make the scale, then each version plays them all, then its neighbours below.
    """
    order = coarse_to_fine(versions)
    fixed = [(a, b) for i, a in enumerate(opponents) for b in opponents[:i]]
    outside = [(version_name(v), o) for v in order for o in opponents]
    inside = [
        (version_name(v), version_name(p))
        for v in order
        for p in previous_versions(v, versions, NUM_PREVIOUS)
    ]
    return [*fixed, *outside, *inside]


def climb(
    ladder: Ladder,
    game: Game,
    versions: Sequence[int],
    opponents: Sequence[str],
    load: Callable[[str], Player],
    *,
    on_result: Callable[[int, int], None] = lambda _done, _all: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Plays what is missing and adds it to the ladder.

    Args:
      load: makes a player of `v0007` or of an opponent's text; the newest ones are kept.
      on_result: told after each pairing how many of all are there.
      should_stop: asked once a ply; what is finished stays.
    Raises: MatchStopped if it was told to stop within a match.
    """
    settings = ladder.settings
    players: dict[str, Player] = {}

    def player(name: str) -> Player:
        if name not in players:
            if len(players) > len(opponents) + 4:
                del players[next(n for n in players if n not in opponents)]
            players[name] = load(name)
        return players[name]

    if game.num_players == 1:
        names = [*opponents, *(version_name(v) for v in coarse_to_fine(versions))]
        done = {s["player"] for s in ladder.scores}
        for number, name in enumerate(names, start=1):
            if name not in done and not should_stop():
                seed = mix_seed(settings.seed, zlib.crc32(name.encode()))
                result = play_scores(game, player(name), num_games=settings.games, seed=seed)
                ladder.scores.append(result.stats())
                on_result(number, len(names))
        return
    pairings = ladder_pairings(versions, opponents)
    played = {frozenset((m["player"], m["opponent"])) for m in ladder.matches}
    for number, (one, other) in enumerate(pairings, start=1):
        if frozenset((one, other)) in played or should_stop():
            continue
        found = play_match(
            game,
            player(one),
            player(other),
            num_games=settings.games,
            seed=mix_seed(settings.seed, *(zlib.crc32(n.encode()) for n in (one, other))),
            opening_plies=settings.opening_plies,
            should_stop=should_stop,
        )
        ladder.matches.append(found.stats())
        on_result(number, len(pairings))
