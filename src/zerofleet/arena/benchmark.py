"""How strong one net is: against fixed opponents whose own strength is measured beside it."""

import statistics
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from zerofleet import _core
from zerofleet.arena.elo import Rating, fit_ratings
from zerofleet.arena.long_match import play_long_match
from zerofleet.arena.match import MatchResult
from zerofleet.arena.match_files import elo_json
from zerofleet.arena.rules import MatchRules
from zerofleet.arena.scores import ScoreResult, play_scores
from zerofleet.games.protocol import Game
from zerofleet.players.player import Player, mix_seed

Tell = Callable[[str], None]
ANCHOR = "random"
QUICK_GAMES = 20


def benchmark_opponents(game: Game, *, quick: bool = False) -> tuple[str, ...]:
    """Returns the opponents that fit a game, the weakest first; fewer if it has to be quick."""
    if game.num_players == 1:
        return (ANCHOR, "uct:100" if game.score_scalar is None else "expectimax:1")
    if game.name in _core.alphabeta_games():
        found = [ANCHOR, "greedy", "minimax:2", "minimax:4", "uct:100", "uct:1000"]
    elif game.name in _core.board_value_games():
        # Rollouts to the end are slow where games are long.
        found = [ANCHOR, "greedy", "minimax:2", "uct:100"]
    else:
        found = [ANCHOR, "uct:100", "uct:1000"]
    return tuple(found[:2] if quick else found)


@dataclass(frozen=True)
class Benchmark:
    """All matches of a net, or its scores in a game of one player."""

    game: str
    matches: tuple[MatchResult, ...] = ()
    """Of the net, from its view."""
    references: tuple[MatchResult, ...] = ()
    """Of the opponents among each other, the stronger first."""
    rating: Rating | None = None
    """Performance rating: Elo on the scale of the opponents, `random` is 0."""
    ratings: tuple[tuple[str, Rating], ...] = ()
    """Of all players, the net first."""
    scores: tuple[ScoreResult, ...] = ()
    """Games of one player: of the net, then of the opponents."""

    def to_json(self) -> dict[str, Any]:
        """Everything but the games. The same net, settings and seed give the same object."""
        if self.scores:
            return {"scores": [{**s.stats(), "lengths": _lengths(s.games)} for s in self.scores]}
        return {
            "rating": self.rating.to_json() if self.rating else None,
            "ratings": {name: rating.to_json() for name, rating in self.ratings},
            "matches": [_match_json(m) for m in self.matches],
            "reference_matches": [_match_json(m) for m in self.references],
        }


def run_benchmark(
    game: Game,
    player: Player,
    opponents: Sequence[Player],
    *,
    num_games: int,
    seed: int,
    opening_plies: int = 4,
    max_plies: int | None = None,
    tell: Tell = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Benchmark:
    """Plays the net against each opponent, and the opponents against each other.

    The opponents' games among themselves make the scale: a net that wins every game against
    `random` is rated by what the others are worth. Every game is a function of the players and the
    seed.

    Args:
      num_games: of each pairing, even; of one player: games of each.
      tell: told a line before each pairing.
    Raises: MatchStopped; MatchError, OpeningError.
    """
    if game.num_players == 1:
        scores = []
        for who in (player, *opponents):
            tell(f"{num_games} games of {who.name}")
            own_seed = mix_seed(seed, zlib.crc32(who.name.encode()))
            scores.append(play_scores(game, who, num_games=num_games, seed=own_seed))
        return Benchmark(game.spec, scores=tuple(scores))

    def play(one: Player, other: Player) -> MatchResult:
        tell(f"{num_games} games of {one.name} against {other.name}")
        return play_long_match(
            game,
            one,
            other,
            num_games=num_games,
            seed=mix_seed(seed, zlib.crc32(other.name.encode())),
            opening_plies=opening_plies,
            rules=MatchRules(max_plies=max_plies),
            should_stop=should_stop,
        ).result

    matches = [play(player, opponent) for opponent in opponents]
    references = [
        play(stronger, weaker) for i, stronger in enumerate(opponents) for weaker in opponents[:i]
    ]
    pool = [r.pairing for r in (*matches, *references)]
    anchor = ANCHOR if any(o.name == ANCHOR for o in opponents) else opponents[0].name
    ratings = fit_ratings(pool, anchor=anchor)
    return Benchmark(
        game.spec,
        matches=tuple(matches),
        references=tuple(references),
        rating=ratings[player.name],
        ratings=tuple((n, ratings[n]) for n in (player.name, *(o.name for o in opponents))),
    )


def colour_results(result: MatchResult, side: Literal["first", "second"]) -> tuple[int, int, int]:
    """Returns won, drawn and lost games of the player with one colour."""
    games = [g for g in result.games if g.swapped == (side == "second")]
    return tuple(sum(g.score == s for g in games) for s in (1.0, 0.5, 0.0))  # type: ignore[return-value]


def _match_json(result: MatchResult) -> dict[str, Any]:
    return {
        **result.stats(),
        "elo": elo_json(result.elo),
        "first": list(colour_results(result, "first")),
        "second": list(colour_results(result, "second")),
        "lengths": _lengths(result.games),
    }


def _lengths(games: Sequence[Any]) -> dict[str, float]:
    plies = [len(g.actions) for g in games]
    return {
        "shortest": min(plies),
        "median": statistics.median(plies),
        "mean": round(statistics.fmean(plies), 1),
        "longest": max(plies),
    }
