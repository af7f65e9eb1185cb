"""Everything that is typed wrongly is told in one line that says what was expected."""

import pytest
from command import call
from verb_worlds import make_run

from support import read_only, require
from zerofleet.players.shipped import shipped_net

NO_RUN = "no such run directory"
A_FILE = "expected a run directory, this is a file"
NO_GAME = 'unknown game "nothing"'
NO_VERSION = "no version 99; "
CASES = [
    # A directory that is not there, or is a file, or has something else in it.
    ("status missing", 1, NO_RUN),
    ("status file", 1, A_FILE),
    ("audit file", 1, A_FILE),
    ("watch missing", 1, NO_RUN),
    ("watch --file missing", 1, "missing: no such file; expected a training_stats.json"),
    ("watch --file file", 1, "file: training_stats.json: expected a JSON list"),
    ("watch", 2, "expected RUN, or --file"),
    *((f"{verb}", 2, f"{verb} needs RUN. See: ") for verb in ("status", "audit", "web", "ladder")),
    ("restore --version 1", 2, "restore needs RUN. See: zerofleet restore --help"),
    ("status --rnu uttt", 2, "Unknown option: --rnu. Did you mean --run?"),
    ("web file", 1, A_FILE),
    ("results", 2, "expected RUN (or --training FILE), --eval DIR or --compare A B"),
    ("results empty", 1, "empty/training_stats.json: no such file"),
    ("results --eval missing", 1, "missing: no such file or folder"),
    ("results --compare uttt", 2, "--compare requires 2"),
    ("restore missing --version 1", 1, NO_RUN),
    ("restore empty --version 1", 1, "no version 1; it has published none"),
    ("mirror host:/x --run-dir file", 1, A_FILE),
    ("mirror host:/x --run-dir s3://a/b", 2, "this verb needs a directory of a file system. See:"),
    ("ladder file", 1, A_FILE),
    ("ladder empty", 1, "empty/config.json: there is no such file"),
    ("ladder broken", 2, "config.json: not valid JSON"),
    ("fleet up", 2, "which run? give --run-dir"),
    ("fleet up --run-dir file", 1, A_FILE),
    ("fleet up --run-dir uttt", 1, "this run has no fleet"),
    ("fleet up --run-dir uttt --fleet missing.yaml", 2, "missing.yaml: No such file or directory"),
    ("fleet up --run-dir uttt --fleet bad.yaml", 2, "not valid YAML: expected the node content"),
    ("fleet up --run-dir uttt --wheelhouse w", 2, "have no meaning without --install"),
    ("fleet down --run-dir missing", 1, NO_RUN),
    ("fleet status --run-dir file", 1, A_FILE),
    ("fleet reload --run-dir uttt", 1, "this run has no fleet"),
    ("fleet restart w1 --run-dir uttt", 1, "this run has no fleet"),
    ("fleet remove w1 --run-dir uttt", 1, "this run has no fleet"),
    ("fleet logs w1 --run-dir uttt", 1, "this run has no fleet"),
    ("fleet add host --run-dir uttt --name a/b", 2, "'a/b' is not usable as a file name"),
    ("fleet doctor --fleet missing.yaml", 2, "missing.yaml: No such file or directory"),
    ("fleet nothing", 2, 'Unknown command "nothing"'),
    ("worker --shared-dir file", 1, "Not a directory"),
    ("worker --shared-dir s3://", 2, "expected s3://BUCKET/RUN"),
    ("worker --shared-dir ftp://a/b", 2, "no object store is called so"),
    ("worker --shared-dir x --device tpu", 2, "'tpu' is no device; expected cpu"),
    ("worker --shared-dir x --worker-id ../x", 2, "not usable as a file name"),
    ("worker --shared-dir x --worker-class game", 2, "expected FILE.py:CLASS or MODULE:CLASS"),
    ("import missing.pgn --run-dir new", 2, "missing.pgn: no such file or folder"),
    ("import file", 2, "--run-dir is needed"),
    ("import file --run-dir new --game nothing", 2, NO_GAME),
    ("import file --run-dir uttt", 2, "uttt is a run of ultimate_ttt; games are imported of chess"),
    ("doctor --gpus 99", 2, "there is no cuda:99 here"),
    # A game, a version, a player or a net that is none.
    ("play nothing", 2, NO_GAME),
    ("play missing/x", 1, "no such run directory or file"),
    ("play uttt@0099", 1, NO_VERSION),
    ("play tic_tac_toe --opponent foo", 1, "unknown player 'foo'; players are: random"),
    ("play tic_tac_toe --side third", 2, 'Choose from: "first", "second"'),
    ("match random random", 2, "which game?"),
    ("match random random --game nothing", 2, NO_GAME),
    ("match random random --game go(size=99)", 2, "expected 5..19"),
    ("match random uttt@0099", 1, NO_VERSION),
    ("match random random --game tic_tac_toe --games 3", 1, "expected an even number of games"),
    ("match random random --game tic_tac_toe --sprt 5,0", 1, "expected elo0 < elo1"),
    ("match random random --game tic_tac_toe --clock x", 1, "expected seconds for a game"),
    ("match random random --game tic_tac_toe --save file", 1, "file: expected a directory"),
    ("match random random --game tic_tac_toe --save file/x", 1, "file/x: Not a directory"),
    ("match uci:no-such-engine random --game chess", 1, "there is no program 'no-such-engine'"),
    ("match net.nnue?foo=1 random --game ultimate_ttt", 1, "unknown setting 'foo'"),
    ("ladder uttt --versions x", 1, "expected all, a number, or a list"),
    ("ladder uttt --opponents foo", 1, "unknown player 'foo'"),
    ("benchmark", 2, "benchmark needs CHECKPOINT. See: "),
    ("benchmark missing", 1, "'missing' names no model"),
    ("benchmark --checkpoint missing", 1, "'missing' names no model"),
    ("benchmark --checkpoint uttt --opponents random,random", 2, "named twice"),
    ("benchmark --checkpoint bad.nnue", 1, "truncated"),
    ("benchmark --checkpoint uttt --save file", 1, "file: expected a directory"),
    ("selfplay nothing", 2, NO_GAME),
    ("selfplay uttt@0099", 2, NO_VERSION),
    ("selfplay uttt --simulations 5", 2, "plays by alpha-beta; it has --depth"),
    ("ladder uttt --simulations 5", 2, "has no meaning here: the net of uttt searches --depth"),
    ("play uttt --simulations 5", 2, "has no meaning here: uttt@0002 searches --depth plies"),
    ("play connect_four --depth 5", 2, "shipped:connect_four is searched by --simulations"),
    (
        "play othello --depth 5",
        2,
        "--depth 5: has no meaning here: minimax:3 says its own settings",
    ),
    ("selfplay game.py:Game", 2, "game.py has no class 'Game'; its classes: none"),
    ("uci missing", 1, "'missing' names no model"),
    ("gtp empty", 1, "no model is published yet"),
    ("gtp uttt", 1, "expected a net of policy and value"),
    ("new-game game.py", 2, "game.py exists; choose another name"),
    ("new-game x-y.py", 2, "expected a name of letters, digits and _"),
    ("check-game missing.py:Game", 2, "missing.py: No such file or directory"),
    ("check-game broken.py:Game", 2, "broken.py cannot be read: SyntaxError"),
    # A recipe, a key or a device that is none.
    ("train nothing", 2, "unknown recipe 'nothing'. Known: chess, "),
    ("train chess4", 2, "did you mean 'chess'? Known: "),
    ("train missing.yaml", 2, "no such file"),
    ("train bad.yaml", 2, "not valid YAML: expected the node content"),
    ("train list.yaml", 2, "expected a mapping of sections, got ['a', 'b']"),
    ("train game.py:Game", 2, "game.py has no class 'Game'"),
    ("train tic_tac_toe --run-dir file", 2, "a file is there"),
    ("train tic_tac_toe --run-dir uttt", 2, "uttt is a run of ultimate_ttt; the recipe"),
    ("train tic_tac_toe --gpus 99", 2, "there is no cuda:99 here"),
    ("train tic_tac_toe --fleet file", 2, "expected a mapping with workers:"),
    (
        "train tic_tac_toe --data missing",
        2,
        "--data missing: no such run directory, folder or file",
    ),
    ("train tic_tac_toe --set search.num_simulations=x", 2, "should be a valid integer"),
    ("train chess --set search.cache_mib=1", 2, "search.cache_mib: chess needs at least 2, got 1;"),
    ("trainer --run-dir new --recipe go7 --set search.max_nodes=5", 2, "search.max_nodes must be"),
    ("train chess --set search.max_tree_kib=1", 2, "search.max_tree_kib must be at least"),
    (
        "train tic_tac_toe --set selfplay.num_random_plies=9",
        2,
        "selfplay.num_random_plies must be less than the plies of a game, got 9",
    ),
    ("train ultimate_ttt --set selfplay.num_random_plies=81", 2, "must be in 0..80"),
    ("train tic_tac_toe --set search.max_considered_actions=9999999999", 2, "or equal to 21474"),
    ("train tic_tac_toe --set search.c_visit=.inf", 2, "search.c_visit: Input should be a finite"),
    ("train ultimate_ttt --set search.nodes=1e99", 2, "search.nodes: Input should be"),
    ("worker --shared-dir x --depth 101", 2, 'value "101" for --depth. Must be <= 100'),
    (
        "train ultimate_ttt --simulations 50",
        2,
        "(--simulations): this run searches with alpha-beta, whose knob is the depth: --depth 6",
    ),
    ("train go7 --depth 4", 2, "search.depth (--depth): this run searches trees, whose knob are"),
    ("train ultimate_ttt --max-plies 9", 2, "selfplay.max_plies (a key of tree search): this"),
    ("train go7 --set search.table_kib=9", 2, "(a key of alpha-beta): this run searches trees"),
    ("train ultimate_ttt --filters 9", 2, "nets of kind resnet, spiking have it, not nnue"),
    ("train tic_tac_toe --project-name x", 2, "has no meaning without --use-wandb"),
    ("train tic_tac_toe more", 2, "Unused Tokens: ['more']"),
    ("trainer --run-dir uttt --recipe tic_tac_toe", 2, "use another --run-dir"),
    ("trainer --run-dir new --recipe tic_tac_toe --device cuda:99", 2, "there is no cuda:99 here"),
    ("trainer --run-dir new --recipe go7 --checkpoint missing", 2, "missing: no such file"),
    ("launch", 2, "--data is missing"),
    ("launch --data missing", 2, "--data missing: no such run directory, folder or file"),
    ("launch --data empty --recipe nothing", 2, "unknown recipe 'nothing'"),
    ("launch --data empty --node-rank 5", 1, "the job has 1 node, counted from 0"),
    ("export missing.pt out.nnue", 1, "missing.pt: No such file or directory"),
    ("export net.nnue out.txt", 2, "expected a name that ends in .nnue"),
]
"""A command, its exit status, and what its one line has."""
WITH_TORCH = ("train", "trainer", "launch", "export")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Files and directories of many kinds."""
    folder = tmp_path_factory.mktemp("world")
    make_run(folder / "uttt", "ultimate_ttt")
    net = shipped_net("ultimate_ttt").read_bytes()
    for name, data in {
        "file": b"hello\n",
        "net.nnue": net,
        "bad.nnue": net[:100],
        "bad.yaml": b"a: [\n",
        "list.yaml": b"- a\n- b\n",
        "game.py": b"x = 1\n",
        "broken.py": b"def (:\n",
    }.items():
        (folder / name).write_bytes(data)
    for name in ("empty", "broken"):
        (folder / name).mkdir()
    (folder / "broken" / "config.json").write_text("{")
    return folder


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*"))


@pytest.mark.parametrize(("line", "status", "message"), CASES, ids=lambda value: str(value)[:60])
def test_one_line_says_what_was_expected(line, status, message, world, capsys, monkeypatch):
    if line.split()[0] in WITH_TORCH:
        require("torch")
    if line.startswith("fleet"):
        require("asyncssh")
    if line.startswith("web"):
        require("starlette")
    monkeypatch.chdir(world)
    monkeypatch.setenv("XDG_STATE_HOME", str(world / "state"))
    before = names_in(world)
    done = call(capsys, *line.split())
    assert done.returncode == status, done
    (told,) = done.stderr.splitlines()
    assert told.startswith("zerofleet: ")
    assert message in told
    assert names_in(world) == before  # nothing was written


@pytest.mark.parametrize(
    "line",
    [
        "trainer --run-dir locked/run --recipe tic_tac_toe",
        "train tic_tac_toe --run-dir locked/run",
        "worker --run-dir locked/run",
        "match random random --game tic_tac_toe --save locked/m",
        "selfplay tic_tac_toe --games 1 --out locked/games",
        "import file --run-dir locked/games",
    ],
)
def test_a_directory_that_cannot_be_written(line, world, capsys, monkeypatch):
    if line.split()[0] in WITH_TORCH:
        require("torch")
    monkeypatch.chdir(world)
    with read_only(world / "locked"):
        done = call(capsys, *line.split())
    assert done.returncode in (1, 2)
    told = done.stderr.splitlines()[-1]
    assert told.startswith("zerofleet: ")
    assert "locked" in told
    assert "ead-only" in told


def test_every_verb_is_here():
    from zerofleet.cli import VERBS

    assert {line.split()[0] for line, _, _ in CASES} == set(VERBS)
