"""Imports point down only: the house of the design, checked for Python imports and C++ includes."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "zerofleet"

# A room may import rooms of a lower level and itself.
PYTHON_LEVELS = {
    "_core": -1,
    "run": 0,
    "fleet": 1,
    "games": 1,
    "records": 2,
    "nets": 2,
    "search": 2,
    "engines": 3,
    "players": 4,
    "selfplay": 4,
    "replay": 4,
    "training": 5,
    "arena": 5,
    "recipes": 6,
    "roles": 6,
    "doctor": 7,
    "monitor": 7,
    "parallel": 8,
    "train": 8,
    "testing": 8,
    "cli": 9,
}
# The exceptions the design names, each with what it may import and nothing else.
NARROW = {
    "fleet": {"run"},
    "monitor": {"run", "games", "records", "players", "arena"},
}
CPP_ORDER = ["base", "games", "nnue", "search", "selfplay", "bind"]


def room_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imported_rooms(path: Path, *, module_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(), filename=str(path))
    nodes = tree.body if module_level_only else ast.walk(tree)
    rooms = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the full name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "zerofleet" and len(parts) > 1:
                rooms.add(parts[1])
    return rooms


def python_violations(files: list[Path]) -> list[str]:
    found = []
    for path in files:
        room = room_of(path)
        if room in ("__init__", "__main__"):
            continue
        if room not in PYTHON_LEVELS:
            found.append(f"{path.relative_to(ROOT)}: the room {room!r} has no level")
            continue
        for other in imported_rooms(path) - {room}:
            level = PYTHON_LEVELS.get(other)
            if level is None:
                continue  # a name of zerofleet/__init__.py
            allowed = NARROW.get(room)
            if level >= PYTHON_LEVELS[room] or (allowed is not None and other not in allowed):
                found.append(f"{path.relative_to(ROOT)}: {room} may not import {other}")
    return sorted(found)


def test_python_imports_point_down() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    assert files
    assert python_violations(files) == []


def test_the_check_itself_sees_a_wrong_import(tmp_path: Path, monkeypatch) -> None:
    wrong = tmp_path / "run" / "bad.py"
    wrong.parent.mkdir()
    wrong.write_text("def f():\n    from zerofleet.roles import worker\n    return worker\n")
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert python_violations([wrong]) == ["run/bad.py: run may not import roles"]


def test_cpp_includes_point_down() -> None:
    found = []
    for path in sorted((ROOT / "cpp").rglob("*")):
        if path.suffix not in (".h", ".cpp"):
            continue
        room = path.relative_to(ROOT / "cpp").parts[0]
        text = path.read_text()
        if room != "bind" and "nanobind" in text:
            found.append(f"{path.relative_to(ROOT)}: only bind/ knows nanobind")
        if room == "tools":
            continue
        found += [
            f"{path.relative_to(ROOT)}: {room} may not include {other}"
            for other in re.findall(r'#include "(\w+)/', text)
            if CPP_ORDER.index(other) > CPP_ORDER.index(room)
        ]
    assert found == []


def test_config_files_import_neither_torch_nor_an_extra() -> None:
    heavy = {"torch", "matplotlib", "tensorboard", "pyspiel", "safetensors", "openvino"}
    for path in PACKAGE.rglob("config.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            assert not {n.split(".")[0] for n in names} & heavy, f"{path}: {names}"


def test_simd_files_keep_to_themselves() -> None:
    """An inline function compiled for a newer processor must not leak into older ones' code."""
    for path in (ROOT / "cpp").rglob("*_avx*.cpp"):
        project_includes = re.findall(r'#include "([^"]+)"', path.read_text())
        for include in project_includes:
            header = (ROOT / "cpp" / include).read_text()
            assert not re.search(r"\binline\b|\btemplate\b", header), (
                f"{path.name} includes {include}, which defines inline functions"
            )
