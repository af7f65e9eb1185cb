import re
import resource
import subprocess
import sys

import pytest
from command import call, run

from support import PATIENCE
from zerofleet.cli import VERBS, app, commands
from zerofleet.cli.options import KEYS
from zerofleet.roles.config import AlphaBetaRunConfig, recipe_names


@pytest.mark.parametrize("verb", commands())
def test_help_is_complete(verb, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    done = call(capsys, *verb.split(), "--help")
    assert done.returncode == 0
    assert done.stderr == ""
    assert f"Usage: zerofleet {verb}" in done.stdout
    assert f" zerofleet {verb} " in done.stdout.partition("\n")[2]  # an example
    # A flag has a negative only where leaving it out means a third thing.
    negatives = set(re.findall(r"--no-[\w-]+", done.stdout))
    assert negatives <= {"--no-mixed-precision"}
    assert "--empty-" not in done.stdout
    assert "None" not in done.stdout
    for argument in commands()[verb].assemble_argument_collection(parse_docstring=True):
        if argument.children:  # a group of options, which have their own
            continue
        text = argument.parameter.help
        assert text, f"{verb} {argument.name} has no help"
        if argument.field_info.default and not argument.required:  # is shown beside it
            assert "default" not in text, f"{verb} {argument.name} tells its default twice"
        if argument.names[0].startswith("--"):
            assert argument.names[0] in done.stdout


@pytest.mark.parametrize("verb", ["train", "status"])
def test_help_fits_narrow_and_plain_terminals(verb):
    narrow = run(verb, "--help", COLUMNS="60")
    assert max(map(len, narrow.stdout.splitlines())) <= 60
    assert "\x1b" not in narrow.stdout
    plain = run(verb, "--help", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert plain.returncode == 0
    assert plain.stdout.isascii()


def test_defaults_named_in_help_are_the_real_ones():
    config = AlphaBetaRunConfig(game={"name": "ultimate_ttt"}).model_dump()
    named = 0
    for verb in ("train", "trainer", "worker"):  # the others have options and no configuration
        for argument in app[verb].assemble_argument_collection(parse_docstring=True):
            key = KEYS.get(argument.field_info.name)
            text = str(argument.parameter.help)
            if key is None or "(default" not in text:
                continue
            value = config
            for part in key.split("."):
                value = value[part]
            assert text.endswith((f"(default {value}).", f"(default: the run's, {value})."))
            named += 1
    assert named >= 9


def test_help_is_quick():
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([sys.executable, "-m", "zerofleet", "--help"], capture_output=True, check=True)
    # 0.2 s measured; torch or numpy at import would take more than a second.
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 0.9 * PATIENCE


def test_light_verbs_do_not_load_torch():
    code = (
        "import sys, zerofleet.cli, zerofleet.cli.status, zerofleet.cli.mirror\n"
        "print([m for m in ('torch', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_version():
    assert run("--version").stdout.strip()


def test_the_list_of_verbs_begins_with_the_first_one_needed():
    lines = run("--help").stdout.splitlines()
    listed = [line.split()[1] for line in lines if line[:2] == "│ " and line[2] != " "]
    assert [word for word in listed if not word.startswith("-")] == list(VERBS)
    assert listed[0] == "train"
    assert len(listed) == sum(line[:1] == "│" for line in lines)  # each fits on one line


def test_every_recipe_is_named_in_the_help_of_train(capsys):
    shown = re.sub(r"[│\s]+", " ", call(capsys, "train", "--help").stdout)
    names = recipe_names()
    assert f"What to learn: {', '.join(names[:-1])} or {names[-1]};" in shown
