"""Builds the documents as a site into build/docs/site, and checks every link and anchor of it.

The pages keep their places relative to each other, so links work as they do in the repository;
README.md is the home page. The navigation is what docs/index.md lists under its headings.
"""

import html.parser
import posixpath
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build" / "docs"
PAGES = BUILD / "pages"
SITE = BUILD / "site"
OTHERS = ["CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "docs", "examples", "benchmarks/results"]
PROJECT = [("Contributing", "CONTRIBUTING.md"), ("Changelog", "CHANGELOG.md")]


def navigation(root: Path = ROOT) -> list[tuple[str, list[tuple[str, str]]]]:
    """The groups of docs/index.md: heading, and (title, page) of the links under it."""
    groups: list[tuple[str, list[tuple[str, str]]]] = []
    for line in (root / "docs" / "index.md").read_text().split("\n"):
        if line.startswith("## "):
            groups.append((line[3:], []))
        elif groups:
            # In a table the first link is the page, others are in passing.
            links = re.findall(r"\[([^\]]+)\]\(([\w./-]+\.md)\)", line)
            links = links[:1] if line.startswith("|") else links
            groups[-1][1].extend((title, posixpath.normpath(f"docs/{at}")) for title, at in links)
    results = sorted((root / "benchmarks" / "results").glob("*/README.md"))
    project = [*PROJECT, *((path.parent.name, str(path.relative_to(root))) for path in results)]
    return [*groups, ("Project", project)]


def stage() -> None:
    """Puts pages and configuration into build/docs."""
    shutil.rmtree(BUILD, ignore_errors=True)
    PAGES.mkdir(parents=True)
    shutil.copy(ROOT / "README.md", PAGES / "index.md")
    shutil.copy(ROOT / "src/zerofleet/monitor/web/static/icon.svg", PAGES)
    for name in OTHERS:
        source, target = ROOT / name, PAGES / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    lines = ['  { "Home" = "index.md" },']
    for title, pages in navigation():
        inner = ", ".join(f'{{ "{name}" = "{page}" }}' for name, page in pages)
        lines.append(f'  {{ "{title}" = [{inner}] }},')
    nav = "[project]\nnav = [\n" + "\n".join(lines) + "\n]\n"
    config = (ROOT / "zensical.toml").read_text()
    (BUILD / "zensical.toml").write_text(config.replace("[project]\n", nav, 1))


class _Page(html.parser.HTMLParser):
    """What a page links to, and where links to it may lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.text: list[str] = []
        self._code = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors.update(name for name in (given.get("id"), given.get("name")) if name)
        if (link := given.get("href" if tag in ("a", "link") else "src")) is not None:
            self.links.append(link)
        self._code += tag in ("pre", "code", "script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in ("pre", "code", "script", "style")

    def handle_data(self, data: str) -> None:
        if not self._code:
            self.text.append(data)


def problems(site: Path) -> list[str]:
    """Links that lead nowhere, and Markdown that was not understood, of all pages of a site."""
    pages = {path: _Page(path.read_text()) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        name = path.relative_to(site)
        for link in page.links:
            parts = urlsplit(link)
            # The page for unknown addresses does not know where it is shown.
            if parts.scheme or parts.netloc or (path.name == "404.html" and link.startswith("/")):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                found.append(f"{name}: {link} leads nowhere")
            elif parts.fragment and target in pages:
                anchor = unquote(parts.fragment)
                if anchor not in pages[target].anchors and not anchor.startswith("__"):
                    found.append(f"{name}: {link} has no such anchor")
        text = "".join(page.text)
        signs = re.findall(r"\|\s*:?---+.*|^ *```.*|\]\([\w#./-]+\)", text, re.MULTILINE)
        found.extend(f"{name}: not understood as Markdown: {sign}" for sign in signs)
    return found


def main() -> int:
    """Returns the exit status."""
    stage()
    command: list[Any] = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, cwd=BUILD, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    if done.returncode:
        print(said, file=sys.stderr)
        return done.returncode
    # What reads the docstrings warns without telling the build.
    found = [line for line in said.split("\n") if line.startswith("griffe:")] + problems(SITE)
    print("\n".join(found), file=sys.stderr)
    if not found:
        print(f"{len(list(SITE.rglob('*.html')))} pages; open {SITE / 'index.html'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
