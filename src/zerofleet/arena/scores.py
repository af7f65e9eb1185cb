"""Strength in games of one player: the scores of each new version beside those of fixed players."""

import math
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from zerofleet.arena.config import ArenaConfig
from zerofleet.arena.intervals import Z95
from zerofleet.arena.match import MatchError
from zerofleet.arena.openings import play_nature
from zerofleet.arena.rules import LENGTH_BOUND, PLAYED
from zerofleet.arena.stats import IterationStats, ScoreStats
from zerofleet.games.protocol import Game, State
from zerofleet.games.twenty48 import largest_tile
from zerofleet.players.player import Forfeit, Player, mix_seed


@dataclass(frozen=True)
class ScoredGame:
    """One finished game of one player."""

    actions: tuple[int, ...]
    """All of them, nature's included."""
    score: float
    termination: str
    """`played` or `length bound`."""
    largest_tile: int | None = None
    """2048."""


@dataclass(frozen=True)
class ScoreResult:
    """All games of one player."""

    game: str
    player: str
    games: tuple[ScoredGame, ...]

    def stats(self) -> ScoreStats:
        """Returns the scores as `training_stats.json` keeps them, without the games."""
        scores = np.array([g.score for g in self.games])
        # Of one game nothing is known; JSON has no infinity.
        deviation = float(scores.std(ddof=1)) if len(scores) > 1 else 0.0
        stats = ScoreStats(
            player=self.player,
            games=len(self.games),
            mean=round(float(scores.mean()), 2),
            error=round(Z95 * deviation / math.sqrt(len(scores)), 2),
            median=round(float(np.median(scores)), 2),
            best=round(float(scores.max()), 2),
            mean_plies=round(sum(len(g.actions) for g in self.games) / len(self.games), 1),
            distinct_games=len({g.actions for g in self.games}),
            terminations=dict(Counter(g.termination for g in self.games)),
        )
        tiles = [g.largest_tile for g in self.games if g.largest_tile is not None]
        if tiles:
            stats["largest_tile"] = {str(t): n for t, n in sorted(Counter(tiles).items())}
        return stats


@dataclass
class _Game:
    """A game in progress."""

    state: State
    actions: list[int] = field(default_factory=list)


def play_scores(game: Game, player: Player, *, num_games: int, seed: int) -> ScoreResult:
    """Plays games of one player, all of them in lockstep with one call of the player a move.

    The games are a function of player and seed. Without chance, and with a player that draws
    nothing, they are all the same game: `distinct_games` says so.

    Raises: MatchError for games of two players, for less than one game, and for an illegal action;
      what the player raises.
    """
    if game.num_players != 1:
        raise MatchError(
            f"scores are of games of one player; {game.name} has {game.num_players}: play a match"
        )
    if num_games < 1:
        raise MatchError(f"expected at least one game; came {num_games}")
    games = [_Game(game.initial_state()) for _ in range(num_games)]
    waiting = list(enumerate(games))
    while waiting:
        for index, g in waiting:
            g.actions += play_nature(g.state, mix_seed(seed, index, len(g.actions)))
        waiting = [(index, g) for index, g in waiting if not g.state.is_terminal]
        if not waiting:
            break
        states = [g.state.copy() for _, g in waiting]
        seeds = [mix_seed(seed, index, len(g.actions)) for index, g in waiting]
        answers = player.select_actions(states, seeds)
        for (_, g), answer in zip(waiting, answers, strict=True):
            if isinstance(answer, Forfeit) or answer not in g.state.legal_actions():
                raise MatchError(
                    f"{player.name} answered {answer!r}, which is no legal action, in "
                    f"{g.state.text()}"
                )
            g.state.apply(answer)
            g.actions.append(answer)
    finished = tuple(_finished(game, g) for g in games)
    return ScoreResult(game.name, player.name, finished)


def _finished(game: Game, g: _Game) -> ScoredGame:
    return ScoredGame(
        actions=tuple(g.actions),
        score=float(g.state.returns()[0]),
        termination=LENGTH_BOUND if g.state.at_length_bound else PLAYED,
        largest_tile=largest_tile(game, g.state),
    )


@dataclass(frozen=True)
class VersionScores:
    """Everything one measurement of a version brings; `scores` go into `training_stats.json`."""

    version: int
    scores: tuple[ScoreStats, ...]
    """Of the version, then of the fixed opponents."""
    results: tuple[ScoreResult, ...]
    """The games that were played for them."""

    def entry(self) -> IterationStats:
        """What is added to the entry of the version's iteration."""
        return {"game_stats": {"scores": list(self.scores)}}


def score_version(
    game: Game,
    version: int,
    candidate: Player,
    *,
    load_fixed: Callable[[str], Player],
    entries: Iterable[IterationStats],
    config: ArenaConfig,
    num_games: int,
) -> VersionScores:
    """Plays `num_games` games of a version, and those of opponents that no entry has yet.

    A fixed opponent plays once in a run, as many games as the longest measurement of it has:
    its scores are repeated in each entry, so that an entry can be read alone.

    Args:
      candidate: its player.
      entries: the run's `training_stats.json` so far.
    """
    result = _play(game, candidate, num_games, config)
    known = known_scores(entries)
    opponents = [load_fixed(text) for text in config.opponents]
    played = [
        _play(game, opponent, max(config.eval_games, config.final_games), config)
        for opponent in opponents
        if opponent.name not in known
    ]
    known |= {r.player: r.stats() for r in played}
    return VersionScores(
        version=version,
        scores=(result.stats(), *(known[opponent.name] for opponent in opponents)),
        results=(result, *played),
    )


def _play(game: Game, player: Player, num_games: int, config: ArenaConfig) -> ScoreResult:
    seed = mix_seed(config.seed, zlib.crc32(player.name.encode()))
    return play_scores(game, player, num_games=num_games, seed=seed)


def known_scores(entries: Iterable[IterationStats]) -> dict[str, ScoreStats]:
    """Returns the newest scores of every player of a run by name."""
    return {s["player"]: s for e in entries for s in e.get("game_stats", {}).get("scores", [])}
