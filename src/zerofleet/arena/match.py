"""A match: two players, many games at once, every opening played with both colours."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from zerofleet.arena.elo import PairingResult
from zerofleet.arena.intervals import Interval, pair_interval
from zerofleet.arena.openings import Opening, make_openings, play_nature
from zerofleet.arena.rules import (
    ADJUDICATED,
    ERROR,
    ILLEGAL_ACTION,
    LENGTH_BOUND,
    PLAYED,
    TIMEOUT,
    MatchRules,
    Referee,
)
from zerofleet.arena.stats import MatchStats
from zerofleet.games.protocol import Game, State
from zerofleet.players.player import Answer, Forfeit, Player, ask, mix_seed

_log = logging.getLogger(__name__)


class MatchError(ValueError):
    """A match that cannot be played as asked."""


class MatchStopped(Exception):
    """`should_stop` said so; no game of it counts."""


@dataclass(frozen=True)
class GameRecord:
    """One finished game of a match."""

    opening: int
    """Index of the opening; games 2k and 2k + 1 share opening k."""
    swapped: bool
    """False: `player` was player 0 (moves first); True: `opponent` was."""
    actions: tuple[int, ...]
    """All actions from the start of the game, opening included."""
    num_opening_plies: int
    score: float
    """1 win, 1/2 draw, 0 loss, from the view of `player`."""
    termination: str
    """`played`, `length bound` or `adjudicated`; `illegal action`, `error`, `timeout` or the reason
    of a `Forfeit` where a player lost the game in another way."""
    problem: str = ""
    """What went wrong, if anything did."""

    @property
    def winner(self) -> int | None:
        """0 if the player who moved first won, 1 if the other one did; None: a draw."""
        if self.score == 0.5:
            return None
        return int((self.score == 0.0) != self.swapped)


@dataclass(frozen=True)
class MatchResult:
    """All games of a match, counted from the view of `player`."""

    game: str
    player: str
    opponent: str
    games: tuple[GameRecord, ...]
    problems: tuple[str, ...] = field(default=())
    """One line for every game in which something went wrong."""

    def names(self, record: GameRecord) -> tuple[str, str]:
        """Who moved first in this game, and who second."""
        names = self.player, self.opponent
        return names[::-1] if record.swapped else names

    @property
    def wins(self) -> int:
        """Games won by `player`."""
        return sum(g.score == 1.0 for g in self.games)

    @property
    def draws(self) -> int:
        """Drawn games."""
        return sum(g.score == 0.5 for g in self.games)

    @property
    def losses(self) -> int:
        """Games lost by `player`."""
        return sum(g.score == 0.0 for g in self.games)

    @property
    def pairs(self) -> list[int]:
        """Openings by the points of both games: 0, 1/2, 1, 3/2, 2."""
        counts = [0] * 5
        for one, two in zip(self.games[::2], self.games[1::2], strict=True):
            counts[round(2 * (one.score + two.score))] += 1
        return counts

    @property
    def score(self) -> Interval:
        """Share of points with its 95 % interval, from the pairs."""
        return pair_interval(self.pairs)

    @property
    def elo(self) -> Interval:
        """The score as a rating difference; infinite where the score is 0 or 1."""
        return self.score.as_elo()

    @property
    def num_distinct(self) -> int:
        """Games that differ from each other in at least one action."""
        return len({g.actions for g in self.games})

    @property
    def mean_plies(self) -> float:
        """Mean length of the games, opening included."""
        return sum(len(g.actions) for g in self.games) / len(self.games)

    @property
    def terminations(self) -> dict[str, int]:
        """Number of games by the reason of their end."""
        return dict(Counter(g.termination for g in self.games))

    @property
    def pairing(self) -> PairingResult:
        """The counts as the rating reads them."""
        return PairingResult(self.player, self.opponent, self.wins, self.draws, self.losses)

    def stats(self) -> MatchStats:
        """Returns the match as `training_stats.json` keeps it, without the games."""
        interval = self.score
        stats = MatchStats(
            player=self.player,
            opponent=self.opponent,
            games=len(self.games),
            wins=self.wins,
            draws=self.draws,
            losses=self.losses,
            pairs=self.pairs,
            score=round(interval.value, 4),
            low=round(interval.low, 4),
            high=round(interval.high, 4),
            distinct_games=self.num_distinct,
            mean_plies=round(self.mean_plies, 1),
            terminations=self.terminations,
        )
        if self.problems:
            stats["problems"] = list(self.problems[:10])
        return stats


@dataclass
class _Game:
    """A game in progress; `players[side]` is the index (0 player, 1 opponent) of who plays side."""

    index: int
    opening: Opening
    state: State
    actions: list[int]
    players: tuple[int, int]
    referee: Referee
    record: GameRecord | None = None

    def finish(self, score: float, termination: str, problem: str = "") -> None:
        self.record = GameRecord(
            opening=self.index // 2,
            swapped=self.players[0] == 1,
            actions=tuple(self.actions),
            num_opening_plies=len(self.opening.actions),
            score=score,
            termination=termination,
            problem=problem,
        )


def play_match(
    game: Game,
    player: Player,
    opponent: Player,
    *,
    num_games: int,
    seed: int,
    opening_plies: int = 4,
    openings: Sequence[Opening] | None = None,
    rules: MatchRules | None = None,
    first_game: int = 0,
    should_stop: Callable[[], bool] = lambda: False,
) -> MatchResult:
    """Plays all games in lockstep and returns every one of them.

    The games are a function of the players, the openings and the seed. An illegal action or an
    exception of a player loses that game alone and is reported in `problems` and in the log, and so
    is what a player gives up itself (`Forfeit`).

    Args:
      num_games: even; every opening is played twice with colours swapped.
      seed: of the openings and of the players' choices between equal moves.
      openings: `num_games / 2` of them; drawn with `make_openings` if absent.
      rules: clocks, length and adjudication.
      first_game: number of the first game, even: a long match in parts is the same as in one.
      should_stop: asked once a ply.
    Raises: MatchError for an odd number of games or two players of one name; OpeningError;
      MatchStopped.
    """
    if num_games < 2 or num_games % 2 or first_game % 2:
        raise MatchError(
            f"expected an even number of games, at least 2 (every opening is played with both "
            f"colours); came {num_games}"
        )
    if game.num_players != 2:
        raise MatchError(f"a match needs a game of two players; {game.name} has {game.num_players}")
    if player.name == opponent.name:
        raise MatchError(f"both players are called {player.name!r}; give one another name")
    if openings is None:
        openings = make_openings(
            game, (first_game + num_games) // 2, plies=opening_plies, seed=seed
        )[first_game // 2 :]
    if len(openings) != num_games // 2:
        raise MatchError(f"{num_games} games need {num_games // 2} openings; came {len(openings)}")
    rules = rules or MatchRules()
    bound = game.max_plies if rules.max_plies is None else rules.max_plies

    games = []
    for index in range(first_game, first_game + num_games):
        opening = openings[(index - first_game) // 2]
        games.append(
            _Game(
                index=index,
                opening=opening,
                state=opening.play(game),
                actions=list(opening.actions),
                players=(1, 0) if index % 2 else (0, 1),
                referee=Referee(rules),
            )
        )
    problems: list[str] = []
    while active := [g for g in games if g.record is None]:
        if should_stop():
            raise MatchStopped
        to_move: tuple[list[_Game], list[_Game]] = ([], [])
        for g in active:
            g.actions += play_nature(g.state, mix_seed(seed, g.index, len(g.actions)))
            if g.state.is_terminal:
                value = g.state.returns()[g.players.index(0)]
                why = LENGTH_BOUND if g.state.at_length_bound else PLAYED
                g.finish((value > 0) + 0.5 * (value == 0), why)
            elif len(g.actions) >= bound:
                g.finish(0.5, LENGTH_BOUND)
            else:
                to_move[g.players[g.state.to_play]].append(g)
        for who, mover in enumerate((player, opponent)):
            if to_move[who]:
                _move(mover, who, to_move[who], seed, problems)
    records = tuple(g.record for g in games if g.record is not None)
    return MatchResult(game.name, player.name, opponent.name, records, tuple(problems))


def _move(mover: Player, who: int, games: list[_Game], seed: int, problems: list[str]) -> None:
    """Lets `mover` play one action in each of the games; ends those where it fails."""
    seeds = [mix_seed(seed, g.index, len(g.actions)) for g in games]
    for g, answer in zip(games, _ask(mover, games, seeds), strict=True):
        side = g.players.index(who)
        action = answer.action
        if isinstance(action, Forfeit):
            termination, what = action.reason, action.problem
        elif not g.referee.press(side, answer.seconds or 0.0):
            termination, what = TIMEOUT, f"its time is over after {len(g.actions)} plies"
        elif action not in g.state.legal_actions():
            termination, what = ILLEGAL_ACTION, f"action {action!r} is illegal"
        else:
            g.state.apply(action)
            g.actions.append(action)
            points = g.referee.hear(side, answer.value, len(g.actions))
            if points is not None and not g.state.is_terminal:
                g.finish(points if g.players[0] == 0 else 1 - points, ADJUDICATED)
            continue
        problem = ""
        if what:
            problem = f"{mover.name} loses game {g.index}: {what}; actions {g.actions}"
            _log.warning("%s", problem)
            problems.append(problem)
        g.finish(float(who), termination, problem)


def _ask(mover: Player, games: Sequence[_Game], seeds: list[int]) -> list[Answer]:
    """Returns an answer for each game; an exception is a forfeit.

    A player sees copies, so that it cannot change the games. If the whole batch fails, each
    position is asked alone, so that one bad position does not lose the other games.
    """
    try:
        clocks = [g.referee.clock for g in games]
        return ask(mover, [g.state.copy() for g in games], seeds, clocks)
    except Exception as error:
        if len(games) == 1:
            return [Answer(Forfeit(ERROR, f"{type(error).__name__}: {error}"))]
        return [_ask(mover, [g], [s])[0] for g, s in zip(games, seeds, strict=True)]
