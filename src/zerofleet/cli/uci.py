"""`zerofleet uci`: our chess engine."""

from zerofleet.cli.options import NumThreads


def uci(
    model: str,
    /,
    *,
    device: str = "cpu",
    threads: NumThreads | None = None,
) -> None:
    """Speak UCI on standard input and output: a chess engine for any program that takes one.

    Started by such a program (docs/engines.md); what is not the protocol goes to stderr.

    Examples:

        zerofleet uci runs/chess
        zerofleet uci runs/chess@0007 --threads 4
        zerofleet uci net.safetensors --device cuda

    Parameters
    ----------
    model
        A run directory, for its newest net; RUN@0007 for one of its versions; or a .safetensors
        file.
    device
        Where the net is evaluated: cpu, cuda or cuda:N.
    threads
        Threads of the net until the program sets others (default: all cores).
    """
    import sys

    from zerofleet.engines.net import MakeEvaluator, open_engine_net
    from zerofleet.engines.transport import protocol_output, read_lines
    from zerofleet.engines.uci import UciEngine
    from zerofleet.fleet.devices import usable_cores
    from zerofleet.run.named_model import find_model
    from zerofleet.run.software import software_version

    found = find_model(model)

    def open_chess() -> MakeEvaluator:
        return open_engine_net(found, "chess", device=device)[1]

    name = f"Zerofleet {software_version()} {found.name}"
    with protocol_output() as output:
        engine = UciEngine(output, open_chess, name=name, threads=threads or usable_cores())
        engine.run(read_lines(sys.stdin.buffer))
