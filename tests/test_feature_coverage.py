"""Every feature that users of other systems know has a test, a command or a page that shows it."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from test_docs import PAGES, anchors_of, check_command

TESTS = Path(__file__).parent
DOCS = TESTS.parent / "docs"
SYSTEMS = tomllib.loads((TESTS / "feature_coverage.toml").read_text())
LAST_ROWS = [48, 95, 164, 203, 266]
MAX_OPEN = 10


def rows() -> Iterator[tuple[int, dict]]:
    for system in SYSTEMS.values():
        for number, row in system.items():
            yield int(number), row


def test_every_row_is_there_once_and_says_what_shows_it():
    ends = [[int(number) for number in system] for system in SYSTEMS.values()]
    firsts = [1, *(last + 1 for last in LAST_ROWS)]
    assert ends == [list(range(a, b + 1)) for a, b in zip(firsts, LAST_ROWS, strict=False)]
    for number, row in rows():
        assert row.keys() <= {"what", "old", "tests", "commands", "docs", "open"}, number
        assert row["what"], number
        assert row.get("tests") or row.get("commands") or row.get("docs") or row.get("open")


def test_what_is_open_is_little():
    found = [f"{n}: {row['what']}: {row['open']}" for n, row in rows() if "open" in row]
    print(f"\n{len(list(rows()))} features; not wholly shown:", *found, sep="\n  ")
    assert len(found) <= MAX_OPEN


@cache
def names_in(path: str) -> frozenset[str]:
    """Tests of a file: functions, classes, and CLASS::method."""
    found = set()
    for node in ast.parse((TESTS / path).read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            inside = (n.name for n in node.body if isinstance(n, ast.FunctionDef))
            found |= {f"{node.name}::{name}" for name in inside}
    return frozenset(name for name in found if name.lower().startswith("test"))


def missing_tests(ids: list[str]) -> list[str]:
    missing = []
    for node_id in ids:
        path, _, name = node_id.partition("::")
        if not (TESTS / path).is_file() or name not in names_in(path):
            missing.append(node_id)
    return missing


def test_every_test_exists():
    missing = {n: found for n, row in rows() if (found := missing_tests(row.get("tests", [])))}
    assert not missing


def what_is_wrong(command: str) -> str:
    """Of a command of ours; an empty text if nothing is."""
    words = command.split()
    if words[0] == "zerofleet":
        return check_command(command)
    if words[:2] == ["python", "-m"]:
        file = TESTS.parent / f"{words[2].replace('.', '/')}.py"
        return "" if file.is_file() else "no such module"
    if words[0] == "make":
        makefile = (TESTS.parent / "Makefile").read_text()
        return "" if re.search(rf"^{words[1]}:", makefile, re.MULTILINE) else "no such target"
    if words[0] == "ssh":
        return check_command(command.split('"')[1])
    return "not a command of ours"


def test_every_command_is_valid_and_documented():
    pages = " ".join(" ".join(page.read_text().split()) for page in PAGES)
    for number, row in rows():
        for command in row.get("commands", []):
            assert not what_is_wrong(command), number
            assert command in pages, f"{number}: no page has {command}"


def test_every_heading_exists():
    for number, row in rows():
        for place in row.get("docs", []):
            page, _, anchor = place.partition("#")
            assert anchor in anchors_of(DOCS / page), f"{number}: {place}"


@pytest.fixture(scope="module")
def coming_from() -> dict[str, str]:
    """The section of each system in docs/coming-from.md."""
    text = (DOCS / "coming-from.md").read_text()
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert len(sections) > len(SYSTEMS)  # the last one is of programs whose features are not listed
    return dict(zip(SYSTEMS, sections, strict=False))


@pytest.mark.parametrize("system", SYSTEMS)
def test_old_names_are_mapped(system, coming_from):
    """A table for each system says what every command, flag, file and name of it is called here."""
    left = [line.split("|")[1] for line in coming_from[system].splitlines() if line[:1] == "|"]
    known = "\n".join(left)
    missing = {
        number: old
        for number, row in SYSTEMS[system].items()
        for old in row.get("old", [])
        if old not in known
    }
    assert not missing


def test_the_check_itself_finds_mistakes():
    assert missing_tests(["test_docs.py::test_nothing", "nowhere/test_x.py::test_y"])
    assert not missing_tests(["run/test_store.py::TestDirectoryStore"])
    assert what_is_wrong("zerofleet trian x") == "no such verb"
    assert what_is_wrong("make nothing")
    assert what_is_wrong("python -m benchmarks.nothing")
