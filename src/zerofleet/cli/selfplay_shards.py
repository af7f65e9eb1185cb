"""The games of `zerofleet selfplay`: counted, and written into a folder of shards."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zerofleet.records.shard import GameRecords, ShardMeta, recorded_name
from zerofleet.records.validate import validate
from zerofleet.records.write import encode_shard
from zerofleet.roles.standalone import AlphaBetaSetup, TreeSetup
from zerofleet.run.atomic import write_exclusive
from zerofleet.run.layout import shard_name
from zerofleet.run.software import software_version
from zerofleet.run.words import counted

WORKER = "selfplay"
ENDS = ("played to the end", "adjudicated", "resigned", "ended for their length")


class ShardFolder:
    """Takes finished games as they come."""

    games_per_shard = 1000

    def __init__(self, folder: Path | None, setup: TreeSetup | AlphaBetaSetup, seed: int) -> None:
        """`folder` is made if absent; None: games are only counted."""
        self._folder = folder
        self._game = setup.game
        self._meta = _meta(setup, seed)
        self._plies: list[NDArray[np.int64]] = []
        self._returns: list[NDArray[np.float32]] = []
        self._terminations: list[NDArray[np.uint8]] = []
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def num_games(self) -> int:
        """Games taken so far."""
        return sum(map(len, self._plies))

    def add(self, games: GameRecords) -> None:
        """Counts games and writes them as the next free shards, after every move was replayed."""
        if games.num_games == 0:
            return
        self._plies.append(np.diff(games.game_start))
        self._returns.append(games.returns)
        self._terminations.append(games.termination)
        for first in range(0, games.num_games, self.games_per_shard):
            part = np.arange(first, min(first + self.games_per_shard, games.num_games))
            self._write(games.take(part))

    def report(self) -> list[str]:
        """Lines for a person about the games taken."""
        if not self._plies:
            return ["no game was finished"]
        plies, returns = np.concatenate(self._plies), np.concatenate(self._returns)
        ends = np.bincount(np.concatenate(self._terminations), minlength=len(ENDS))
        if returns.shape[1] == 2:
            wins = [int((returns[:, player] > 0).sum()) for player in (0, 1)]
            results = (
                f"first player won {wins[0]}, second player {wins[1]}, draws "
                f"{len(returns) - sum(wins)}"
            )
        else:
            scores = returns[:, 0]
            results = f"score {scores.mean():,.1f} on average, "
            results += f"{scores.min():,g} to {scores.max():,g}"
        told = ", ".join(f"{n} {name}" for n, name in zip(ends, ENDS, strict=True) if n)
        return [
            f"{counted(len(plies), 'game')} of {self._game.spec}: {told}",
            f"results      {results}",
            f"plies        {plies.mean():.1f} on average, {plies.min()} to {plies.max()}",
        ]

    def _write(self, games: GameRecords) -> None:
        if self._folder is None:
            return
        validate(self._meta, games, name="the games", game=self._game)
        while True:
            meta = self._meta
            path = self._folder / shard_name(meta.model_version, meta.worker_id, meta.batch)
            data = encode_shard(meta, games)
            self._meta = meta.model_copy(update={"batch": meta.batch + 1})
            if write_exclusive(path, data):
                print(f"wrote        {path} ({len(data):,} bytes)", flush=True)
                return


def _meta(setup: TreeSetup | AlphaBetaSetup, seed: int) -> ShardMeta:
    search: dict[str, Any]
    if isinstance(setup, TreeSetup):
        backend, search = setup.backend, setup.play.recorded(setup.search)
    else:
        backend, search = "nnue", setup.play.recorded(setup.search)
    model = setup.model
    return ShardMeta(
        game=recorded_name(setup.game),
        game_options=dict(setup.game.options),
        model_version=(model and model.version) or 1,  # a file does not say
        model_sha256=model.sha256 if model else "",
        worker_id=WORKER,
        batch=1,
        run_seed=seed,
        search=search,
        evaluator_backend=backend,
        software_version=software_version(),
    )
