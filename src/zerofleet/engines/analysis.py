"""The search behind our engines: one position after another, the tree kept between them.

PUCT without noise, in steps of one batch, so that a search ends at most one batch after it is asked
to. What it found so far is a `Report`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zerofleet.engines.control import Control
from zerofleet.games.evaluation import Evaluator, LeafBatch
from zerofleet.games.protocol import Game
from zerofleet.search.config import MctsConfig
from zerofleet.search.mcts import Mcts

MOST_VISITS = 1_000_000_000
"""Of a root: the tree counts in 32 bits."""

_REPORT_SECONDS = 1.0
"""Between two reports of a search in which nothing changes."""
_LEAST_REPORT_SECONDS = 0.1
_MOST_IDLE_SIMULATIONS = 4096
"""In a row that add no node: everything within reach ends the game, and more changes nothing."""
_LEAST_RATE_SECONDS = 0.05
"""Before this the rate of a search says little."""


@dataclass(frozen=True)
class Line:
    """A first move and what the search thinks follows."""

    actions: tuple[int, ...]
    visits: int
    value: float
    """In [-1, 1], mover's view."""
    wins: bool = False
    """The first move ends the game and wins it."""


@dataclass(frozen=True)
class Report:
    """What a search has found so far."""

    lines: tuple[Line, ...]
    """Of all moves that were looked at, the best first. Never empty."""
    simulations: int
    """Descents of this search."""
    depth: int
    """Plies of the mean descent; at least 1."""
    deepest: int
    """Plies of the longest one."""
    seconds: float
    full: float
    """Share of the tree's memory that is in use."""


class Analysis:
    """Searches positions of one game. One thread at a time."""

    def __init__(
        self, game: Game, evaluator: Evaluator, *, memory_mib: int = 256, batch: int = 8
    ) -> None:
        """Makes a search.

        Args:
          memory_mib: of the tree (three quarters) and of the cache of evaluations.
          batch: leaves that are evaluated together.
        """
        self.game = game
        self._evaluator = evaluator
        self._batch = batch
        self._mcts = Mcts(
            game,
            MctsConfig(
                num_simulations=batch,
                selection="puct",
                leaves_per_round=batch,
                dirichlet_weight=0.0,
                full_search_probability=1.0,
                forced_playouts=0.0,
                max_nodes=1 << 40,  # the memory is the limit
                max_tree_kib=memory_mib * 1024 * 3 // 4,
                cache_mib=memory_mib // 4,
            ),
            evaluator,
        )
        self._start = ""
        self._actions: tuple[int, ...] = ()
        self._state: Any = None
        self._root_actions: tuple[int, ...] | None = None
        """The only moves of the tree's root; empty: all; None: there is no tree."""

    @property
    def state(self) -> Any:
        """The position that is searched; a copy. ValueError before `set_position`."""
        if self._state is None:
            raise ValueError("no position is set")
        return self._state.copy()

    def set_position(self, start: Any, actions: Sequence[int] = ()) -> None:
        """Goes to the position after these actions; what the tree knows about it is kept.

        Args:
          start: any state of the game.
          actions: legal ones, from there on.
        Raises: ValueError for an illegal one, naming it; the position is then as before.
        """
        state = start.copy()
        for action in actions:
            state.apply(action)
        text, new = start.text(), tuple(actions)
        known = len(self._actions)
        if text == self._start and new[:known] == self._actions and self._root_actions is not None:
            for action in new[known:]:
                self._mcts.advance(action)
                self._root_actions = ()
        else:
            self._root_actions = None
        self._start, self._actions, self._state = text, new, state

    def forget(self) -> None:
        """Forgets the tree; the position stays."""
        self._root_actions = None

    def search(
        self,
        control: Control,
        *,
        root_actions: Sequence[int] = (),
        report: Callable[[Report], None] | None = None,
    ) -> Report:
        """Searches the position, in which a player moves.

        A move that ends the game and wins it is found without a search.

        Args:
          root_actions: the first move is one of these; none: any.
          report: told what was found, at most ten times a second; not of the end.
        Raises: what the evaluator raises; the next search then begins a new tree.
        """
        wanted = tuple(sorted(set(root_actions)))
        try:
            if self._root_actions != wanted:
                self._mcts.new_game(self._state, wanted)
                self._root_actions = wanted
            search = _Search(self._mcts, control, self._winning_move(wanted))
            while not control.stopped:
                if search.is_over():
                    if not control.held:
                        break
                    control.wait_while_held()
                    continue
                search.step(self._batch)
                if report is not None and (news := search.news()) is not None:
                    report(news)
        except BaseException:
            self._root_actions = None  # the tree may wait for evaluations that never came
            raise
        return search.report()

    def draw_probability(self, action: int) -> float:
        """How probable a draw is after this action, as the net says (or the rules, at the end).

        0 where the net does not tell draws from decided games.
        """
        state = self.state
        state.apply(action)
        if state.is_terminal:
            return float(state.returns()[0] == 0)
        wdl = self._evaluator(_row_of(state)).wdl
        return 0.0 if wdl is None else float(wdl[0, 1])

    def _winning_move(self, root_actions: Sequence[int]) -> int | None:
        mover = self._state.to_play
        for action in root_actions or self._state.legal_actions():
            state = self._state.copy()
            state.apply(action)
            if state.is_terminal and state.returns()[mover] > 0:
                return action
        return None


