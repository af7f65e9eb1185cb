"""Self-play games of a run, from its shards, step by step as a page shows them."""

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from zerofleet.games.registry import load_game
from zerofleet.games.spec import join_spec
from zerofleet.monitor.boards import BOARD_GAMES, Board
from zerofleet.records.account import FAST_SEARCH, RANDOM_OPENING, TERMINATION_TEXTS
from zerofleet.records.read import decode_shard
from zerofleet.records.shard import GameRecords, ShardMeta
from zerofleet.run.errors import KeyMissingError
from zerofleet.run.layout import CONSUMED, DATA, base_name, parse_shard_name
from zerofleet.run.store import Store, iterate

MAX_SHARDS = 200
"""Newest shards that are offered."""
MAX_POLICY = 32
"""Moves of a policy that are sent with a position, the most probable first."""
_KEPT = 4

_Document = dict[str, Any]


@dataclass(frozen=True)
class _Shard:
    meta: ShardMeta
    games: GameRecords


class Replays:
    """Reads shards and replays their games; never writes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._shards: OrderedDict[str, _Shard] = OrderedDict()

    def list_shards(self) -> list[_Document]:
        """The newest shards, counted or waiting to be: name, version, worker, batch, bytes."""
        found = {}
        for place in (DATA, CONSUMED):
            for entry in iterate(self._store, place):
                name = base_name(entry.key)
                try:
                    parsed = parse_shard_name(name)
                except ValueError:
                    continue
                found[name] = (parsed.version, parsed.batch, parsed.worker, entry.size_bytes, place)
        newest = sorted(found.items(), key=lambda item: item[1][:3], reverse=True)[:MAX_SHARDS]
        return [
            {
                "name": name,
                "version": version,
                "worker": worker,
                "batch": batch,
                "bytes": size,
                "counted": place == CONSUMED,
            }
            for name, (version, batch, worker, size, place) in newest
        ]

    def list_games(self, name: str) -> _Document:
        """The games of a shard: plies and results. Raises: ShardError, KeyMissingError."""
        shard = self._shard(name)
        games = shard.games
        plies = (games.game_start[1:] - games.game_start[:-1]).tolist()
        return {
            "name": name,
            "game": shard.meta.game,
            "has_board": shard.meta.game in BOARD_GAMES,
            "version": shard.meta.model_version,
            "worker": shard.meta.worker_id,
            "games": [
                {
                    "number": number,
                    "plies": count,
                    "returns": returns,
                    "end": TERMINATION_TEXTS[end],
                }
                for number, count, returns, end in zip(
                    games.game_number.tolist(),
                    plies,
                    games.returns.tolist(),
                    games.termination.tolist(),
                    strict=True,
                )
            ],
        }

    def replay(self, name: str, index: int) -> _Document:
        """One game as frames: the position, the move that led to it, what search thought of it.

        Chance outcomes belong to the frame after them. A move that is illegal ends the frames, with
        `error` saying where: what is in a shard is anybody's.

        Args:
          index: of the game within the shard, from 0.
        Raises: ShardError, KeyMissingError; ValueError for a game or an index that is not there.
        """
        shard = self._shard(name)
        games, meta = shard.games, shard.meta
        if not 0 <= index < games.num_games:
            raise ValueError(f"{name} has games 0 to {games.num_games - 1}; came {index}")
        if meta.game not in BOARD_GAMES:
            raise ValueError(f"there is no board for {meta.game}")
        board = Board(load_game(join_spec(meta.game, meta.game_options)))
        initial = games.initial_text[games.initial_start[index] : games.initial_start[index + 1]]
        text = bytes(initial).decode("utf-8", "replace")
        state = board.game.parse(text) if text else board.game.initial_state()
        frames, error = _frames(board, state, games, index)
        return {
            "name": name,
            "index": index,
            "number": int(games.game_number[index]),
            "game": board.game.name,
            "spec": board.game.spec,
            "columns": board.num_columns,
            "initial": text,
            "version": meta.model_version,
            "worker": meta.worker_id,
            "returns": games.returns[index].tolist(),
            "end": TERMINATION_TEXTS[int(games.termination[index])],
            "frames": frames,
            "error": error,
        }

    def _shard(self, name: str) -> _Shard:
        parse_shard_name(name)  # nothing else is opened
        if name not in self._shards:
            data = _read(self._store, name)
            self._shards[name] = _Shard(*decode_shard(data, name=name))
            while len(self._shards) > _KEPT:
                self._shards.popitem(last=False)
        self._shards.move_to_end(name)
        return self._shards[name]


def _read(store: Store, name: str) -> bytes:
    try:
        return store.read(CONSUMED + name)
    except KeyMissingError:
        pass
    try:
        return store.read(DATA + name)
    except KeyMissingError:
        # The trainer may have moved it between the two looks.
        return store.read(CONSUMED + name)


def frame_of(board: Board, state: Any) -> _Document:
    """The position alone."""
    return {
        "board": board.cells(state),
        "remark": board.remark(state),
        "to_play": -1 if state.is_terminal else state.to_play,
    }


def move_of(board: Board, state: Any, action: int) -> _Document:
    """A legal action in this state: its text and where it is seen."""
    target = board.target(state, action)
    return {
        "action": action,
        "text": board.game.action_to_text(state, action),
        "from": target.source,
        "to": target.cell,
    }


def _frames(
    board: Board, state: Any, games: GameRecords, index: int
) -> tuple[list[_Document], str]:
    frames: list[_Document] = []
    move: _Document | None = None
    actions: list[int] = []
    for ply in range(int(games.game_start[index]), int(games.game_start[index + 1])):
        action = int(games.action[ply])
        if not state.is_terminal and not state.is_chance:
            frame = {**frame_of(board, state), "actions": actions, "move": move}
            frame |= _thoughts(board, state, games, ply)
            frames.append(frame)
            actions = []
            try:
                move = {**move_of(board, state, action), "by": state.to_play}
            except (ValueError, AssertionError, IndexError) as error:
                return frames, f"ply {len(frames)}: {error}"
        try:
            state.apply(action)
        except ValueError as error:
            return frames, f"ply {len(frames)}: {error}"
        actions.append(action)
    frames.append({**frame_of(board, state), "actions": actions, "move": move})
    return frames, ""


def _thoughts(board: Board, state: Any, games: GameRecords, ply: int) -> _Document:
    """What self-play recorded of this position: search value, policy, how the move was chosen."""
    flags, value = int(games.ply_flags[ply]), float(games.search_value[ply])
    first, last = int(games.policy_start[ply]), int(games.policy_start[ply + 1])
    entries = sorted(
        zip(
            games.policy_prob[first:last].tolist(),
            games.policy_action[first:last].tolist(),
            strict=True,
        ),
        reverse=True,
    )
    policy = []
    for probability, action in entries[:MAX_POLICY]:
        try:
            policy.append({**move_of(board, state, action), "policy": round(probability, 4)})
        except (ValueError, AssertionError, IndexError):
            continue  # of no legal move; the trainer refuses such a shard
    return {
        "value": None if math.isnan(value) else round(value, 4),
        "policy": policy,
        "opening": bool(flags & RANDOM_OPENING),
        "fast": bool(flags & FAST_SEARCH),
    }
