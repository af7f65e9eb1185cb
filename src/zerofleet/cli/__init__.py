"""The command line: one file per verb, loaded when the verb is used."""

import sys
from importlib.metadata import version

from cyclopts import App

app = App(
    name="zerofleet",
    help="Train game-playing networks from self-play, on one machine or on a fleet.",
    version=lambda: version("zerofleet"),
)

for _verb, _function, _help in (
    ("train", "train", "Train a recipe on this machine: one trainer and local workers."),
    ("worker", "worker", "Play games with the newest network of a run (any number, anywhere)."),
    ("trainer", "trainer", "Learn from the games of a run and publish networks (one per run)."),
    ("status", "status", "Show the fleet and the last loops of a run."),
    ("audit", "audit", "Check from the files alone that every game of a run counts once."),
    ("export", "export", "Write a .nnue file from a .pt file."),
    ("import", "import_", "Write a .pt file from a .nnue file."),
):
    _module = "nnue_files" if _verb in ("export", "import") else _verb
    app.command(f"zerofleet.cli.{_module}:{_function}", name=_verb, help=_help)


def main() -> None:
    """Entry point of `zerofleet`; exits with 0, 1 (a told error), 2 (usage) or 130 (Ctrl-C)."""
    try:
        result = app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        # Our own error classes carry a message for people; anything else is a bug and shows where.
        if not type(error).__module__.startswith("zerofleet."):
            raise
        print(f"zerofleet: {error}", file=sys.stderr)
        sys.exit(getattr(error, "exit_status", 1))
    sys.exit(result if isinstance(result, int) else 0)
