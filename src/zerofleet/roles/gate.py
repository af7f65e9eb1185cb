"""The gate: a candidate becomes the published model only after it has beaten the one that is.

It stands between training and commit (roles/trainer.py):

    trained      weights of loop i: the candidate
    match        candidate against published version, every opening with both colours; games of one
                 player: the same numbered games, scores compared
    accepted     the commit has the candidate as the next version, which is published
    refused      the commit has the trained weights for the next loop, and the published version as
                 it was; workers play on with it

A trainer that is killed before the commit has not done the loop: nothing of the match counts, and
the whole match is played again for the candidate of the next start. After the commit nothing of it
is played again. So each game decides once. The verdict is in the entry of the loop
(`training_stats.json`: `gate`) and in the commit itself; the games are in
`games/gate_00012.txt`, and as PGN or SGF where the game has that.
"""

import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from zerofleet.arena.config import ArenaConfig
from zerofleet.arena.game_files import game_texts
from zerofleet.arena.intervals import pair_interval
from zerofleet.arena.long_match import LongMatch, play_long_match
from zerofleet.arena.match import MatchResult, MatchStopped
from zerofleet.arena.openings import OpeningError, make_openings
from zerofleet.arena.scores import ScoreResult, play_scores
from zerofleet.arena.sprt import Sprt, SprtError, SprtResult
from zerofleet.arena.stats import GateStats, IterationStats
from zerofleet.games.protocol import Game
from zerofleet.games.registry import load_game
from zerofleet.players.player import Player, mix_seed
from zerofleet.players.registry import load_net
from zerofleet.roles.config import ConfigError, RunConfig
from zerofleet.roles.ending import Ending
from zerofleet.roles.progress import Progress
from zerofleet.roles.state import MODEL_PT
from zerofleet.run.faults import fault_point
from zerofleet.run.layout import GAMES
from zerofleet.run.store import Store
from zerofleet.run.words import version_name

_P = TypeVar("_P", bound=Progress)
_ROUND_GAMES = 64
"""In lockstep; between two rounds the trainer tells how far the match is."""
_PHASE = "arena"


