"""The site of the documents: its navigation, its check of links, and pages that list names."""

import importlib
import re
import sys
from pathlib import Path

import pytest

from support import require

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import docs_site  # noqa: E402

REFERENCE = re.compile(r"\b([A-Z][\w-]+)(?: and [A-Z]\w+| et al\.)?,? (?:\(?)((?:19|20)\d\d)\b")
NOT_PAPERS = {"November", "In"}


def test_navigation_has_every_page_once():
    pages = [page for _, group in docs_site.navigation() for _, page in group]
    wanted = {str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")}
    assert sorted(page for page in pages if page.startswith("docs/")) == sorted(
        wanted - {"docs/index.md"}
    )
    assert all((ROOT / page).is_file() for page in pages)
    assert len(pages) == len(set(pages))


def test_problems_of_a_site_are_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<h1 id="top">A</h1><a href="b.html#here">1</a><a href="b.html#away">2</a>'
        '<a href="c.html">3</a><img src="d.png"><a href="https://example.org/x">4</a>'
        "<p>a list | of |\n|---|---|</p><pre>|---|</pre>"
    )
    (tmp_path / "b.html").write_text('<p id="here"></p><a href="a.html#top">5</a>')
    found = docs_site.problems(tmp_path)
    assert [line.partition(": ")[2].partition(" ")[0] for line in found] == [
        "b.html#away",
        "c.html",
        "d.png",
        "not",
    ]


def test_sections_in_one_sentence_lose_nothing():
    griffe = require("griffe")
    sections = importlib.import_module("docstring_sections")
    text = "Does it.\n\nArgs:\n  x: a number.\nReturns: f32 [B]; sum\n  is 1.\nRaises: E if\n  not."
    docstring = griffe.Docstring(sections.as_paragraphs(text), parser="google")
    first, arguments, last = docstring.parse(warnings=False)
    assert first.value == "Does it."
    assert [argument.name for argument in arguments.value] == ["x"]
    paragraphs = [part.strip() for part in last.value.split("\n\n")]
    assert paragraphs == ["**Returns:** f32 [B]; sum is 1.", "**Raises:** E if not."]


@pytest.mark.parametrize(
    "module", ["", ".games", ".parallel", ".fleet", ".roles", ".search", ".selfplay", ".records"]
)
def test_public_names_are_in_the_reference(module):
    text = (ROOT / "docs" / "api.md").read_text()
    listed = {line.split(".")[-1] for line in text.split("\n") if line.startswith("::: ")}
    assert set(importlib.import_module(f"zerofleet{module}").__all__) <= listed


def test_names_of_the_reference_exist():
    text = (ROOT / "docs" / "api.md").read_text()
    for path in re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE):
        module, _, name = path.rpartition(".")
        assert getattr(importlib.import_module(module), name) is not None


def test_papers_are_in_the_references():
    known = (ROOT / "docs" / "references.md").read_text()
    rows = [line.split("|")[1] for line in known.split("\n") if line.startswith("| ")]
    missing = {
        f"{page.name}: {name} {year}"
        for page in (ROOT / "docs").rglob("*.md")
        for name, year in REFERENCE.findall(page.read_text())
        if page.name != "references.md" and name not in NOT_PAPERS
        if not any(name in row and year in row for row in rows)
    }
    assert not missing
