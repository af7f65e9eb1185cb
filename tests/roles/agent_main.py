"""A launcher on one node, as a script for the fork server: runs `python -c CODE` as its ranks.

agent_main.py CODE RANKS NODES NODE_RANK PORT MAX_RESTARTS [LOG_DIR]
"""

import sys
from pathlib import Path

from zerofleet.training.group import GroupError
from zerofleet.training.launch import Nodes, run_ranks

if __name__ == "__main__":
    code, *numbers = sys.argv[1:7]
    ranks, nodes, node, port, restarts = map(int, numbers)
    log_dir = Path(sys.argv[7]) if sys.argv[7:] else None
    place = Nodes(ranks, nodes, node, "127.0.0.1", port or None)
    try:
        sys.exit(run_ranks(["-c", code], place, max_restarts=restarts, log_dir=log_dir))
    except GroupError as error:
        print(f"zerofleet: {error}")
        sys.exit(1)
