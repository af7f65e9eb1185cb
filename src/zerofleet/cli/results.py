"""`zerofleet results`: what a training has reached, as tables."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from zerofleet.cli.plain import plain_lines
from zerofleet.run.words import counted

if TYPE_CHECKING:
    from zerofleet.monitor.results import Training


def results(
    run_dir: Annotated[Path | None, Parameter(name=["--run", "--training", "--run-dir"])] = None,
    *,
    last: Annotated[int, Parameter(validator=Number(gte=1))] = 5,
    evaluation: Annotated[Path | None, Parameter(name=["--eval"])] = None,
    compare: Annotated[tuple[Path, Path] | None, Parameter(negative=())] = None,
    max_draw_rate: Annotated[float, Parameter(validator=Number(gt=0, lte=1))] | None = None,
    max_moves: Annotated[float, Parameter(validator=Number(gt=0))] | None = None,
) -> int:
    """Show what a training has reached: last iterations, timeline, phases, trends, pass or fail.

    Early, middle and late are thirds of the iterations (loops); trends are from early to late.

    Examples:

        zerofleet results --training runs/chess_spiking/training_stats.json

        zerofleet results runs/connect_four --last 10

        zerofleet results --eval runs/connect_four/logs

        zerofleet results --compare runs/first runs/second

    Parameters
    ----------
    run_dir
        A training_stats.json, or a run directory, which has one.
    last
        Iterations, or loops, in the first table.
    evaluation
        A JSON file of matches or scores, or a folder of them: one row for each.
    compare
        Two trainings, or two files or folders of matches, beside each other.
    max_draw_rate
        What the share of drawn games should have fallen below, late (default: 0.6 in chess; in
        other games, where a draw may be the right result, nothing).
    max_moves
        What the average length should have fallen below, late (default: 150 in chess, else
        nothing).
    """
    from zerofleet.monitor.results import read_training
    from zerofleet.roles.config import ConfigError

    if run_dir is None and evaluation is None and compare is None:
        raise ConfigError("expected RUN (or --training FILE), --eval DIR or --compare A B")
    console = Console()
    if run_dir is not None:
        training = read_training(run_dir)
        _show_training(console, training, last, max_draw_rate, max_moves)
    if evaluation is not None:
        _show_evaluation(console, evaluation)
    if compare is not None:
        _compare(console, *compare)
    return 0


def _show_training(
    console: Console,
    training: "Training",
    last: int,
    max_draw_rate: float | None,
    max_moves: float | None,
) -> None:
    from zerofleet.monitor import results as r

    name = training.name + (f"  {training.game}" if training.game else "")
    plain_lines(console)(name, style="bold")
    if not training.entries:
        console.print(f"No {training.unit} is complete yet.")
        return
    console.print(r.totals_text(training), soft_wrap=True, highlight=False)
    console.print()
    shown, unit = training.entries[-last:], training.unit
    title = f"Last {counted(len(shown), unit)}"
    console.print(r.iterations_table(shown, title=title, width=console.size.width, unit=unit))
    console.print(r.timeline_table(training.entries, unit=unit))
    console.print(r.phases_table(training.entries))
    found = r.criteria(training, max_draw_share=max_draw_rate, max_moves=max_moves)
    console.print(r.criteria_table(found))


def _show_evaluation(console: Console, path: Path) -> None:
    from zerofleet.monitor.results import read_measured
    from zerofleet.monitor.tables import score_table, strength_table

    matches, scores = read_measured(path)
    width = console.size.width
    for player in dict.fromkeys(m["player"] for m in matches):
        mine = [m for m in matches if m["player"] == player]
        console.print(strength_table(mine, title=f"{player}, from {path}", width=width))
    if scores:
        console.print(score_table(scores, title=f"Scores, from {path}", width=width))


def _compare(console: Console, first: Path, second: Path) -> None:
    from zerofleet.monitor.comparison import compare_measured
    from zerofleet.monitor.results import compare_trainings, read_measured, read_training
    from zerofleet.run.errors import RunError
    from zerofleet.run.layout import TRAINING_STATS

    def is_training(path: Path) -> bool:
        return (path / TRAINING_STATS).is_file() or path.name == TRAINING_STATS

    for path in (first, second):
        if not path.exists():
            raise RunError(f"--compare: {path}: no such run directory or file")
    if is_training(first) != is_training(second):
        raise RunError(
            f"--compare {first} {second}: one is a training and the other is not; expected two "
            f"run directories or {TRAINING_STATS}, or two files or folders of matches"
        )
    for letter, path in (("A", first), ("B", second)):
        plain_lines(console)(f"{letter}: {path}")
    if not is_training(first):
        console.print(compare_measured(read_measured(first), read_measured(second)))
        return
    trainings = read_training(first), read_training(second)
    for training in trainings:
        if not training.entries:
            raise RunError(f"{training.name}: no {training.unit} is complete yet")
    console.print(compare_trainings(*trainings))
