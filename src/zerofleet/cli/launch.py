"""`zerofleet launch`: the ranks of a training job on this node."""

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from zerofleet.train import DEFAULTS, Count, TrainOptions


def launch(
    *,
    gpus: Annotated[Count | None, Parameter(name=["--gpus", "--gpus-per-node"])] = None,
    nodes: Count = 1,
    node_rank: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    master_addr: str = "localhost",
    master_port: Annotated[int | None, Parameter(validator=Number(gte=1, lte=65535))] = None,
    max_restarts: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    options: TrainOptions = DEFAULTS,
) -> int:
    """Train on all GPUs of this node, and of others that are started in the same way.

    Starts a rank of `python -m zerofleet.train` for each device, as torchrun does, and ends with
    the exit status of the job. On several nodes run it on each, with its own --node-rank; node 0 is
    the one whose address all others are given. When a rank fails, all of them end; with
    --max-restarts the group starts again from its last checkpoint.

    Examples:

        zerofleet launch --data games/ --batch-size 1024 --mixed-precision

        zerofleet launch --gpus 8 --nodes 2 --node-rank 0 --master-addr 10.0.0.1 --data games/

        zerofleet launch --gpus 8 --nodes 2 --node-rank 1 --master-addr 10.0.0.1 --data games/

        zerofleet launch --gpus 2 --device cpu --recipe connect_four --data runs/connect_four

    Parameters
    ----------
    gpus
        Ranks of this node (default: its GPUs, or one rank on processors).
    nodes
        Nodes of the job.
    node_rank
        Number of this node, from 0.
    master_addr
        Host name or address of node 0.
    master_port
        A port of node 0 that the others reach (default: 12355; on one node any free one).
    max_restarts
        Times the group is started again after a failure.
    """
    from zerofleet.run.threads import calm_threads

    calm_threads()
    from zerofleet.training.launch import Nodes, default_ranks, run_ranks

    options.check(has_data=node_rank == 0)
    return run_ranks(
        ["-m", "zerofleet.train", *options.arguments()],
        Nodes(
            gpus or default_ranks(),
            num_nodes=nodes,
            node_rank=node_rank,
            master_addr=master_addr,
            master_port=master_port,
        ),
        max_restarts=max_restarts,
        log_dir=options.log_dir,
    )
