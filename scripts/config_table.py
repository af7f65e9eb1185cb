"""Writes the tables of docs/configuration.md from the code; with --check only compares.

The flags come from the command line itself, keys, defaults and meanings from the models.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from zerofleet.cli import commands
from zerofleet.cli.options import KEYS
from zerofleet.roles.config import (
    AlphaBetaRunConfig,
    BaseRunConfig,
    TreeSearchRunConfig,
    section_models,
)

PAGE = Path(__file__).parent.parent / "docs" / "configuration.md"
BEGIN, END = "<!-- {}: written by scripts/config_table.py -->\n", "<!-- end of {} -->\n"

Row = tuple[str, str, str, list[str], set[str]]
"""Key, older names, meaning, verbs and what help shows as defaults of a flag."""


def flags_table() -> str:
    """One row per option: name, key it sets, older names, verbs."""
    rows: dict[str, Row] = {}
    for verb, command in commands().items():
        for argument in command.assemble_argument_collection(parse_docstring=True):
            names = [name for name in argument.names if name.startswith("--")]
            if not names:
                continue
            key = KEYS.get(argument.field_info.name, "")
            older = ", ".join(f"`{name}`" for name in names[1:])
            row: Row = (
                f"`{key}`" if key else "",
                older,
                _one_line(argument.parameter.help),
                [],
                set(),
            )
            row = rows.setdefault(names[0], row)
            row[3].append(verb)
            shown = argument.field_info
            row[4].add(str(shown.default or "") if not shown.required else "")
    lines = ["| flag | key | older names | meaning | verbs |", "|---|---|---|---|---|"]
    for flag, (key, older, meaning, verbs, defaults) in sorted(rows.items()):
        if len(defaults) == 1 and (default := min(defaults)):  # all verbs have the same
            meaning = f"{meaning.removesuffix('.')} (default {default})."
        lines.append(f"| `{flag}` | {key} | {older} | {meaning} | {', '.join(verbs)} |")
    return "\n".join(lines) + "\n"


def keys_tables() -> str:
    """A table for each section of the configuration."""
    parts = [_section("The run", "", BaseRunConfig)]
    both = BaseRunConfig.model_fields
    for title, family in (
        ("", BaseRunConfig),
        ("Alpha-beta with an NNUE net", AlphaBetaRunConfig),
        ("Tree search with a net of policy and value", TreeSearchRunConfig),
    ):
        parts += [f"## {title}\n"] if title else []
        for name in family.model_fields:
            if title and name in both:
                continue
            models = section_models(family, name)
            for model in models:
                kind = f" of kind {model.model_fields['kind'].default}" if len(models) > 1 else ""
                heading = f"{name}{kind}\n\n{_one_line(model.__doc__)}"
                parts.append(_section(heading, name, model))
    return "\n".join(parts)


def _section(title: str, name: str, model: type[BaseModel]) -> str:
    lines = [f"### {title}", "", "| key | default | meaning |", "|---|---|---|"]
    for key, field in model.model_fields.items():
        if section_models(model, key):
            continue
        dotted = f"{name}.{key}" if name else key
        default = field.get_default(call_default_factory=True)
        shown = "" if field.is_required() else f"`{_json(default)}`"
        if not field.description:
            raise SystemExit(f"{model.__name__}.{key} has no docstring; write one")
        lines.append(f"| `{dotted}` | {shown} | {_one_line(field.description)} |")
    return "\n".join(lines) + "\n"


def _one_line(text: str | None) -> str:
    """Without line breaks; a mention of a page of docs/ becomes a link."""
    line = " ".join((text or "").split()).replace("|", "\\|")
    return re.sub(r"docs/([a-z_]+)\.md", r"[\1](\1.md)", line)


def _json(value: Any) -> str:
    return json.dumps(value)


def filled(page: str) -> str:
    """The page with both tables as they should be."""
    for name, table in (("flags", flags_table()), ("keys", keys_tables())):
        begin, end = BEGIN.format(name), END.format(name)
        before, _, rest = page.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise SystemExit(f"{PAGE}: expected the lines {begin.strip()} and {end.strip()}")
        page = f"{before}{begin}\n{table}\n{end}{after}"
    return page


def main() -> int:
    """Returns the exit status."""
    page = PAGE.read_text()
    if filled(page) == page:
        return 0
    if "--check" in sys.argv[1:]:
        print(f"{PAGE} is behind the code; run: python scripts/config_table.py", file=sys.stderr)
        return 1
    PAGE.write_text(filled(page))
    return 0


if __name__ == "__main__":
    sys.exit(main())
