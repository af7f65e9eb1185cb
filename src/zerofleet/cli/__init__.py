"""The command line: one file per verb, loaded when the verb is used."""

import codecs
import io
import sys
import warnings
from typing import Any

from cyclopts import App, CycloptsError, MissingArgumentError, Parameter

from zerofleet.run.process import leave_closed_output
from zerofleet.run.software import software_version

VERBS = {
    "train": "Train a recipe on this machine: one trainer and local workers.",
    "status": "Show the fleet and the last loops of a run.",
    "watch": "Watch a run in the terminal, full screen or line by line.",
    "web": "Follow a run in a browser, look at its games, play the net.",
    "results": "Show what a training has reached: tables, trends, pass or fail.",
    "worker": "Play games with a run's newest network (any number, anywhere).",
    "trainer": "Learn from a run's games and publish networks (one per run).",
    "launch": "Train on finished games with all GPUs of one or several nodes.",
    "selfplay": "Play games of any kind without a trainer; count and save them.",
    "fleet": "Start, watch and change workers on other hosts, over SSH.",
    "mirror": "Let a host without the shared directory take part, by rsync.",
    "restore": "Make an earlier version of a run the published one.",
    "audit": "Check from its files that every game of a run counts once.",
    "export": "Write a .nnue file from a .pt file.",
    "import": "Take in games (PGN, SGF) as shards to train on, or a .nnue net.",
    "doctor": "Check a host before a run: devices, network, directory.",
    "play": "Play against a net at the terminal, and ask what it thinks.",
    "match": "Play two players against each other.",
    "ladder": "Rate all versions of a run and fixed opponents.",
    "benchmark": "Measure a net against fixed opponents: table, JSON, picture.",
    "uci": "Be a chess engine: speak UCI with a program that takes one.",
    "gtp": "Be a Go engine: speak GTP with a program that takes one.",
    "new-game": "Write a small Python game with comments, to change into yours.",
    "check-game": "Check everything a game promises, yours or ours.",
}
"""Every verb, in the order and with the line of `zerofleet --help`; a docstring is its own help."""

_MODULES = {
    "fleet": "fleet:app",
    "export": "nnue_files:export",
    "import": "imports:import_",
    "new-game": "game_files:new_game",
    "check-game": "game_files:check_game",
}
_python_shows = warnings.showwarning
_EXTRAS = {
    **dict.fromkeys(("torch", "safetensors", "matplotlib", "tensorboard"), "train"),
    "snntorch": "spiking",
    **dict.fromkeys(("starlette", "uvicorn", "sse_starlette", "textual"), "web"),
}
"""The extra that has a package, by the package's name."""
_PLAIN = {
    **{"⚠": "!!", "\ufe0f": "", "±": "+-", "…": "...", "–": "-", "—": "-", "λ": "lambda"},
    **{"🟢": "+", "🟡": "~", "🔴": "!", "⚪": "-", "✓": "ok", "✗": "!!"},
}


def _usage_error(error: CycloptsError) -> str:
    """The error in one line; a mistyped older name of a required option is recognised too."""
    from difflib import get_close_matches

    text, argument = str(error), error.argument
    if isinstance(error, MissingArgumentError) and argument and _is_left_out(error):
        text = f"{' '.join(error.command_chain or ())} needs {argument.name.lstrip('-').upper()}."
    if "Did you mean" not in text and argument is not None:
        for token in error.unused_tokens or ():
            if token.startswith("--") and token not in argument.names:
                near = get_close_matches(token, argument.names, n=1)
                text += f" Did you mean {near[0]} instead of {token}?" if near else ""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _is_left_out(error: MissingArgumentError) -> bool:
    """An argument without a flag is not there at all."""
    argument = error.argument
    if argument is None or argument.index is None or error.keyword:
        return False
    return not (argument.tokens or error.tokens_so_far)


app = App(
    name="zerofleet",
    help="Train game-playing networks from self-play, on one machine or on a fleet.\n\n"
    "Begin with: `zerofleet train ultimate_ttt --minutes 6`",
    version=software_version,
    default_parameter=Parameter(show_default=lambda value: value or None),
)

for _place, (_verb, _help) in enumerate(VERBS.items()):
    _path = _MODULES.get(_verb, f"{_verb}:{_verb}")
    app.command(f"zerofleet.cli.{_path}", name=_verb, help=_help, sort_key=_place)


def commands() -> dict[str, App]:
    """Every command that does something, "train", "fleet up" and so on, loaded."""
    found: dict[str, App] = {}
    for verb in VERBS:
        inner = [name for name in app[verb] if not name.startswith("-")]
        found |= {f"{verb} {name}": app[verb][name] for name in inner} or {verb: app[verb]}
    return found


def main(arguments: list[str] | None = None) -> None:
    """Entry point of `zerofleet`; exits with 0, 1 (a told error), 2 (usage) or 130 (Ctrl-C)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    _spell_out_what_cannot_be_written()
    warnings.showwarning = _show_warning
    verb = next(iter(arguments), "")
    if verb in VERBS and not _MODULES.get(verb, "").endswith(":app"):
        app[verb].help = None  # the whole docstring, examples included, instead of the one line
    try:
        result = app(arguments, exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except CycloptsError as error:
        # Scripts of other launchers know 1.
        status = 1 if verb == "launch" else 2
        _fail(f"{_usage_error(error)} See: {_help_command(verb)}", status)
    except BrokenPipeError:
        leave_closed_output()
        sys.exit(1)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        _fail(f"`zerofleet {verb}` needs {package}: pip install 'zerofleet[{_EXTRAS[package]}]'", 1)
    except Exception as error:
        # Our own error classes carry a message for people, and so do errors in a user's game;
        # anything else is a bug and shows where.
        from zerofleet.roles.report import told

        text = told(error)
        if text is None:
            raise
        _fail(text, getattr(error, "exit_status", 1))
    sys.exit(result if isinstance(result, int) else 0)


def _help_command(verb: str) -> str:
    return f"zerofleet {verb} --help" if verb in VERBS else "zerofleet --help"


def _show_warning(message: Warning | str, *args: Any, **kwargs: Any) -> None:
    """Ours are for people, in one line; others as Python shows them."""
    if type(message).__module__.startswith("zerofleet."):
        print(f"zerofleet: warning: {message}", file=sys.stderr)
    else:
        _python_shows(message, *args, **kwargs)


def _fail(message: str, status: int) -> None:
    print(f"zerofleet: {message}", file=sys.stderr)
    sys.exit(status)


def _spell_out_what_cannot_be_written() -> None:
    """Terminals without Unicode get +- for ±, and ? for what has no such spelling."""

    def replace(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        text = error.object[error.start : error.end]
        return "".join(_PLAIN.get(letter, "?") for letter in text), error.end

    codecs.register_error("zerofleet", replace)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="zerofleet")