class _Search:
    """One search in progress."""

    def __init__(self, mcts: Mcts, control: Control, winning_move: int | None) -> None:
        self._mcts = mcts
        self._control = control
        self._winning_move = winning_move
        self._begun = self._told = time.monotonic()
        self._found = mcts.search(num_simulations=1)
        self._longest_step = time.monotonic() - self._begun
        self._last: Report | None = None
        self._nodes = 0
        self._idle_simulations = 0

    def step(self, batch: int) -> None:
        """Searches on by one batch."""
        limit = self._control.simulations
        left = batch if limit is None else limit - self._found.num_simulations
        before = time.monotonic()
        size = max(1, min(batch, left))
        self._found = self._mcts.resume(size)
        # Of late: neither one hiccup nor one quick step decides for long.
        self._longest_step = max(time.monotonic() - before, 0.9 * self._longest_step)
        nodes = self._mcts.tree_stats.nodes
        self._idle_simulations = self._idle_simulations + size if nodes == self._nodes else 0
        self._nodes = nodes

    def is_over(self) -> bool:
        """Whether a limit is reached that counts now."""
        found, control = self._found, self._control
        if self._winning_move is not None or found.cut_short:
            return True
        if self._idle_simulations >= _MOST_IDLE_SIMULATIONS:
            return True
        if int(found.visits.sum()) >= MOST_VISITS:
            return True
        if control.simulations is not None and found.num_simulations >= control.simulations:
            return True
        if control.depth is not None and self._depth() >= control.depth:
            return True
        left = control.seconds_left
        if left is None:
            return False
        return left <= self._longest_step or (control.may_be_shorter and self._is_decided(left))

    def news(self) -> Report | None:
        """A report, if it is time for one."""
        now = time.monotonic()
        if now - self._told < _LEAST_REPORT_SECONDS:
            return None
        new, last = self.report(), self._last
        changed = last is None or (new.depth, new.lines[0].actions[0]) != (
            last.depth,
            last.lines[0].actions[0],
        )
        if not changed and now - self._told < _REPORT_SECONDS:
            return None
        self._told, self._last = now, new
        return new

    def report(self) -> Report:
        """What is known now."""
        found, stats = self._found, self._mcts.tree_stats
        visited = np.flatnonzero(found.visits)
        order = sorted(visited, key=lambda i: (-found.visits[i], -found.q[i]))
        lines = [
            Line(tuple(self._mcts.line(action)), int(found.visits[i]), float(found.q[i]))
            for i in order
            if (action := int(found.actions[i])) != self._winning_move
        ]
        if self._winning_move is not None:
            lines.insert(0, Line((self._winning_move,), found.num_simulations, 1.0, wins=True))
        return Report(
            lines=tuple(lines),
            simulations=found.num_simulations,
            depth=self._depth(),
            deepest=stats.largest_depth,
            seconds=time.monotonic() - self._begun,
            full=min(1.0, stats.bytes / stats.most_bytes),
        )

    def _depth(self) -> int:
        stats = self._mcts.tree_stats
        return max(1, round(stats.sum_depths / self._found.num_simulations))

    def _is_decided(self, seconds_left: float) -> bool:
        """Whether the second move cannot catch up with the first in the time that is left."""
        visits = self._found.visits
        if len(visits) == 1:
            return True
        seconds = time.monotonic() - self._begun
        if seconds < _LEAST_RATE_SECONDS:
            return False
        second, first = np.partition(visits, -2)[-2:]
        return bool(first - second > self._found.num_simulations / seconds * seconds_left)


def _row_of(state: Any) -> LeafBatch:
    """A batch of one position of a compiled game."""
    planes = state.observation()
    bits = np.packbits(planes.reshape(len(planes), -1).astype(np.uint8), 1, bitorder="little")
    legal = np.array(state.legal_actions(), np.int32)
    return LeafBatch(bits[None], state.scalars()[None], np.array([0, len(legal)]), legal)
