"""How much memory nets have taken so far."""

import resource


def peak_memory_mib(device: str) -> int:
    """Returns the most memory so far, MiB: on a GPU what torch held there for this process, else
    what the process held."""
    if device != "cpu":
        import torch  # loaded already where a net was evaluated there

        return int(torch.cuda.max_memory_reserved(device)) >> 20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
