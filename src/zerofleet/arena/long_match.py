"""A match in rounds: what is known after each, and a sequential test that may end it."""

from collections.abc import Callable
from dataclasses import dataclass

from zerofleet.arena.match import MatchError, MatchResult, MatchStopped, play_match
from zerofleet.arena.openings import make_openings
from zerofleet.arena.rules import MatchRules
from zerofleet.arena.sprt import Sprt, SprtResult
from zerofleet.games.protocol import Game
from zerofleet.players.player import Player

ROUND_GAMES = 256
"""In lockstep, their positions searched together."""
SPRT_ROUND_GAMES = 64
"""Games after the decision are thrown away, so that rounds of a test are shorter."""


@dataclass(frozen=True)
class LongMatch:
    """A match as far as it has been played."""

    result: MatchResult
    sprt: SprtResult | None = None

    @property
    def is_decided(self) -> bool:
        """The test has accepted a hypothesis."""
        return self.sprt is not None and self.sprt.decision is not None


def play_long_match(
    game: Game,
    player: Player,
    opponent: Player,
    *,
    num_games: int,
    seed: int,
    sprt: Sprt | None = None,
    opening_plies: int = 4,
    rules: MatchRules | None = None,
    round_games: int | None = None,
    on_round: Callable[[LongMatch], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> LongMatch:
    """Plays up to `num_games` games, fewer if the test is decided before.

    The test looks at the pairs one by one in the order of the openings, so that its decision and
    the games that count do not depend on the size of a round.

    Args:
      num_games, seed, opening_plies, rules: as in `play_match`.
      round_games: games at once, even.
      on_round: told what is known after each round; what it raises ends the match.
      should_stop: asked once a ply.
    Raises: as `play_match`; MatchStopped if not even one round is finished, or told to stop.
    """
    if num_games < 2 or num_games % 2:
        raise MatchError(
            f"expected an even number of games, at least 2 (every opening is played with both "
            f"colours); came {num_games}"
        )
    size = round_games or (ROUND_GAMES if sprt is None else SPRT_ROUND_GAMES)
    openings = make_openings(
        game, num_games // 2, plies=opening_plies, seed=seed, should_stop=should_stop
    )
    if len(openings) < num_games // 2:
        raise MatchStopped
    found: LongMatch | None = None
    for first in range(0, num_games, size):
        if found is not None and (found.is_decided or should_stop()):
            break
        count = min(size, num_games - first)
        try:
            part = play_match(
                game,
                player,
                opponent,
                num_games=count,
                seed=seed,
                openings=openings[first // 2 : (first + count) // 2],
                rules=rules,
                first_game=first,
                should_stop=should_stop,
            )
        except MatchStopped:
            break
        found = _extended(found, part, sprt)
        on_round(found)
    if found is None:
        raise MatchStopped
    return found


def _extended(before: LongMatch | None, part: MatchResult, sprt: Sprt | None) -> LongMatch:
    games = (*(before.result.games if before else ()), *part.games)
    test = None
    if sprt is not None:
        pairs = before.result.pairs if before else [0] * 5
        first = sum(pairs)
        decision = None
        for number in range(first, len(games) // 2):
            pairs[round(2 * (games[2 * number].score + games[2 * number + 1].score))] += 1
            decision = sprt.decide(pairs)
            if decision is not None:
                games = games[: 2 * (number + 1)]
                break
        test = SprtResult(sprt, float(sprt.llr(pairs)), decision)
    problems = tuple(g.problem for g in games if g.problem)
    return LongMatch(MatchResult(part.game, part.player, part.opponent, games, problems), test)
