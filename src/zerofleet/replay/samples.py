"""What nets of policy and value learn from: the window of samples, and shards turned into samples.

Legend: N samples, C planes of H x W cells, S scalars, A actions; L legal actions and K policy
entries of all samples together. Values are the mover's, in [-1, 1].
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zerofleet import _core
from zerofleet.games import load_game
from zerofleet.games.spec import join_spec
from zerofleet.records import GameRecords, ShardMeta
from zerofleet.records.account import SAMPLE_PLIES
from zerofleet.records.encode import encode
from zerofleet.replay.returns import lambda_returns
from zerofleet.replay.split import validation_games
from zerofleet.replay.window import SourceInWindow, newest_sources

Actions = npt.NDArray[Any]
"""u16; i32 of games with more than 65,536 actions."""


@dataclass(frozen=True)
class Samples:
    """Columns of samples."""

    planes: npt.NDArray[Any]
    """u8 [N, C, ceil(H * W / 8)], bits as in `LeafBatch`; f32 [N, C, H, W] of games with
    real-valued observations."""
    scalars: npt.NDArray[np.float32]
    """[N, S]."""
    legal_start: npt.NDArray[np.int64]
    """[N + 1] into the next."""
    legal_action: Actions
    """[L] in the game's own order."""
    policy_start: npt.NDArray[np.int64]
    """[N + 1] into the next two; no entries where no policy is known."""
    policy_action: Actions
    """[K]."""
    policy_prob: npt.NDArray[np.float16]
    """[K]; sums to 1."""
    action: Actions
    """[N] that was played."""
    action_prob: npt.NDArray[np.float32]
    """[N] its probability in the policy; 0 where that has no such entry."""
    search_value: npt.NDArray[np.float32]
    """[N]; NaN where there was no search. Games without search: the lambda-return
    (replay/returns.py)."""
    result: npt.NDArray[np.float32]
    """[N] the game's result on the scale of search values."""
    is_validation: npt.NDArray[np.bool_]
    """[N]; whole games at a time (replay/split.py)."""

    def __len__(self) -> int:
        return len(self.result)

    @property
    def size_bytes(self) -> int:
        """Of all columns."""
        return sum(column.nbytes for column in vars(self).values())

    @classmethod
    def empty(cls, game: Any) -> "Samples":
        """No samples of this game."""
        planes, rows, cols = game.observation_shape
        real = not isinstance(game, _core.Game)
        actions = _action_dtype(game)
        return cls(
            planes=np.zeros((0, planes, rows, cols), np.float32)
            if real
            else np.zeros((0, planes, -(-rows * cols // 8)), np.uint8),
            scalars=np.zeros((0, game.num_scalars), np.float32),
            legal_start=np.zeros(1, np.int64),
            legal_action=np.zeros(0, actions),
            policy_start=np.zeros(1, np.int64),
            policy_action=np.zeros(0, actions),
            policy_prob=np.zeros(0, np.float16),
            action=np.zeros(0, actions),
            action_prob=np.zeros(0, np.float32),
            search_value=np.zeros(0, np.float32),
            result=np.zeros(0, np.float32),
            is_validation=np.zeros(0, np.bool_),
        )

    @classmethod
    def concatenated(cls, parts: Sequence["Samples"], *, skip: int = 0) -> "Samples":
        """All parts, one after the other, without the first `skip` samples."""
        kept = []
        for part in parts:
            first = min(skip, len(part))
            skip -= first
            kept.append(part._from(first))
        plain = (
            *("planes", "scalars", "action", "action_prob"),
            *("search_value", "result", "is_validation"),
        )
        columns = {name: np.concatenate([getattr(p, name) for p in kept]) for name in plain}
        for start, entries in (
            ("legal_start", ("legal_action",)),
            ("policy_start", ("policy_action", "policy_prob")),
        ):
            counts = [np.diff(getattr(part, start)) for part in kept]
            columns[start] = _starts(np.concatenate(counts))
            for name in entries:
                columns[name] = np.concatenate([getattr(part, name) for part in kept])
        return cls(**columns)

    def _from(self, first: int) -> "Samples":
        """Without the first samples; views, not copies."""
        if first == 0:
            return self
        legal, policy = self.legal_start[first], self.policy_start[first]
        return Samples(
            planes=self.planes[first:],
            scalars=self.scalars[first:],
            legal_start=self.legal_start[first:] - legal,
            legal_action=self.legal_action[legal:],
            policy_start=self.policy_start[first:] - policy,
            policy_action=self.policy_action[policy:],
            policy_prob=self.policy_prob[policy:],
            action=self.action[first:],
            action_prob=self.action_prob[first:],
            search_value=self.search_value[first:],
            result=self.result[first:],
            is_validation=self.is_validation[first:],
        )


@dataclass(frozen=True)
class SampleBatch:
    """Samples of one source, oldest first."""

    source: str
    """Name of the shard."""
    model_version: int
    """Version that played them."""
    samples: Samples

    def __len__(self) -> int:
        return len(self.samples)


@dataclass(frozen=True)
class SampleWindow:
    """The newest samples of the run. Immutable: `extended` returns the next one. Oldest first.

    Rebuilding after a crash: `from_sources` over the same sources in the same order gives the same
    window.
    """

    game: Any
    """The rules, as `load_game` returns them."""
    max_positions: int
    """Samples it holds at most."""
    samples: Samples
    sources: tuple[SourceInWindow, ...]
    """Oldest first; their counts sum to the number of samples."""

    @classmethod
    def empty(cls, game: Any, *, max_positions: int) -> "SampleWindow":
        """Returns a window without samples; `game` may be a name."""
        rules = load_game(game) if isinstance(game, str) else game
        return cls(rules, max_positions, Samples.empty(rules), ())

    @classmethod
    def from_sources(
        cls, game: Any, batches: Iterable[SampleBatch], *, max_positions: int
    ) -> "SampleWindow":
        """Returns the window after these sources, oldest first."""
        return cls.empty(game, max_positions=max_positions).extended(list(batches))

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def training_rows(self) -> npt.NDArray[np.int64]:
        """Rows i64 to learn from."""
        return np.flatnonzero(~self.samples.is_validation)

    @property
    def validation_rows(self) -> npt.NDArray[np.int64]:
        """Rows i64 kept out of training."""
        return np.flatnonzero(self.samples.is_validation)

    def extended(self, batches: Sequence[SampleBatch]) -> "SampleWindow":
        """Returns the window with newer samples, the oldest dropped beyond `max_positions`.

        Raises: ValueError naming a source that is there already.
        """
        new = [SourceInWindow(b.source, b.model_version, len(b)) for b in batches]
        sources, num_dropped = newest_sources(self.sources, new, self.max_positions)
        samples = Samples.concatenated(
            [self.samples, *(batch.samples for batch in batches)], skip=num_dropped
        )
        return SampleWindow(self.game, self.max_positions, samples, sources)


def samples_of_shard(
    meta: ShardMeta,
    games: GameRecords,
    *,
    name: str,
    validation_share: float,
    game: Any = None,
    untrained_version: int | None = None,
    return_lambda: float | None = None,
    threads: int = 1,
) -> SampleBatch:
    """Replays every move of a shard and returns its samples, in order of play.

    This is the validation of the shard as well: nothing of it counts unless all of it replays.

    Args:
      game: the rules, for games that are not compiled in; None: those the meta names.
      untrained_version: a model version with random weights. Its search values are noise, but for
        proven wins and losses; its samples' values are learned from the results.
      return_lambda: of games without search, whose values are the net's own; None: search has
        found them.
      threads: of the core; they change nothing but the time it takes.
    Raises: ShardError, naming game and ply, if a move is illegal or a result is wrong.
    """
    rules = game if game is not None else load_game(join_spec(meta.game, meta.game_options))
    encoded = encode(rules, games, name=name, mask=SAMPLE_PLIES, threads=threads)
    # In a synchronous run numbers are global and start again in every iteration.
    numbered_by = meta.worker_id if meta.iteration is None else f"iteration {meta.iteration}"
    is_validation = validation_games(numbered_by, games.game_number, share=validation_share)
    search_value = games.search_value[encoded.ply]
    if meta.model_version == untrained_version:
        search_value = np.where(np.abs(search_value) == 1.0, search_value, np.float32(np.nan))
    policy_start, entries = _rows_of(games.policy_start, encoded.ply)
    actions = _action_dtype(rules)
    returns = games.returns[encoded.game, encoded.to_play]
    if rules.num_players == 1:
        values = [rules.search_value(float(r)) for r in games.returns[:, 0]]
        returns = np.array(values, np.float32)[encoded.game]
    if return_lambda is not None:
        search_value = lambda_returns(
            search_value, returns, encoded.to_play, encoded.game, lambda_=return_lambda
        )
    action = games.action[encoded.ply]
    row = np.repeat(np.arange(len(action)), np.diff(policy_start))
    is_played = games.policy_action[entries] == action[row]
    action_prob = np.zeros(len(action), np.float32)
    action_prob[row[is_played]] = games.policy_prob[entries][is_played]
    samples = Samples(
        planes=encoded.planes,
        scalars=encoded.scalars,
        legal_start=encoded.legal_start,
        legal_action=encoded.legal_action.astype(actions, copy=False),
        policy_start=policy_start,
        policy_action=games.policy_action[entries].astype(actions, copy=False),
        policy_prob=games.policy_prob[entries],
        action=action.astype(actions, copy=False),
        action_prob=action_prob,
        search_value=search_value,
        result=returns,
        is_validation=is_validation[encoded.game],
    )
    return SampleBatch(name, meta.model_version, samples)


def _action_dtype(game: Any) -> Any:
    return np.uint16 if game.num_actions <= 1 << 16 else np.int32


def _starts(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    starts = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts


def _rows_of(
    start: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Starts of some rows once only these are kept, and the indices of their entries."""
    counts = start[rows + 1] - start[rows]
    starts = _starts(counts)
    first = np.repeat(start[rows] - starts[:-1], counts)
    return starts, first + np.arange(starts[-1])
