"""Where the games of a run get their seeds from."""

import hashlib


def iteration_seed(run_seed: int, iteration: int) -> int:
    """64-bit seed of an iteration's games; the core derives each game's from it and its number."""
    return _seed(f"{run_seed}/iteration {iteration}")


def worker_seed(run_seed: int, worker: str) -> int:
    """64-bit seed of a worker's games; the core derives each game's from it and its number."""
    return _seed(f"{run_seed}/{worker}")


def _seed(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
