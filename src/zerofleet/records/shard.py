"""What a shard holds: `GameRecords`, flat arrays over all plies, and `ShardMeta`, where from.

Letters of shapes: G games, P plies of all games, K policy entries of all plies, N players,
M characters of start positions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zerofleet.run.frozen import FrozenModel

FORMAT_VERSION = 1
"""Version of the shard format this program writes, and the newest it reads."""


@dataclass(frozen=True)
class GameRecords:
    """Finished games. Flags and terminations are explained in `_core` (PLY_*, TERMINATION_*)."""

    game_start: NDArray[np.int64]
    """[G+1] first ply of each game; rises by at least 1; the last is P."""
    action: NDArray[np.int32]
    """[P] every action, chance outcomes included."""
    ply_flags: NDArray[np.uint8]
    """[P] bits: 1 policy target, 2 value target, 4 chance, 8 random opening, 16 fast, 32 quiet."""
    search_value: NDArray[np.float32]
    """[P] search value from the mover's view in [-1, 1], NaN where none."""
    policy_start: NDArray[np.int64]
    """[P+1] into the two below; entries exactly at plies whose policy is a target."""
    policy_action: NDArray[np.int32]
    """[K] legal actions, strictly ascending within a ply."""
    policy_prob: NDArray[np.float16]
    """[K] each at least 1/1024 of the largest of its ply; sums to 1."""
    returns: NDArray[np.float32]
    """[G, N] outcome, index = player."""
    termination: NDArray[np.uint8]
    """[G] 0 played to the end, 1 adjudicated, 2 resigned, 3 ended for its length."""
    game_number: NDArray[np.int64]
    """[G] distinct; of the whole run in synchronous runs, else of the worker."""
    initial_text: NDArray[np.uint8]
    """[M] UTF-8 texts of non-standard start positions, one after the other."""
    initial_start: NDArray[np.int64]
    """[G+1] into initial_text; no characters: the game starts as the rules say."""

    @property
    def num_games(self) -> int:
        """G."""
        return len(self.termination)

    @property
    def num_plies(self) -> int:
        """P."""
        return len(self.action)

    def take(self, games: NDArray[np.int64]) -> "GameRecords":
        """Some of the games, i64 [any number] of indices, in this order."""
        plies, game_start = _rows_of(self.game_start, games)
        entries, policy_start = _rows_of(self.policy_start, plies)
        characters, initial_start = _rows_of(self.initial_start, games)
        return GameRecords(
            game_start=game_start,
            action=self.action[plies],
            ply_flags=self.ply_flags[plies],
            search_value=self.search_value[plies],
            policy_start=policy_start,
            policy_action=self.policy_action[entries],
            policy_prob=self.policy_prob[entries],
            returns=self.returns[games],
            termination=self.termination[games],
            game_number=self.game_number[games],
            initial_text=self.initial_text[characters],
            initial_start=initial_start,
        )

    @classmethod
    def concatenated(cls, parts: Sequence["GameRecords"]) -> "GameRecords":
        """The games of all parts, at least one of them, one after the other."""
        columns: dict[str, NDArray[Any]] = {}
        for name in (field.name for field in fields(cls)):
            arrays = [getattr(part, name) for part in parts]
            if name in ("game_start", "policy_start", "initial_start"):
                counts = np.concatenate([np.diff(array) for array in arrays])
                columns[name] = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
            else:
                columns[name] = np.concatenate(arrays)
        return cls(**columns)

    @classmethod
    def without_policy(
        cls,
        *,
        game_start: NDArray[np.int64],
        action: NDArray[np.int32],
        ply_flags: NDArray[np.uint8],
        search_value: NDArray[np.float32],
        returns: NDArray[np.float32],
        termination: NDArray[np.uint8],
        game_number: NDArray[np.int64],
    ) -> "GameRecords":
        """Records of games from the normal start without policy targets, as alpha-beta plays."""
        return cls(
            game_start=game_start,
            action=action,
            ply_flags=ply_flags,
            search_value=search_value,
            policy_start=np.zeros(len(action) + 1, np.int64),
            policy_action=np.zeros(0, np.int32),
            policy_prob=np.zeros(0, np.float16),
            returns=returns,
            termination=termination,
            game_number=game_number,
            initial_text=np.zeros(0, np.uint8),
            initial_start=np.zeros(len(termination) + 1, np.int64),
        )


def _rows_of(
    start: NDArray[np.int64], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the entries of some rows of a ragged array, and where those rows start then."""
    counts = start[rows + 1] - start[rows]
    starts = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    return np.repeat(start[rows] - starts[:-1], counts) + np.arange(starts[-1]), starts


# dtype and number of dimensions of each array, by name and in the order of the file.
ARRAYS: dict[str, tuple[np.dtype[Any], int]] = {
    "game_start": (np.dtype("<i8"), 1),
    "action": (np.dtype("<i4"), 1),
    "ply_flags": (np.dtype("u1"), 1),
    "search_value": (np.dtype("<f4"), 1),
    "policy_start": (np.dtype("<i8"), 1),
    "policy_action": (np.dtype("<i4"), 1),
    "policy_prob": (np.dtype("<f2"), 1),
    "returns": (np.dtype("<f4"), 2),
    "termination": (np.dtype("u1"), 1),
    "game_number": (np.dtype("<i8"), 1),
    "initial_text": (np.dtype("u1"), 1),
    "initial_start": (np.dtype("<i8"), 1),
}
assert list(ARRAYS) == [field.name for field in fields(GameRecords)]


def recorded_name(game: Any) -> str:
    """What `ShardMeta.game` calls these rules: a file of rules by its name, wherever it lies."""
    return str(game.name).rpartition("/")[2]


class ShardMeta(FrozenModel):
    """Where a shard comes from. `run_id`, `session` and `host` differ between equal runs; all else
    is reproducible."""

    format_version: int = FORMAT_VERSION
    """Version of the shard format."""
    kind: Literal["games"] = "games"
    """Workers write games only."""
    game: str = Field(min_length=1, max_length=64)
    """Name of the game, as `recorded_name` gives it."""
    game_options: dict[str, Any] = Field(default_factory=dict)
    """Options of the game."""
    model_version: int = Field(ge=0)
    """Version of the model that played; the file's name repeats it."""
    model_sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    """Of the model's file; empty if no model played."""
    worker_id: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """The worker; the file's name repeats it."""
    batch: int = Field(ge=0)
    """With the worker the identity of the shard; the file's name repeats it."""
    run_seed: int
    """Seed of the run."""
    run_id: str = Field(default="", max_length=64)
    """Of the run whose model played, from its manifest; a run counts no games of another one."""
    iteration: int | None = Field(default=None, ge=0)
    """Synchronous runs: the iteration; else none."""
    share_revision: int | None = Field(default=None, ge=0)
    """Synchronous runs: the revision of the share; else none."""
    search: dict[str, Any] = Field(default_factory=dict)
    """Settings of search and self-play that the games depend on."""
    evaluator_backend: str = ""
    """What evaluated positions, such as nnue; part of what games depend on."""
    evaluator_batch: int | None = Field(default=None, ge=1)
    """Positions evaluated at once, where results may depend on it."""
    software_version: str = ""
    """Of this package."""
    session: str = ""
    """The worker's session; differs at each start."""
    host: dict[str, Any] = Field(default_factory=dict)
    """Facts for people: host name, threads, seconds, rates."""
