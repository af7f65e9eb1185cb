"""What is in the sdist and in the wheel, and that the wheel works where there is nothing else."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from installed import PROJECT, link, needed, requirements
from support import PATIENCE, require_program

ROOT = Path(__file__).parent.parent
VERSION = PROJECT["version"]
LICENSES = {f"licenses/{name}" for name in PROJECT["license-files"]}


def run(*command: object, cwd: Path = ROOT, **environment: str) -> str:
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=2000 * PATIENCE,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tracked():
    """Files of the checkout, those not yet committed included."""
    require_program("git")
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout: there is no list of files to compare with")
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard")
    return {name for name in listed.splitlines() if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def revision(tracked):
    return run("git", "describe", "--always", "--dirty=.dirty", "--exclude=*").strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Compiles the core, in a build folder of its own, which is kept."""
    folder = tmp_path_factory.mktemp("wheel")
    run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"),
        *(f"--config-settings=build-dir={ROOT / 'build' / 'wheel'}", "--wheel-dir", folder, "."),
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PIP_NO_INDEX="1",
    )
    (path,) = folder.glob("*.whl")
    return path


def test_the_sdist_is_the_checkout(tracked, revision, tmp_path):
    code = "import sys; from scikit_build_core.build import build_sdist; build_sdist(sys.argv[1])"
    run(sys.executable, "-c", code, tmp_path)
    (path,) = tmp_path.glob("*.tar.gz")
    assert path.name == f"zerofleet-{VERSION}.tar.gz"
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        written = archive.extractfile(f"zerofleet-{VERSION}/REVISION").read().decode()
    assert names == tracked | {"PKG-INFO", "REVISION"}
    assert written.strip() == revision


@pytest.mark.long
def test_the_wheel_has_the_package_and_nothing_else(wheel, tracked, revision):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        info = f"zerofleet-{VERSION}.dist-info"
        metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
        written = archive.read("zerofleet/REVISION").decode()
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    sources = {name.removeprefix("src/") for name in tracked if name.startswith("src/")}
    assert names == (
        sources
        | {f"zerofleet/_core{suffix}", "zerofleet/_core.pyi", "zerofleet/REVISION"}
        | {f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")}
        | {f"{info}/{name}" for name in LICENSES}
    )
    for kind in ("yaml", "nnue", "safetensors", "js", "css", "html", "py.typed"):
        assert any(name.endswith(kind) for name in names), kind
    assert written.strip() == revision
    base = [text for text in metadata.get_all("Requires-Dist") if "extra ==" not in text]
    assert {Requirement(text).name for text in base} == {
        Requirement(text).name for text in PROJECT["dependencies"]
    }
    assert set(metadata.get_all("Provides-Extra")) == set(PROJECT["optional-dependencies"])


@pytest.fixture(scope="module")
def empty(wheel, tmp_path_factory):
    """An environment with the wheel and the base dependencies, those that are installed here."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    site = Path(run(python, "-c", "import site; print(site.getsitepackages()[0])").strip())
    link(needed(requirements()), site)
    run(
        *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps"),
        *("--no-index", "--no-compile", wheel),
        PIP_DISABLE_PIP_VERSION_CHECK="1",
    )
    return folder


def in_empty(folder: Path, *command: object, **environment: str) -> subprocess.CompletedProcess:
    """Runs a command of the environment; neither a compiler nor our own Python is on its path."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [str(folder / "bin" / str(command[0])), *map(str, command[1:])],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=250 * PATIENCE,
        env={"PATH": str(folder / "bin"), "HOME": str(home), **environment},
    )


@pytest.mark.long
def test_the_wheel_runs_without_torch_and_without_a_compiler(empty, revision):
    done = in_empty(empty, "python", ROOT / "scripts" / "try_install.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "torch is here" not in done.stdout
    assert f"zerofleet {VERSION}+g{revision} in " in done.stdout


@pytest.mark.long
@pytest.mark.parametrize("verb", ["train tic_tac_toe", "play connect_four", "trainer --run-dir x"])
def test_what_needs_torch_names_the_extra(empty, verb):
    done = in_empty(empty, "zerofleet", *verb.split())
    assert done.returncode in (1, 2)
    (line,) = done.stderr.splitlines()
    assert line.startswith("zerofleet: ")
    assert "pip install 'zerofleet[" in line
    assert not (empty / "home" / "x").exists()
