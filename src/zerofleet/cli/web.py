"""`zerofleet web`: the page of a run, for a browser."""

import contextlib
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from zerofleet.cli.options import Flag, PlaceArgument


def web(
    run_dir: PlaceArgument,
    *,
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 8420,
    host: str = "127.0.0.1",
    allow_play: Flag = False,
) -> int:
    """Show a run in a browser: one page that follows it live, with its games.

    Works on a run that goes on, has ended or died, and never writes into it. Only this machine can
    open the page, unless you name another address with --host: then it needs the token that is
    part of the address printed here, once. The traffic is not encrypted: over a network you do not
    trust, leave the page on loopback and use `ssh -L 8420:localhost:8420 HOST`.

    Examples:

        zerofleet web runs/connect_four

        zerofleet web runs/connect_four --allow-play --port 8500

        zerofleet web s3://bucket/run

        zerofleet web runs/go9 --host 0.0.0.0

    Parameters
    ----------
    port
        Where to listen; 0: any port that is free.
    host
        Address to listen at; 127.0.0.1: this machine alone; 0.0.0.0: all addresses.
    allow_play
        Offer games against the net on the page; each of its moves takes time of this machine.
    """
    from zerofleet.run.place import existing_store

    store = existing_store(run_dir)
    from zerofleet.monitor.web.server import PageServer

    server = PageServer(
        store,
        run_dir=str(run_dir),
        host=host,
        port=port,
        allow_play=allow_play,
    )
    print(f"{run_dir} is shown at {server.url}  (Ctrl-C ends)", flush=True)
    with contextlib.suppress(KeyboardInterrupt):  # how people end it
        server.run()
    return 0
