"""Between .pt and .nnue files: `zerofleet export`, and `zerofleet import` of a net."""

from pathlib import Path

from zerofleet.roles.config import ConfigError
from zerofleet.run.atomic import write_atomic


def export(source: Path, target: Path, /) -> None:
    """Write the .nnue file of a .pt file.

    Examples:

        zerofleet export runs/ultimate_ttt/model/nnue_model.pt net.nnue

    Parameters
    ----------
    source
        .pt file written by a run or by `zerofleet import`.
    target
        .nnue file to write; replaced if it exists.
    """
    from zerofleet.nets.export import export_nnue, load_model

    _check_ending(target, ".nnue")
    _write(target, export_nnue(load_model(source)))


def import_net(source: Path, target: Path) -> None:
    """Writes the .pt file of a .nnue file."""
    from zerofleet.nets.export import load_model, model_to_pt

    _check_ending(target, ".pt")
    _write(target, model_to_pt(load_model(source)))


def _check_ending(target: Path, ending: str) -> None:
    if target.suffix != ending:
        raise ConfigError(f"{target}: expected a name that ends in {ending}")


def _write(target: Path, data: bytes) -> None:
    write_atomic(target, data)
    print(f"wrote {target} ({len(data):,} bytes)")
