"""What a worker of a run can take of memory, before it is started."""

from zerofleet.roles.config import AlphaBetaRunConfig, RunConfig

_MIB = 1 << 20
ALPHA_BETA_BYTES = 100 * _MIB
"""Python, numpy, the core; a worker of ultimate_ttt measured 58 MiB."""
TREE_SEARCH_BYTES = 600 * _MIB
"""The same with torch or OpenVINO and a net; workers of go7 and chess measured 340 to 440 MiB."""
CHUNK_KIB = 16


def worker_memory_bytes(config: RunConfig, threads: int) -> int:
    """An upper bound: that of its trees (docs/self_play.md), which real ones stay far below, and
    what a process takes beside them."""
    if isinstance(config, AlphaBetaRunConfig):
        return ALPHA_BETA_BYTES + threads * config.search.table_kib * 1024
    search, play = config.search, config.selfplay
    tree_kib = search.max_tree_kib or max(4 * CHUNK_KIB, 4 * search.num_simulations)
    trees = (play.num_parallel_games + threads) * (tree_kib + 2 * CHUNK_KIB) * 1024
    return TREE_SEARCH_BYTES + search.cache_mib * _MIB + trees
