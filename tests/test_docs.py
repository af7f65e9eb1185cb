"""The documents agree with the repository: links, commands, generated tables, Python examples."""

import ast
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from zerofleet.cli import VERBS, commands
from zerofleet.roles.config import (
    AlphaBetaRunConfig,
    TreeSearchRunConfig,
    parse_setting,
    resolve,
    section_models,
)

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PAGE_NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE_COMMAND = re.compile(r"`(zerofleet [^`]+)`")


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def anchor_of(heading: str) -> str:
    """As GitHub makes it: lower case, no punctuation, hyphens for spaces."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", plain.lower()).strip().replace(" ", "-")


def anchors_of(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text())
    return {anchor_of(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_links_lead_somewhere(page):
    broken = []
    for match in LINK.finditer(without_code(page.read_text())):
        link = match[1] or match[2]
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    assert not broken


def commands_of(text: str) -> list[str]:
    """Command lines of `zerofleet` in fenced blocks and in backquotes."""
    fenced = (
        line
        for kind, block in FENCE.findall(text)
        if kind in ("", "sh")
        for line in block.replace("\\\n", " ").split("\n")
    )
    inline = INLINE_COMMAND.findall(re.sub(r"\n", " ", FENCE.sub("", text)))
    return [line for line in [*fenced, *inline] if line.startswith("zerofleet ")]


@cache
def options_of(verb: str) -> dict[str, bool]:
    """Names of options, and whether a value follows."""
    return {
        name: argument.token_count()[0] > 0
        for argument in commands()[verb].assemble_argument_collection()
        for name in argument.names
    }


def check_setting(text: str) -> None:
    """Raises ValueError unless one kind of run has this key with this value."""
    errors = []
    kinds = ("nnue", "resnet", "spiking")
    for kind in kinds:
        try:
            tree = {"game": {"name": "go"}, "net": {"kind": kind}}
            resolve(tree, None, dict([parse_setting(text)]))
        except ValueError as error:
            errors.append(error)
    if len(errors) == len(kinds):
        raise errors[0]


def check_command(line: str) -> str:
    """What is wrong with a command line, or an empty text."""
    words = shlex.split(line, comments=True)[1:]
    if not words or words[0] not in VERBS:
        return "" if words[0] in ("--help", "--version") or words[0].isupper() else "no such verb"
    verb, *rest = words
    if verb not in commands():  # a group: fleet up
        if not rest or rest[0] == "--help":
            return ""
        verb = f"{verb} {rest.pop(0)}"
        if verb not in commands():
            return f"no such command as {verb}"
    while rest:
        word = rest.pop(0)
        if not word.startswith("--") or word == "--help":
            continue
        if word not in options_of(verb):
            return f"{verb} has no option {word}"
        if options_of(verb)[word] and rest:
            value = rest.pop(0)
            if word == "--set" and value != "key=value":
                check_setting(value)
    return ""


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_commands_exist(page):
    wrong = [f"{c}: {why}" for c in commands_of(page.read_text()) if (why := check_command(c))]
    assert not wrong


def test_the_check_of_commands_finds_mistakes():
    assert check_command("zerofleet trian ultimate_ttt") == "no such verb"
    assert "--shared" in check_command("zerofleet worker --shared /mnt")
    with pytest.raises(ValueError, match=r"search\.depth"):
        check_command("zerofleet train x --set search.dept=3")
    assert len(commands_of((ROOT / "docs" / "shared_directory.md").read_text())) >= 10


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_keys_in_backquotes_exist(page):
    keys: dict[str, set[str]] = {}
    for family in (AlphaBetaRunConfig, TreeSearchRunConfig):
        for section in family.model_fields:
            for model in section_models(family, section):
                keys.setdefault(section, {"nnue", "pt"}).update(model.model_fields)
    unknown = [
        f"{section}.{key}"
        for section, key in re.findall(r"`(\w+)\.(\w+)`", page.read_text())
        if section in keys
        and key not in keys[section]
        and not (ROOT / "src" / "zerofleet" / section / f"{key}.py").exists()
    ]
    assert not unknown


def test_tables_of_the_configuration_are_up_to_date():
    script = ROOT / "scripts" / "config_table.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_imports_of_python_examples_exist(page):
    for kind, block in FENCE.findall(page.read_text()):
        if kind != "python" or ">>>" in block:
            continue
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = __import__(node.module, fromlist=["_"])
                assert all(hasattr(module, alias.name) for alias in node.names)


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "index.md").read_text()
    missing = [
        name
        for page in (ROOT / "docs").rglob("*.md")
        if (name := str(page.relative_to(ROOT / "docs"))) not in index and name != "index.md"
    ]
    assert not missing
