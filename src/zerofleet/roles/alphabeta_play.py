"""How a worker plays games of alpha-beta: batch after batch, each with the newest network."""

from functools import partial
from typing import TYPE_CHECKING

from zerofleet.roles.config import AlphaBetaRunConfig, ConfigError, OverrideError
from zerofleet.run.errors import DamagedError, StoreError
from zerofleet.run.models import ModelMissingError, PublishedModel, fetch_model, read_version
from zerofleet.selfplay.alphabeta_actor import AlphaBetaActor, Played
from zerofleet.selfplay.seeds import worker_seed

if TYPE_CHECKING:
    from zerofleet.roles.worker import Worker


class AlphaBetaPlay:
    """Plays for one worker until its session stops."""

    def __init__(self, worker: "Worker", *, threads: int) -> None:
        self._worker = worker
        self._session = worker.session
        self._threads = threads
        self._model: PublishedModel | None = None
        self._actor: AlphaBetaActor | None = None

    def run(self) -> None:
        """Plays until the session stops."""
        while not self._session.stopped():
            model = self._newest_model()
            if model is None or not self._worker.may_deliver():
                continue
            config = self._config()
            reserved = self._worker.reserve(config.selfplay.games_per_batch)
            if reserved is None:
                continue  # told to stop while waiting
            self._session.heartbeat.update(model_version=model.version)
            played = self._play(config, reserved.first_game)
            if played.games.num_games > 0:
                self._deliver(config, model, played, reserved.batch)

    def _config(self) -> AlphaBetaRunConfig:
        config = self._worker.config
        assert isinstance(config, AlphaBetaRunConfig)
        return config

    def _newest_model(self) -> PublishedModel | None:
        """The newest model with the configuration it was made under; None after a pause."""
        worker = self._worker
        try:
            version = read_version(self._session.store)
            worker.follow_config()
            if version == 0:
                worker.wait("the trainer to publish a model")
                return None
            if self._model is None or self._model.version != version:
                model = fetch_model(self._session.store, version)
                self._actor = _make_actor(self._config().game.spec, model)
                self._model = model
            else:
                worker.check_same_run(self._model)
            return self._model
        except ModelMissingError as missing:
            worker.wait(str(missing))
        except OverrideError:
            raise
        except (DamagedError, StoreError, ConfigError) as problem:
            # A damaged model or a store that is away: say so, keep the lease, try again.
            worker.wait(str(problem), state="error")
        return None

    def _play(self, config: AlphaBetaRunConfig, first_game: int) -> Played:
        session = self._session
        assert self._actor is not None
        return self._actor.play(
            search=config.search,
            selfplay=config.selfplay,
            seed=worker_seed(config.seed, session.worker),
            first_game=first_game,
            num_games=config.selfplay.games_per_batch,
            threads=self._threads,
            should_stop=session.stopped,
            on_progress=partial(session.tell_rates, is_whole=False),
        )

    def _deliver(
        self, config: AlphaBetaRunConfig, model: PublishedModel, played: Played, batch: int
    ) -> None:
        assert self._actor is not None
        self._worker.deliver(
            played.games,
            batch=batch,
            model=model,
            search=config.selfplay.recorded(config.search),
            backend="nnue",
            num_positions=played.num_quiet,
            seconds=played.seconds,
            host={"simd": self._actor.simd, "nodes": played.nodes},
        )


def _make_actor(game: str, model: PublishedModel) -> AlphaBetaActor:
    try:
        return AlphaBetaActor(game, model.data)
    except ValueError as error:
        raise DamagedError(
            f"model version {model.version} cannot be used here: {error}; install the version of "
            "zerofleet that the trainer has"
        ) from None
