"""Nodes of the readable twin, and the rules by which it selects an edge."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from zerofleet.search.config import MctsConfig

MASK64 = (1 << 64) - 1


@dataclass
class Edge:
    """A visited action. Values are from the view of the player who chose it."""

    prior: float
    node: "Node"
    visits: int = 0
    value_sum: float = 0.0
    in_flight: int = 0

    @property
    def q(self) -> float:
        """Mean of the values seen."""
        return self.value_sum / self.visits


@dataclass
class Node:
    """A position. `edges` are in the order of their first visits."""

    state: Any
    mover: int
    """Whose view the values of its edges take; at chance nodes, of the player who moved into it."""
    kind: str = "pending"
    """pending (awaits its evaluation), decision, chance or terminal."""
    value: float = 0.0
    """The net's, mover's view; at the end the result for player 0 on the scale of search."""
    priors: dict[int, float] = field(default_factory=dict)
    """Of all actions, or the probabilities of all outcomes."""
    edges: dict[int, Edge] = field(default_factory=dict)

    def unvisited(self) -> int | None:
        """The unvisited action of largest prior; of equals the lowest, of outcomes a drawn one."""
        rest = [a for a in self.priors if a not in self.edges]
        return max(rest, key=lambda a: (self.priors[a], self._tie(a)), default=None)

    def _tie(self, action: int) -> int:
        if self.kind != "chance":
            return -action
        salt = mix64(self.state.hash) & 0xFFFFFFFF
        return derive_seed(salt, action) & 0xFFFFFFFF


def exploration(visits: int, config: MctsConfig) -> float:
    """c(n) * sqrt(n) (Schrittwieser et al. 2020, appendix B)."""
    c = config.c_puct
    if config.c_puct_base > 0:
        c += math.log((1 + visits + config.c_puct_base) / config.c_puct_base)
    return c * math.sqrt(visits)


def select_puct(node: Node, visits: int, mean: float, config: MctsConfig, fpu: float) -> int:
    """argmax Q + c(n) sqrt(n) P / (1 + visits) over visited actions and the best unvisited one."""
    scale = exploration(visits, config)
    best, best_score, visited_prior = -1, -math.inf, 0.0
    for a, edge in node.edges.items():
        n = edge.visits + edge.in_flight
        q = (edge.value_sum - config.virtual_loss * edge.in_flight) / n
        score = q + scale * edge.prior / (1 + n)
        visited_prior += edge.prior
        if score > best_score:
            best, best_score = a, score
    a_next = node.unvisited()
    if a_next is not None:
        q = mean - fpu * math.sqrt(visited_prior)
        if q + scale * node.priors[a_next] > best_score:
            return a_next
    return best


def completed_q(node: Node, config: MctsConfig) -> tuple[Callable[[int], float], float, float]:
    """Completed Q-values (Danihelka et al. 2022, section 4 and appendix D).

    Returns: sigma of an action, sigma of every unvisited one, the prior of the unvisited ones.
    """
    visited = {a: e for a, e in node.edges.items() if e.visits > 0}
    visits, prior, weighted = 0, 0.0, 0.0
    for edge in visited.values():  # not sum(), which rounds differently
        visits += edge.visits
        prior += edge.prior
        weighted += edge.prior * edge.q
    mixed = node.value
    if prior > 0:
        mixed = (node.value + visits * (weighted / prior)) / (visits + 1)
    values = [e.q for e in visited.values()]
    unvisited_prior = 0.0
    unvisited_edges = len(visited) < len(node.priors)
    if unvisited_edges:
        values.append(mixed)
        unvisited_prior = max(0.0, 1 - prior)
    low, high = min(values), max(values)
    if not unvisited_edges:
        mixed = high  # stands for nothing
    most = max((e.visits for e in visited.values()), default=0)
    factor = (config.c_visit + most) * config.c_scale
    if config.rescale_q:
        factor /= max(high - low, 1e-8)

    def sigma(a: int) -> float:
        q = visited[a].q if a in visited else mixed
        return (q - high) * factor

    return sigma, (mixed - high) * factor, unvisited_prior


def select_gumbel(node: Node, visits: int, mean: float, config: MctsConfig, fpu: float) -> int:
    """argmax pi'(a) - n(a) / (1 + sum n), pi' = softmax(logits + sigma(q)) (section 5 there)."""
    a_next = node.unvisited()
    if not node.edges:
        assert a_next is not None
        return a_next
    sigma, rest, unvisited_prior = completed_q(node, config)
    unvisited = math.exp(rest)
    weights = {
        a: edge.prior * (math.exp(sigma(a)) if edge.visits else unvisited)
        for a, edge in node.edges.items()
    }
    total = unvisited_prior * unvisited
    for a, edge in node.edges.items():
        if edge.visits > 0:
            total += weights[a]
    best, best_score = -1, -math.inf
    for a, edge in node.edges.items():
        score = weights[a] / total - (edge.visits + edge.in_flight) / (1 + visits)
        if score > best_score:
            best, best_score = a, score
    if a_next is not None and node.priors[a_next] * unvisited / total > best_score:
        return a_next
    return best


RULES: dict[str, Callable[[Node, int, float, MctsConfig, float], int]] = {
    "puct": select_puct,
    "gumbel": select_gumbel,
}
"""What `search.selection` may be: the edge to descend from a node where a player moves, from the
visits of its edges, the mean of all values seen there (mover's view), and the reduction of
first-play urgency. Gumbel has a root of its own."""


def select_outcome(node: Node, visits: int) -> int:
    """The outcome whose visits lag most behind its probability."""
    best, best_lag = -1, -math.inf
    for o, edge in node.edges.items():
        lag = edge.prior * (visits + 1) - (edge.visits + edge.in_flight)
        if lag > best_lag:
            best, best_lag = o, lag
    o_next = node.unvisited()
    if o_next is not None and node.priors[o_next] * (visits + 1) > best_lag:
        return o_next
    return best


def chance_value(node: Node) -> float:
    """Probability-weighted mean of the visited outcomes."""
    total = probability = 0.0
    for edge in node.edges.values():
        if edge.visits:
            total += edge.prior * edge.q
            probability += edge.prior
    return total / probability


def mix64(x: int) -> int:
    """base/rng.h: the finaliser of splitmix64."""
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MASK64
    x = (x ^ x >> 27) * 0x94D049BB133111EB & MASK64
    return x ^ x >> 31


def derive_seed(a: int, b: int) -> int:
    """base/rng.h."""
    return mix64(mix64(a + 0x9E3779B97F4A7C15 & MASK64) ^ (b + 0xD1B54A32D192ED03 & MASK64))