class Gate:
    """Lets candidates play; does nothing where `arena.gate_games` is 0."""

    def __init__(
        self,
        store: Store,
        config: RunConfig,
        ending: Ending,
        phase: Callable[..., None],
        tell: Callable[..., None],
    ) -> None:
        """Checks that there are openings for so many games.

        Args:
          phase: told how far a match is.
          tell: called with the kind of an event and its values.
        Raises: ConfigError.
        """
        self._store = store
        self._config: ArenaConfig = config.arena
        self._ending = ending
        self._phase = phase
        self._tell = tell
        self._sprt = check_gate(config)
        self._game: Game | None = load_game(config.game.spec) if self.is_on else None

    @property
    def is_on(self) -> bool:
        """Whether candidates have to pass."""
        return self._config.gate_games > 0

    def judge(self, published: Progress, candidate: _P) -> _P | None:
        """Returns what is to be committed; None if the run ends before the match is over.

        The nets are evaluated where the candidate learns; of several ranks the others wait.

        Args:
          published: before this loop; its model is the published one.
          candidate: after it, with the next version.
        """
        if self._game is None:
            return candidate
        game, iteration = self._game, candidate.state.iteration
        version = published.state.model_version
        begun = time.monotonic()
        self._ending.begin()
        fault_point("gate.before_match")
        names = f"candidate {iteration}", version_name(version)
        sides: list[Progress] = [candidate, published]
        players = [
            _player_of(game, progress, name, self._config)
            for progress, name in zip(sides, names, strict=True)
        ]
        self._phase(_PHASE, share=0.0, gate_iteration=iteration)
        seed = mix_seed(self._config.seed, zlib.crc32(b"gate"), iteration)
        try:
            if game.num_players == 1:
                stats, results = self._compare_scores(game, players, seed)
            else:
                stats, results = self._play(game, players, seed, iteration)
        except MatchStopped:
            return None
        gate = GateStats(
            **stats,  # type: ignore[typeddict-item]
            iteration=iteration,
            published=version,
            seconds=round(time.monotonic() - begun, 2),
        )
        for ending, text in game_texts(game, results).items():
            self._store.put(f"{GAMES}gate_{iteration:05d}.{ending}", text.encode())
        fault_point("gate.after_match")
        self._tell("gate", gate=gate)
        return passed(candidate, gate) if gate["accepted"] else refused(published, candidate, gate)

    def _play(
        self, game: Game, players: list[Player], seed: int, iteration: int
    ) -> tuple[dict[str, Any], list[MatchResult | ScoreResult]]:
        def on_round(found: LongMatch) -> None:
            share = len(found.result.games) / self._config.gate_games
            self._phase(_PHASE, share=share, gate_iteration=iteration)

        found = play_long_match(
            game,
            players[0],
            players[1],
            num_games=self._config.gate_games,
            seed=seed,
            sprt=self._sprt,
            opening_plies=self._config.opening_plies,
            round_games=_ROUND_GAMES,
            on_round=on_round,
            should_stop=self._ending.is_too_long,
        )
        result = found.result
        if not found.is_decided and len(result.games) < self._config.gate_games:
            raise MatchStopped  # a part of a match is no verdict
        stats: dict[str, Any] = dict(result.stats())
        return {**stats, **self._verdict(result.pairs, found.sprt)}, [result]

    def _compare_scores(
        self, game: Game, players: list[Player], seed: int
    ) -> tuple[dict[str, Any], list[MatchResult | ScoreResult]]:
        results: list[ScoreResult] = []
        for player in players:
            if self._ending.is_too_long():
                raise MatchStopped
            count = self._config.gate_games
            results.append(play_scores(game, player, num_games=count, seed=seed))
        points = [
            0.5 * ((one.score > other.score) + (one.score >= other.score))
            for one, other in zip(results[0].games, results[1].games, strict=True)
        ]
        pairs = [0] * 5
        for one, other in zip(points[::2], points[1::2], strict=True):
            pairs[round(2 * (one + other))] += 1
        interval = pair_interval(pairs)
        stats = {
            "player": players[0].name,
            "opponent": players[1].name,
            "games": len(points),
            "wins": points.count(1.0),
            "draws": points.count(0.5),
            "losses": points.count(0.0),
            "pairs": pairs,
            "score": round(interval.value, 4),
            "low": round(interval.low, 4),
            "high": round(interval.high, 4),
            "distinct_games": len({g.actions for r in results for g in r.games}),
            "mean_plies": round(
                sum(len(g.actions) for r in results for g in r.games) / (2 * len(points)), 1
            ),
            "terminations": {},
            "mean_scores": [r.stats()["mean"] for r in results],
        }
        test = self._sprt
        decided = SprtResult(test, float(test.llr(pairs)), test.decide(pairs)) if test else None
        return {**stats, **self._verdict(pairs, decided)}, [*results]

    def _verdict(self, pairs: list[int], sprt: SprtResult | None) -> dict[str, Any]:
        if sprt is not None:
            return {"accepted": sprt.decision == "H1", "sprt": sprt.to_json()}
        least = self._config.gate_score
        return {"accepted": pair_interval(pairs).value >= least, "needed": least}


def check_gate(config: RunConfig) -> Sprt | None:
    """Returns the test of the gate, if it has one. Raises: ConfigError if it cannot be played."""
    arena = config.arena
    if not arena.gate_games:
        return None
    game = load_game(config.game.spec)
    try:
        if game.num_players == 2:
            make_openings(game, arena.gate_games // 2, plies=arena.opening_plies, seed=0)
        return None if arena.gate_sprt is None else Sprt(*arena.gate_sprt)
    except OpeningError as error:
        raise ConfigError(f"arena.gate_games: {error}") from None
    except SprtError as error:
        raise ConfigError(f"arena.gate_sprt: {error}") from None


def passed(candidate: _P, gate: GateStats) -> _P:
    """The candidate as the next version, its verdict in the entry."""
    entry = IterationStats(**{**candidate.state.entry, "gate": gate})
    return _with_state(candidate, replace(candidate.state, entry=entry))


def refused(published: Progress, candidate: _P, gate: GateStats) -> _P:
    """The learner and the window of the candidate, with the model that was published before."""
    before, after = published.state, candidate.state
    entry = IterationStats(**{**after.entry, "gate": gate, "model_version": before.model_version})
    files = {name: data for name, data in after.files.items() if name not in after.model_files}
    files |= {name: before.files[name] for name in before.model_files}
    state = replace(after, model_version=before.model_version, entry=entry, files=files)
    return _with_state(candidate, state)


def _with_state(progress: _P, state: Any) -> _P:
    return replace(progress, state=state)  # type: ignore[type-var]


def _player_of(game: Game, progress: Progress, name: str, config: ArenaConfig) -> Player:
    state = progress.state
    file = next(f for f in state.model_files if f != MODEL_PT)
    data = state.files[file]
    assert isinstance(data, bytes)
    return load_net(
        game,
        data,
        progress.model_kind,
        name=name,
        depth=config.depth,
        num_simulations=config.num_simulations,
        device=progress.device,
    )
