"""Starts the ranks of a job on this node: a thin front of torchrun.

Every node runs one of these. It starts a process for each of its devices, watches them, ends all of
them when one fails, and starts the group again from its last checkpoint as often as allowed.
"""

import contextlib
import logging
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException, Std
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from zerofleet.fleet.devices import usable_cores, usable_gpus
from zerofleet.fleet.launcher import describe_exit, log_tail
from zerofleet.run.words import counted
from zerofleet.training.group import (
    DEFAULT_PORT,
    GroupError,
    is_taken,
    port_is_taken,
    port_taken_text,
)

SHUTDOWN_SECONDS = 15
"""Between the request to end and SIGKILL, for ranks that hang."""
MEET_SECONDS = 300
"""How long a node waits for the others."""
_LONGEST_EXIT_STATUS = 255


@dataclass(frozen=True)
class Nodes:
    """The nodes of a job, and which of them this is."""

    num_ranks: int
    """On this node; all nodes have equally many."""
    num_nodes: int = 1
    node_rank: int = 0
    master_addr: str = "localhost"
    """Host of node 0."""
    master_port: int | None = None
    """None: any free port on one node, 12355 on several."""

    def check(self) -> None:
        """Raises: GroupError if this cannot be."""
        if self.num_ranks < 1 or self.num_nodes < 1:
            raise GroupError(f"{self.num_ranks} ranks on {self.num_nodes} nodes: expected some")
        if not 0 <= self.node_rank < self.num_nodes:
            raise GroupError(
                f"--node-rank {self.node_rank}: the job has {counted(self.num_nodes, 'node')}, "
                "counted from 0"
            )


def default_ranks() -> int:
    """Ranks of a node when nobody says: one for each of its GPUs, or one on processors."""
    return max(1, usable_gpus())


def run_ranks(
    command: Sequence[str],
    nodes: Nodes,
    *,
    max_restarts: int = 0,
    log_dir: Path | None = None,
) -> int:
    """Runs `python COMMAND` once for each rank of this node, until all have ended.

    Args:
      command: arguments of the interpreter, ("-m", "zerofleet.train", ...).
      max_restarts: times the whole group is started again after a failure.
      log_dir: where the output of all ranks but the first goes, which people see; None: nowhere
        lasting.
    Returns: the exit status of the job: 0, or that of the rank that failed first (128 + n if signal
      n ended it).
    Raises: GroupError if this node cannot be a part of the job.
    """
    nodes.check()
    port = nodes.master_port or (DEFAULT_PORT if nodes.num_nodes > 1 else _free_port())
    if nodes.node_rank == 0 and port_is_taken(port):
        raise GroupError(port_taken_text(port))
    # Otherwise torchrun gives each rank one thread and says so at length.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, usable_cores() // nodes.num_ranks)))
    # Its warnings are about its own defaults; what failed is said below.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    with contextlib.ExitStack() as stack:
        if log_dir is None:
            log_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zerofleet-")))
        logs = _logs(log_dir, nodes)
        config = LaunchConfig(
            min_nodes=nodes.num_nodes,
            max_nodes=nodes.num_nodes,
            nproc_per_node=nodes.num_ranks,
            run_id="zerofleet",
            rdzv_backend="static",
            rdzv_endpoint=f"{nodes.master_addr}:{port}",
            rdzv_configs={"rank": nodes.node_rank, "timeout": MEET_SECONDS},
            max_restarts=max_restarts,
            monitor_interval=0.2,
            shutdown_timeout=SHUTDOWN_SECONDS,
            logs_specs=logs,
        )
        try:
            elastic_launch(config, sys.executable)("-u", *command)
        except ChildFailedError as error:
            return _told(error, logs)
        except SignalException as error:
            return 128 + int(error.sigval)
        except RuntimeError as error:
            if nodes.node_rank == 0 and is_taken(error):
                raise GroupError(port_taken_text(port)) from None
            raise GroupError(
                f"node {nodes.node_rank} of {nodes.num_nodes} and the others did not come "
                f"together at {nodes.master_addr}:{port} within {MEET_SECONDS} s: is node 0 "
                "running, is the address right, does a firewall let the port through? (`zerofleet "
                f"doctor --master-addr {nodes.master_addr} --master-port {port}` tries it)\n"
                f"{str(error).splitlines()[0][:200]}"
            ) from None
    return 0


def _logs(log_dir: Path, nodes: Nodes) -> DefaultLogsSpecs:
    # People see the first rank of the job; the others have nothing to say but why they failed.
    seen = Std.NONE if nodes.node_rank == 0 else Std.ALL
    redirects = {rank: Std.ALL if rank else seen for rank in range(nodes.num_ranks)}
    folder = log_dir / f"ranks-{nodes.node_rank}"
    shutil.rmtree(folder, ignore_errors=True)  # of an earlier job
    folder.mkdir(parents=True)
    return DefaultLogsSpecs(log_dir=str(folder), redirects=redirects)


def _told(error: ChildFailedError, logs: DefaultLogsSpecs) -> int:
    """Says which rank failed first, with the end of its log; returns its exit status."""
    rank, failure = error.get_first_failure()
    text = f"rank {rank} (process {failure.pid}) failed: {describe_exit(failure.exitcode)}"
    found = sorted(Path(logs.root_log_dir).glob(f"*/attempt_*/{failure.local_rank}/stderr.log"))
    tail = log_tail(found[-1]) if found else ""
    if tail:
        text += f"; log: {found[-1]}\n{tail}"
    print(f"zerofleet: {text}", file=sys.stderr, flush=True)
    status = int(failure.exitcode)
    if status < 0:
        status = 128 - status
    return min(max(1, status), _LONGEST_EXIT_STATUS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
    return port
