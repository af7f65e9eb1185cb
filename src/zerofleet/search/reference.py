"""Tree search as one would explain it: the readable twin of the C++ core, used by tests.

Slow and plain: every node holds its own copy of the state, and nothing is pruned or reused. It
makes the same decisions as the core with the same arithmetic (double precision, sums in the order
of first visits), so visit counts are equal, not merely close.

It works on anything with the Python face of a game and knows no random numbers: noise is given.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zerofleet.search.config import MctsConfig
from zerofleet.search.reference_rules import (
    RULES,
    Edge,
    Node,
    chance_value,
    completed_q,
    exploration,
    select_outcome,
)

Evaluate = Callable[[Any], tuple[Mapping[int, float], float]]
"""From a state to the priors of its legal actions (float32 numbers) and the mover's value."""


@dataclass
class ReferenceResult:
    """What a search found, by legal action."""

    action: int
    value: float
    visits: dict[int, int]
    policy: dict[int, float]
    q: dict[int, float]


Path = list[tuple[Node, int]]


class ReferenceMcts:
    """One search of one position."""

    def __init__(
        self,
        config: MctsConfig,
        evaluate: Evaluate,
        *,
        search_value: Callable[[float], float] = float,
    ) -> None:
        """`search_value`: from a return of player 0 to [-1, 1]; one-player games need it."""
        self.config = config
        self.evaluate = evaluate
        self.search_value = search_value

    def search(
        self, state: Any, *, noise: Mapping[int, float] | None = None, fast: bool = False
    ) -> ReferenceResult:
        """Searches a position where a player moves.

        Args:
          noise: by legal action: Gumbel(0, 1) draws, or for PUCT a point of the simplex.
          fast: without forced playouts; the number of simulations is the config's all the same.
        """
        self.fast = fast
        self.root = Node(state.copy(), state.to_play)
        self._evaluate(self.root)
        self.root.kind = "decision"
        self.root_visits, self.root_sum, self.in_flight = 1, self.root.value, 0
        self.raw_priors = dict(self.root.priors)
        gumbel = self.config.selection == "gumbel"
        if gumbel:
            self._start_gumbel(noise or {})
        elif noise:
            weight = self.config.dirichlet_weight
            for a, p in self.raw_priors.items():
                self.root.priors[a] = float(np.float32((1 - weight) * p + weight * noise[a]))
        started = 0
        while started < self.config.num_simulations:
            waiting: list[Path] = []
            while started < self.config.num_simulations:
                path, node = self._descend()
                if node is None:
                    break  # met a leaf of this round
                started += 1
                if node.kind == "terminal":
                    self._back_up(path, node.value)
                else:
                    self._evaluate(node)
                    waiting.append(path)
                if gumbel and self._end_of_phase() and waiting:
                    break
                if len(waiting) == self.config.leaves_per_round:
                    break
            for path in waiting:
                node = path[-1][0].edges[path[-1][1]].node
                node.kind = "decision"
                self._back_up(path, node.value if node.mover == 0 else -node.value)
        return self._result()

    # 1. Select.

    def _descend(self) -> tuple[Path, Node | None]:
        """The path of a new simulation and its last node; None if that awaits its evaluation."""
        node = self.root
        path: Path = []
        action = self._select_root()
        while action in node.edges:
            edge = node.edges[action]
            if edge.node.kind == "pending":
                for visited, chosen in path:
                    visited.edges[chosen].in_flight -= 1
                return path, None
            visits = edge.visits + edge.in_flight
            edge.in_flight += 1
            path.append((node, action))
            if edge.node.kind == "terminal":
                self.in_flight += 1
                return path, edge.node
            below = edge.node
            if below.kind == "chance":
                action = select_outcome(below, visits)
            else:
                mean = edge.q if below.mover == node.mover else -edge.q
                rule = RULES[self.config.selection]
                action = rule(below, visits - 1, mean, self.config, self.config.fpu_reduction)
            node = below
        # 2. Expand; a chance node goes on with one of its outcomes.
        while True:
            state = node.state.copy()
            state.apply(action)
            new = self._node(state, node.mover)
            node.edges[action] = Edge(node.priors[action], new, in_flight=1)
            path.append((node, action))
            if new.kind != "chance":
                self.in_flight += 1
                return path, new
            node, outcome = new, new.unvisited()
            assert outcome is not None
            action = outcome

    def _node(self, state: Any, last_mover: int) -> Node:
        if state.is_terminal:
            value = float(np.float32(self.search_value(state.returns()[0])))
            return Node(state, -1, "terminal", value)
        if state.is_chance:
            priors = {o: float(np.float32(p)) for o, p in state.chance_outcomes()}
            return Node(state, last_mover, "chance", priors=priors)
        return Node(state, state.to_play)

    def _evaluate(self, node: Node) -> None:
        priors, value = self.evaluate(node.state)
        node.priors = {a: float(p) for a, p in priors.items()}
        node.value = float(value)

    def _select_root(self) -> int:
        config, root = self.config, self.root
        if config.selection == "gumbel":
            return self._select_considered(lambda visits: visits == self.considered_visits)
        visits = self.root_visits - 1 + self.in_flight
        if config.forced_playouts > 0 and not self.fast:
            for a, edge in root.edges.items():
                owed = math.sqrt(config.forced_playouts * edge.prior * visits)
                if edge.visits + edge.in_flight < owed:
                    return a
        mean = self.root_sum / self.root_visits
        return RULES[config.selection](root, visits, mean, config, config.root_fpu_reduction)

    # 3. Back up.

    def _back_up(self, path: Path, value_p0: float) -> None:
        for i in reversed(range(len(path))):
            node, action = path[i]
            edge = node.edges[action]
            edge.value_sum += value_p0 if node.mover == 0 else -value_p0
            edge.visits += 1
            edge.in_flight -= 1
            if node.kind == "chance":
                # Above, the visit changes the sum to what the node's weighted mean says.
                parent, chosen = path[i - 1]
                above = parent.edges[chosen]
                mean_p0 = chance_value(node) if node.mover == 0 else -chance_value(node)
                sum_p0 = above.value_sum if parent.mover == 0 else -above.value_sum
                value_p0 = mean_p0 * (above.visits + 1) - sum_p0
        self.root_visits += 1
        self.root_sum += value_p0 if self.root.mover == 0 else -value_p0
        self.in_flight -= 1

    # The Gumbel root: sequential halving over the considered actions.

    def _start_gumbel(self, noise: Mapping[int, float]) -> None:
        tiny = float(np.finfo(np.float32).tiny)
        self.score = {
            a: noise.get(a, 0.0) + math.log(max(p, tiny)) for a, p in self.raw_priors.items()
        }
        ranked = sorted(self.score, key=lambda a: (-self.score[a], a))
        self.considered = ranked[: self.config.max_considered_actions]
        self.num_considered = len(self.considered)
        self.num_phases = math.ceil(math.log2(self.num_considered))
        self.considered_visits = self.position = 0
        self.sweeps = self._sweeps()

    def _sweeps(self) -> int:
        """Visits of each action left, in one phase."""
        if self.num_considered <= 1:
            return 0
        share = self.num_phases * self.num_considered
        return max(1, self.config.num_simulations // share)

    def _end_of_phase(self) -> bool:
        """Counts a simulation; True if half of the actions are dropped now."""
        if self.num_considered <= 1:
            self.considered_visits += 1
            return False
        self.position += 1
        if self.position < self.num_considered:
            return False
        self.position = 0
        self.considered_visits += 1
        self.sweeps -= 1
        if self.sweeps > 0:
            return False
        self.num_considered = max(2, self.num_considered // 2)
        self.sweeps = self._sweeps()
        return True

    def _select_considered(self, wanted: Callable[[int], bool]) -> int:
        """The considered action of largest gumbel + logit + sigma(q) whose visits are wanted."""
        sigma, _, _ = completed_q(self.root, self.config)

        def visits(a: int) -> int:
            edge = self.root.edges.get(a)
            return edge.visits + edge.in_flight if edge else 0

        # Visited ones first, in the order of their first visit, as everywhere.
        order = [a for a in self.root.edges if a in self.considered]
        order += [a for a in self.considered if a not in self.root.edges]
        candidates = [a for a in order if wanted(visits(a))]
        return max(candidates, key=lambda a: self.score[a] + sigma(a))

    # What was found.

    def _result(self) -> ReferenceResult:
        config, root = self.config, self.root
        visits = {a: root.edges[a].visits if a in root.edges else 0 for a in self.raw_priors}
        if config.selection == "gumbel":
            most = max(visits.values())
            action = self._select_considered(lambda n: n == most)
            sigma, _, _ = completed_q(root, config)
            weights = {a: p * math.exp(sigma(a)) for a, p in self.raw_priors.items()}
        else:
            action = max(root.edges, key=lambda a: root.edges[a].visits)
            forced = config.forced_playouts > 0 and not self.fast
            weights = {a: float(n) for a, n in (self._pruned() if forced else visits).items()}
        total = sum(weights.values())
        return ReferenceResult(
            action,
            self.root_sum / self.root_visits,
            dict(sorted(visits.items())),
            {a: weights.get(a, 0.0) / total for a in sorted(self.raw_priors)},
            {a: root.edges[a].q for a in sorted(root.edges)},
        )

    def _pruned(self) -> dict[int, int]:
        """Visits without those that were only forced (Wu 2019, section 3.2)."""
        edges, total = self.root.edges, self.root_visits - 1
        scale = exploration(total, self.config)
        best = max(edges, key=lambda a: edges[a].visits)

        def score(edge: Edge, visits: float) -> float:
            return edge.q + scale * edge.prior / (1 + visits)

        limit = score(edges[best], edges[best].visits)
        pruned = {}
        for a, edge in edges.items():
            visits = edge.visits
            if a != best:
                owed = int(math.sqrt(self.config.forced_playouts * edge.prior * total))
                least = max(0, edge.visits - owed)
                while visits > least and score(edge, visits - 1) < limit:
                    visits -= 1
                if visits <= 1 and visits < edge.visits:
                    visits = 0
            pruned[a] = visits
        return pruned
