"""Options that several verbs share: names, older names and how they map to configuration keys."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from zerofleet.roles.config import parse_setting

_RUN_DIR = Parameter(
    name=["--run-dir", "--shared-dir", "--save-dir"],
    help="The run directory, on any file system all roles can see.",
)
RunDir = Annotated[Path, _RUN_DIR]
OptionalRunDir = Annotated[Path | None, _RUN_DIR]
Settings = Annotated[
    list[str] | None,
    Parameter(
        name=["--set"],
        help="Any configuration key: --set search.depth=6 (repeatable).",
        negative=(),
    ),
]


def command_line_keys(settings: Iterable[str] | None, **flags: Any) -> dict[str, Any]:
    """Dotted keys of the command line; flags are named `section__key`, None means not given."""
    keys = {name.replace("__", "."): value for name, value in flags.items() if value is not None}
    keys.update(parse_setting(text) for text in settings or ())
    return keys
