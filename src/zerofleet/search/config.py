"""Settings of the searches."""

from typing import Literal

from pydantic import Field

from zerofleet.run.frozen import MAX_INT, FrozenModel


class AlphaBetaConfig(FrozenModel):
    """Alpha-beta over an NNUE net (docs/alphabeta.md)."""

    depth: int = Field(default=8, ge=1, le=100)
    """Plies searched before quiescence; a game near its end is searched to the end."""
    nodes: int = Field(default=0, ge=0, le=10**15)
    """Positions a search may enter, exact, so that games stay reproducible; 0: no limit. Whichever
    of depth and nodes comes first; one ply is always finished."""
    reductions: bool = True
    """Late-move reductions: moves late in the order are searched less deeply until they prove
    better than expected. Off: the value is exactly that of plain minimax."""
    quiescence: bool = True
    """Follow moves that win a small board or the game beyond the depth limit."""
    aspiration: int = Field(default=96, ge=0, le=30_000)
    """Half-width of the first window around the last iteration's score, in score units (512 are one
    logit of the win probability); 0: always full windows. Changes time, never the value of a search
    without reductions."""
    table_kib: int = Field(default=512, ge=1, le=1 << 20)
    """Size of a thread's transposition table, KiB, rounded down to a power of two. Cleared for
    every game, so bigger is not faster."""


class MctsConfig(FrozenModel):
    """Tree search over a net (docs/tree_search.md)."""

    num_simulations: int = Field(default=200, ge=1, le=10_000_000)
    """Descents of a full search; those kept from the previous move do not count."""
    selection: Literal["puct", "gumbel", "none"] = "gumbel"
    """gumbel: Gumbel root, sequential halving and completed-Q targets (Danihelka et al. 2022), good
    with few simulations. puct: AlphaZero's rule (Silver et al. 2018). none: no search; a move takes
    one evaluation and is drawn from the net's policy (docs/policy_gradient.md)."""
    leaves_per_round: int = Field(default=1, ge=1, le=1024)
    """Leaves of one tree that are evaluated together. More fill a device with fewer games and
    search a little worse."""
    virtual_loss: float = Field(default=1.0, ge=0)
    """PUCT: a descent whose leaf awaits its evaluation counts as a visit that lost by this much
    (Silver et al. 2016, Methods)."""

    c_puct: float = Field(default=1.25, ge=0)
    """PUCT: exploration constant (c_1 in Schrittwieser et al. 2020, appendix B)."""
    c_puct_base: float = Field(default=0.0, ge=0)
    """PUCT: makes exploration grow by log((1 + n + base) / base) after n visits (c_2 there, 19652);
    0: constant."""
    fpu_reduction: float = Field(default=0.2, ge=0)
    """PUCT: an unvisited action is worth the node's mean value minus this times the square root of
    the prior of all visited ones (first-play urgency; Wu 2019, section 2)."""
    root_fpu_reduction: float = Field(default=0.0, ge=0)
    """PUCT: the same at the root (Wu 2019: 0 with Dirichlet noise)."""
    dirichlet_alpha: float = Field(default=0.0, ge=0)
    """PUCT: concentration of the root noise, drawn once per move of a full search (Silver et al.
    2018: 0.3 chess, 0.03 Go); 0: dirichlet_total / number of legal actions."""
    dirichlet_total: float = Field(default=10.0, gt=0)
    """PUCT: sum of the concentrations over the legal actions (Silver et al. 2017 in Wu's terms:
    0.03 x 361 = 10.83)."""
    dirichlet_weight: float = Field(default=0.25, ge=0, le=1)
    """PUCT: share of the noise in the root's priors (Silver et al. 2017); 0: none, for matches."""

    max_considered_actions: int = Field(default=16, ge=1, le=MAX_INT)
    """Gumbel: actions the root samples without replacement (m in Danihelka et al. 2022)."""
    c_visit: float = Field(default=50.0, ge=0)
    """Gumbel: sigma(q) = (c_visit + largest visit count) * c_scale * q (equation 8 there)."""
    c_scale: float = Field(default=0.1, ge=0)
    """Gumbel: see c_visit; 0.1 as in mctx, with rescale_q."""
    rescale_q: bool = True
    """Gumbel: the completed Q-values of a node are first mapped to [0, 1], as in mctx."""
    gumbel_scale: float = Field(default=1.0, ge=0)
    """Gumbel: factor of the noise; 0 for matches."""

    full_search_probability: float = Field(default=0.25, ge=0, le=1)
    """Playout-cap randomisation (Wu 2019, section 3.1): moves searched in full; the others get a
    fast search without PUCT's noise and no policy target. 1: all in full."""
    fast_simulations: int = Field(default=0, ge=0, le=10_000_000)
    """Descents of a fast search; 0: a sixth of num_simulations (Wu 2019: 100 of 600)."""
    forced_playouts: float = Field(default=2.0, ge=0)
    """PUCT, full searches: root actions that were visited get at least sqrt(k * prior * visits),
    and the policy target is pruned of them (k; Wu 2019, section 3.2); 0: off."""

    reuse_subtree: bool = True
    """Keep what the tree knows of the move played (Silver et al. 2017)."""
    max_nodes: int = Field(default=0, ge=0, le=10**15)
    """Nodes of a tree; a kept subtree that leaves no room for the next search is forgotten. 0:
    eight times what one search can add."""
    max_tree_kib: int = Field(default=0, ge=0, le=1 << 40)
    """Memory of a tree, KiB. A kept subtree of more than two thirds of it is forgotten; a tree that
    reaches it ends the search of its move, with the simulations done. 0: 4 for each simulation of a
    move, or three times what these can need where that is less; 64 at least."""
    cache_mib: int = Field(default=256, ge=0, le=1 << 24)
    """Evaluation cache shared by all games of a process, MiB; 0: none. Never changes a result. At
    least 1 and, where a position has many legal moves, more: 2 in chess and Go 19 x 19."""
