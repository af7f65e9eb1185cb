"""Plays batches of training games with alpha-beta; C++ threads do everything, Python waits."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zerofleet import _core
from zerofleet.records.shard import GameRecords
from zerofleet.search.config import AlphaBetaConfig
from zerofleet.selfplay.config import SelfplayConfig

POLL_SECONDS = 0.1
"""How soon a wish to stop reaches the search threads."""
PROGRESS_SECONDS = 2.0
"""How often progress is told while a batch is played."""


@dataclass(frozen=True)
class Played:
    """A batch of finished games and what it took."""

    games: GameRecords
    num_quiet: int
    """Positions to train on."""
    nodes: int
    """Positions entered by search, quiescence included."""
    seconds: float


class AlphaBetaActor:
    """Plays games of one network; holds nothing but it."""

    def __init__(self, game: str, network: bytes) -> None:
        """`network` is the content of a .nnue file. Raises ValueError if it is of another game."""
        self._game = game
        self._network = _core.NnueNetwork(network)

    @property
    def simd(self) -> str:
        """The kernels in use here: scalar, avx2 or avx512; they give the same bits."""
        return str(self._network.simd)

    def play(
        self,
        *,
        search: AlphaBetaConfig,
        selfplay: SelfplayConfig,
        seed: int,
        first_game: int,
        num_games: int,
        threads: int,
        should_stop: Callable[[], bool],
        on_progress: Callable[[int, int, float], None] = lambda *_: None,
    ) -> Played:
        """Plays games `first_game` .. `first_game + num_games - 1` of the stream `seed`.

        Args:
          should_stop: asked ten times a second; True drops the games under way, and the finished
            ones come back.
          on_progress: told (finished games, quiet positions, seconds) every few seconds.
        """
        progress = _core.GamesProgress()
        outcome: list[dict[str, Any] | BaseException] = []

        def work() -> None:
            try:
                outcome.append(
                    _core.generate_games(
                        self._game,
                        self._network,
                        seed=seed,
                        first_game=first_game,
                        num_games=num_games,
                        threads=threads,
                        progress=progress,
                        **search.model_dump(),
                        **selfplay.model_dump(exclude={"games_per_batch"}),
                    )
                )
            except BaseException as error:
                outcome.append(error)

        thread = threading.Thread(target=work, name="selfplay")
        started = last_told = time.monotonic()
        thread.start()
        try:
            while thread.is_alive():
                if should_stop():
                    progress.request_stop()
                thread.join(POLL_SECONDS)
                now = time.monotonic()
                if now - last_told >= PROGRESS_SECONDS:
                    last_told = now
                    on_progress(progress.games, progress.quiet, now - started)
        finally:
            progress.request_stop()
            thread.join()
        result = outcome[0]
        if isinstance(result, BaseException):
            raise result
        return Played(
            GameRecords(**result["arrays"]), result["quiet"], result["nodes"], result["seconds"]
        )
