"""`zerofleet gtp`: our Go engine."""

from zerofleet.cli.options import NumThreads, Simulations


def gtp(
    model: str,
    /,
    *,
    simulations: Simulations = None,
    device: str = "cpu",
    threads: NumThreads | None = None,
) -> None:
    """Speak GTP on standard input and output: a Go engine for any program that takes one.

    Plays on the size of board its net was trained for. Started by such a program
    (docs/engines.md); what is not the protocol goes to stderr.

    Examples:

        zerofleet gtp runs/go7
        zerofleet gtp runs/go7@0007 --simulations 1000

    Parameters
    ----------
    model
        A run directory, for its newest net; RUN@0007 for one of its versions; or a .safetensors
        file.
    simulations
        Of each move, at most (default: 400 where the program sets no time, else no limit).
    device
        Where the net is evaluated: cpu, cuda or cuda:N.
    threads
        Threads of the net (default: all cores).
    """
    import sys

    from zerofleet.engines.gtp import BATCH, GtpEngine
    from zerofleet.engines.net import open_engine_net
    from zerofleet.engines.transport import protocol_output, read_lines
    from zerofleet.fleet.devices import usable_cores
    from zerofleet.run.named_model import find_model
    from zerofleet.run.software import software_version

    found = find_model(model)
    with protocol_output() as output:
        game, make = open_engine_net(found, "go", device=device)
        engine = GtpEngine(
            game,
            make(threads=threads or usable_cores(), batch=BATCH),
            version=f"{software_version()} {found.name}",
            simulations=simulations,
        )
        engine.run(read_lines(sys.stdin.buffer), output)
