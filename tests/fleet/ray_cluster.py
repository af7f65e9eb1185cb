"""A Ray cluster on this machine: every node has its own processes, as two machines would."""

import contextlib
import os
import signal
import time

from support import PATIENCE, require

NODE = {"object_store_memory": 80 * 2**20}


class TwoNodes:
    """The head, which is the machine of the trainer and has no room for a worker, and a node."""

    def __init__(self, num_cpus=2):
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        require("ray")
        from ray.cluster_utils import Cluster

        self.cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 0, "include_dashboard": False, **NODE},
        )
        self.address = self.cluster.address
        self.node = self.cluster.add_node(num_cpus=num_cpus, **NODE)

    def kill_node(self):
        """As a power cut: everything that runs on the node is gone at once, in no order."""
        psutil = require("psutil")
        raylet = next(
            info.process.pid
            for kind, infos in self.node.all_processes.items()
            for info in infos
            if kind == "raylet"
        )
        # What runs on a node descends from its raylet: workers, and what they start.
        family = psutil.Process(raylet).children(recursive=True)
        killed = [process.pid for process in family]
        for pid in [*killed, raylet]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.cluster.remove_node(self.node, allow_graceful=False)
        return killed

    def add_node(self, num_cpus=2):
        self.node = self.cluster.add_node(num_cpus=num_cpus, **NODE)

    def end(self):
        self.cluster.shutdown()


def wait_for(condition, what, seconds=180 * PATIENCE):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds:.0f} s for {what}")
