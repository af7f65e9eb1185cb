"""CONTRIBUTING.md names the files to touch for each kind of addition; here one of each is added.

A toy of each kind goes into a copy of the tree, through the files that its section names and no
others, and then does its work there.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from run.store_conformance import StoreConformance
from support import PATIENCE, require, skip_or_fail
from toys.sqlite_store import SqliteFile
from zerofleet import _core

ROOT = Path(__file__).parent.parent
TOYS = ROOT / "tests" / "toys"
SECTIONS: dict[str, str] = dict(
    re.findall(
        r"^## (A new [\w ]+)\n(.*?)(?=^## )",
        (ROOT / "CONTRIBUTING.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
)


@dataclass(frozen=True)
class Toy:
    """An addition: new files, and texts that are put after others."""

    section: str
    name: str
    new: dict[str, str] = field(default_factory=dict)
    """Path -> file of tests/toys."""
    edits: tuple[tuple[str, str, str], ...] = ()
    """Path, a text that is there once, and what follows it then."""

    def paths(self) -> list[str]:
        return [*self.new, *(path for path, _, _ in self.edits)]

    def add_to(self, tree: Path) -> None:
        for path, source in self.new.items():
            shutil.copy(TOYS / source, tree / path)
        for path, after, text in self.edits:
            before = (tree / path).read_text()
            assert before.count(after) == 1, f"{path}: the steps of this test need {after!r} once"
            (tree / path).write_text(before.replace(after, after + text))


PACKAGE = "src/zerofleet"
NET = Toy(
    "A new net",
    "linear",
    {f"{PACKAGE}/nets/linear.py": "linear.py"},
    (
        (
            f"{PACKAGE}/nets/config.py",
            "    def file_name(self) -> str:\n"
            '        """Begins the names of weight files for people."""\n'
            '        return f"Mlp_{self.num_layers}x{self.num_units}"\n',
            "\n\nclass LinearConfig(HeadsConfig):\n"
            '    """No hidden layer."""\n\n'
            '    kind: Literal["linear"] = "linear"\n    """The family of the net."""\n\n'
            "    def layers_text(self) -> str:\n        return 'linear net'\n\n"
            "    def file_name(self) -> str:\n        return 'Linear'\n",
        ),
        (
            f"{PACKAGE}/nets/config.py",
            "PolicyValueNetConfig = ResNetConfig | SpikingConfig | MlpConfig",
            " | LinearConfig",
        ),
        (
            f"{PACKAGE}/nets/build.py",
            "from zerofleet.nets.layers import ConvNorm\n",
            "from zerofleet.nets.linear import LinearNet\n",
        ),
        (f"{PACKAGE}/nets/build.py", "Net = ResNet | SpikingNet | Mlp", " | LinearNet"),
        (f"{PACKAGE}/nets/build.py", '    "mlp": Mlp,\n', '    "linear": LinearNet,\n'),
    ),
)
RECIPE = Toy("A new recipe", "linear", {f"{PACKAGE}/recipes/linear.yaml": "linear.yaml"})
STORE = Toy(
    "A new store",
    "sqlite",
    {f"{PACKAGE}/run/sqlite_store.py": "sqlite_store.py"},
    (
        (
            f"{PACKAGE}/run/place.py",
            "from zerofleet.run import object_store, ray_store",
            ", sqlite_store",
        ),
        (
            f"{PACKAGE}/run/place.py",
            "    ray_store.SCHEME: ray_store.StoreAddress.parse,\n",
            "    sqlite_store.SCHEME: sqlite_store.SqliteFile.parse,\n",
        ),
    ),
)
LAUNCHER = Toy(
    "A new launcher",
    "shell",
    {
        f"{PACKAGE}/fleet/shell.py": "shell.py",
        f"{PACKAGE}/parallel/shell_workers.py": "shell_workers.py",
    },
    (
        (
            f"{PACKAGE}/parallel/clusters.py",
            "KINDS: Mapping[str, Kind] = {\n",
            '    "shell": Kind("zerofleet.parallel.shell_workers:shell_workers", "nothing"),\n',
        ),
    ),
)
VERB = Toy(
    "A new verb of the command line",
    "versions",
    {f"{PACKAGE}/cli/versions.py": "versions.py"},
    (
        (
            f"{PACKAGE}/cli/__init__.py",
            '    "status": "Show the fleet and the last loops of a run.",\n',
            '    "versions": "List the versions that a run has published.",\n',
        ),
    ),
)
RULE = Toy(
    "A new search rule",
    "ucb",
    {"cpp/search/ucb.h": "cpp/ucb.h"},
    (
        ("cpp/search/mcts_options.h", "{ kPuct, kGumbel, kNone", ", kUcb"),
        (
            "cpp/bind/mcts.cpp",
            "        o.selection = search::Selection::kNone;\n",
            '    else if (selection == "ucb")\n        o.selection = search::Selection::kUcb;\n',
        ),
        ("cpp/search/mcts_walk.cpp", '#include "search/mcts.h"\n', '#include "search/ucb.h"\n'),
        (
            "cpp/search/mcts_walk.cpp",
            "        walk_.edge = select_gumbel_interior("
            "*next, visits - 1, options, work.numbers.data());\n",
            "    } else if (options.selection == Selection::kUcb) {\n"
            "        walk_.edge = select_ucb(*next, {visits - 1, 0.0}, options);\n",
        ),
        ("cpp/search/mcts_root.cpp", '#include "search/noise.h"\n', '#include "search/ucb.h"\n'),
        (
            "cpp/search/mcts_root.cpp",
            "    const Standing at{visits, root_value_sum_ / root_visits_};\n",
            "    if (options.selection == Selection::kUcb) return select_ucb(root, at, options);\n",
        ),
        (
            f"{PACKAGE}/search/config.py",
            '    selection: Literal["puct", "gumbel", "none"',
            ', "ucb"',
        ),
        (
            f"{PACKAGE}/search/reference_rules.py",
            "    if a_next is not None and node.priors[a_next] * unvisited / total > best_score:\n"
            "        return a_next\n    return best\n\n\n",
            "def select_ucb(node, visits, mean, config, fpu):\n"
            "    a_next = node.unvisited()\n"
            "    if a_next is not None:\n        return a_next\n"
            "    best, best_score = -1, -math.inf\n"
            "    for a, edge in node.edges.items():\n"
            "        n = edge.visits + edge.in_flight\n"
            "        q = (edge.value_sum - config.virtual_loss * edge.in_flight) / n\n"
            "        score = q + config.c_puct * math.sqrt(math.log(1.0 + visits) / n)\n"
            "        if score > best_score:\n            best, best_score = a, score\n"
            "    return best\n\n\n",
        ),
        (
            f"{PACKAGE}/search/reference_rules.py",
            '    "puct": select_puct,\n',
            '    "ucb": select_ucb,\n',
        ),
    ),
)
GAME = Toy(
    "A new game",
    "race",
    {"cpp/games/race.h": "cpp/race.h"},
    (
        (
            "cpp/games/registry.h",
            '#include "games/othello.h"\n',
            '#include "games/race.h"\n',
        ),
        ("cpp/games/registry.h", "    GameList<TicTacToe,", " Race,"),
    ),
)
ALL = (GAME, NET, RULE, LAUNCHER, STORE, RECIPE, VERB)


def named_files(section: str, name: str) -> set[str]:
    """The files that a section names; NAME stands for the name of what is added."""
    named = {text.replace("NAME", name) for text in re.findall(r"`([^`\s]+)`", SECTIONS[section])}
    return named | {f"{PACKAGE}/{text}" for text in named}


@pytest.mark.parametrize("toy", ALL, ids=lambda toy: toy.section)
def test_the_steps_name_every_file(toy):
    missing = set(toy.paths()) - named_files(toy.section, toy.name)
    assert not missing, f"CONTRIBUTING.md, {toy.section}: does not name {missing}"


@pytest.mark.parametrize("section", SECTIONS)
def test_the_files_of_the_steps_are_there(section):
    for text in re.findall(r"`([\w/]+\.\w+)`", SECTIONS[section]):
        if "NAME" not in text:
            assert (ROOT / text).exists() or (ROOT / PACKAGE / text).exists(), text


def copy_of_the_package(tree: Path) -> None:
    """With the core as it is, and none of the finders of an editable install."""
    (tree / "src").mkdir(parents=True)
    ignored = shutil.ignore_patterns("__pycache__", "_core*")
    shutil.copytree(ROOT / PACKAGE, tree / PACKAGE, ignore=ignored)
    (tree / "src" / "sitecustomize.py").write_text(
        "import sys\nsys.meta_path[:] = "
        "[f for f in sys.meta_path if 'editable' not in type(f).__module__]\n"
    )


def run_in(tree: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs Python with the copy of the package; fails unless that is well."""
    path = [str(tree / "src"), str(ROOT / "tests"), *filter(None, sys.path)]
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tree,
        timeout=2000 * PATIENCE,  # the core is compiled anew
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path),
            "XDG_STATE_HOME": str(tree / "state"),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "100",
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the package with all toys of Python in it, side by side."""
    tree = tmp_path_factory.mktemp("tree")
    copy_of_the_package(tree)
    core = Path(_core.__file__)
    (tree / PACKAGE / core.name).symlink_to(core)
    for toy in (NET, LAUNCHER, STORE, RECIPE, VERB):
        toy.add_to(tree)
    return tree


@pytest.mark.long
def test_a_recipe_of_a_net_is_trained_in_a_store_by_a_launcher(tree):
    """One command uses all four, and the new verb sees what it did."""
    require("torch")
    run_dir = f"sqlite://{tree}/run.db"
    done = run_in(
        tree, "-m", "zerofleet", "train", "linear", "--run-dir", run_dir, "--fleet", "shell"
    )
    assert "in shells of this host" in done.stdout
    found = run_in(tree, "-m", "zerofleet", "versions", run_dir)
    assert found.stdout == "1 pt safetensors\n2 pt safetensors\n3 pt safetensors\n"
    run_in(tree, "-m", "zerofleet", "audit", run_dir)
    state = tree / "state" / "zerofleet" / "runs"
    (log,) = state.glob("*/logs/worker_shell-0.log")
    assert "shell-0" in log.read_text()
    assert not (tree / "runs").exists()


def test_what_is_added_shows_in_help_and_in_the_tables(tree):
    shown = run_in(tree, "-m", "zerofleet", "--help").stdout
    assert "List the versions that a run has published." in shown
    for path in ("scripts", "docs"):
        shutil.copytree(ROOT / path, tree / path, dirs_exist_ok=True)
    run_in(tree, "scripts/config_table.py")
    page = (tree / "docs" / "configuration.md").read_text()
    assert "linear, othello" in page  # the recipe
    assert "### net of kind linear" in page
    assert ", versions" in page  # verbs with --run-dir


class TestTheToyStoreKeepsWhatStoresPromise(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path):
        return SqliteFile.parse(f"sqlite://{tmp_path}/run.db").store()


@pytest.mark.long
def test_a_game_and_a_search_rule_are_compiled(tmp_path):
    """Takes minutes: the core is compiled anew."""
    if shutil.which(os.environ.get("CXX", "c++")) is None:
        skip_or_fail("this test compiles the core: a C++ compiler is missing")
    copy_of_the_package(tmp_path)
    shutil.copytree(ROOT / "cpp", tmp_path / "cpp")
    shutil.copy(ROOT / "CMakeLists.txt", tmp_path)
    for toy in (GAME, RULE):
        toy.add_to(tmp_path)
    build = ["-S", tmp_path, "-B", tmp_path / "build", "-G", "Ninja"]
    # Ninja of this environment, which need not be on the path.
    build += [f"-DCMAKE_MAKE_PROGRAM={Path(sysconfig.get_path('scripts')) / 'ninja'}"]
    build += [f"-DPython_EXECUTABLE={sys.executable}", "-DZEROFLEET_WERROR=ON"]
    run_in(tmp_path, "-m", "cmake", *build)
    run_in(tmp_path, "-m", "cmake", "--build", tmp_path / "build", "--target", "_core")
    (core,) = (tmp_path / "build").glob("_core*.so")
    shutil.copy(core, tmp_path / PACKAGE)
    run_in(tmp_path, "-m", "zerofleet", "check-game", "race")
    run_in(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", TOYS / "check_core.py")
    played = run_in(
        tmp_path, "-m", "zerofleet", "match", "uct:500", "random", "--game", "race", "--games", "40"
    )
    assert "score" in played.stdout
