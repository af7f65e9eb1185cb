"""Engines as players: what they do wrong costs one game, and no process is left."""

import math
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from support import PATIENCE
from zerofleet.arena.match import play_match
from zerofleet.arena.openings import Opening
from zerofleet.arena.rules import MatchRules, TimeControl
from zerofleet.engines.errors import EngineTimeout
from zerofleet.engines.uci_client import UciClient
from zerofleet.games import State, load_game
from zerofleet.players.external import load_external
from zerofleet.players.player import Forfeit, PlayerError
from zerofleet.players.registry import load_player

FAKE = Path(__file__).parent.parent / "engines" / "fake_engine.py"
CHESS = load_game("chess")
GO = load_game("go(komi=0.5,size=5)")
HANG = math.ceil(2 * PATIENCE)
"""Seconds an engine that hangs is waited for, in which one that does not has answered."""


def fake(protocol: str, what: str, *words: object, settings: str = "timeout=30") -> str:
    command = [sys.executable, "-I", "-S", FAKE, protocol, what, *words]
    return f"{protocol}:{shlex.join(map(str, command))}?processes=2&{settings}"


@pytest.fixture
def player():
    """Makes players and ends their processes."""
    made = []

    def make(text: str, game=CHESS):
        made.append(load_player(text, game))
        return made[-1]

    yield make
    for player in made:
        player.close()


def pids(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def wait_until_gone(numbers: list[int]) -> None:
    deadline = time.monotonic() + 30
    while alive := [n for n in numbers if Path(f"/proc/{n}").exists() and not is_zombie(n)]:
        assert time.monotonic() < deadline, f"still there: {alive}"
        time.sleep(0.02)


def is_zombie(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize(
    ("what", "settings", "reason", "problem"),
    [
        ("illegal", "timeout=30", "illegal action", "illegal move 'a1a1' in rnbqkbnr/"),
        ("none", "timeout=30", "illegal action", "illegal move '(none)'"),
        ("empty", "timeout=30", "illegal action", "illegal move ''"),
        ("noise", "timeout=30", "illegal action", "illegal move"),
        ("crash", "timeout=30", "crash", "exit status 3; it said: out of ideas"),
        ("kill", "timeout=30", "crash", "killed by SIGKILL"),
        (
            "hang",
            f"timeout={HANG}&nodes=5",
            "timeout",
            "did not answer in time: waited for bestmove",
        ),
        ("spam", "timeout=1&movetime=1", "timeout", "did not answer in time"),
    ],
)
def test_what_an_engine_does_wrong_over_uci(player, what, settings, reason, problem):
    bad = player(fake("uci", what, settings=settings))
    first, second = bad.select_actions([CHESS.initial_state()] * 2, [1, 2])
    assert first == second
    assert isinstance(first, Forfeit)
    assert first.reason == reason
    assert problem in first.problem


@pytest.mark.parametrize(
    ("what", "reason", "problem"),
    [
        ("illegal", "error", "by 'a1a1', which is no move"),
        ("crash", "crash", "out of ideas"),
        ("hang", "timeout", "waited for the answer to 'genmove "),
        ("refuse", "error", "refused 'play black A1': illegal move"),
        ("resign", "resigned", ""),
    ],
)
def test_a_failure_costs_its_game_only(player, what, reason, problem):
    """Games with a stone on A1 are lost; the same engine plays the others to their end."""

    class Passes:
        name = "passes"

        def select_actions(self, states: Sequence[State], seeds: Sequence[int]) -> list[int]:
            return [25] * len(states)

    a1, c3, d4 = (GO.action_from_text(GO.initial_state(), t) for t in ("A1", "C3", "D4"))
    # Waited for in full by each engine that hangs; others have time on a busy machine.
    bad = player(fake("gtp", what, settings=f"timeout={HANG if what == 'hang' else 30}"), GO)
    openings = [Opening((a1, c3)), Opening((c3, d4))]
    result = play_match(GO, bad, Passes(), num_games=4, seed=1, openings=openings)
    assert [g.termination for g in result.games] == [reason, reason, "played", "played"]
    assert [g.score for g in result.games[:2]] == [0.0, 0.0]
    assert len(result.problems) == (2 if problem else 0)
    assert all(problem in p for p in result.problems)


def test_moves_are_played(player):
    good = player(fake("uci", "good"))
    state = CHESS.initial_state()
    assert good.select_actions([state] * 3, [0, 1, 2]) == [CHESS.action_from_text(state, "e4")] * 3
    assert good.select_actions([], []) == []
    good = player(fake("gtp", "good"), GO)
    assert good.select_actions([GO.initial_state()], [5]) == [25]
    assert good.name == fake("gtp", "good")


def test_options_reach_the_engine(player):
    settings = "Hash=64&style=wild child&option.Book=a=b"
    bad = player(fake("uci", "echo", settings=settings))
    (answer,) = bad.select_actions([CHESS.initial_state()], [1])
    assert isinstance(answer, Forfeit)
    assert answer.problem.endswith(
        "setoption name Hash value 64 / setoption name Style value Wild Child / "
        "setoption name Book value a=b"
    )


@pytest.mark.parametrize(
    ("text", "game", "message"),
    [
        (fake("uci", "x", settings="Hush=3"), CHESS, "unknown option 'Hush'; did you mean 'Hash'"),
        (
            fake("uci", "x", settings="Hash=65"),
            CHESS,
            r"Hash: expected a number 1\.\.64; came '65'",
        ),
        (fake("uci", "x", settings="Style=Mad"), CHESS, "expected one of Calm, Wild Child"),
        (fake("uci", "x", settings="nodes=0"), CHESS, r"expected nodes as a number 1\.\.10+; came"),
        (fake("uci", "x", settings="timeout=soon"), CHESS, "expected timeout as a number"),
        ("uci:", CHESS, "expected a program"),
        ("uci:stokfish-17", CHESS, "no program 'stokfish-17' on the PATH; install it"),
        ("uci:'stockfish", CHESS, "No closing quotation"),
        (fake("uci", "x"), GO, "engines with UCI play chess, not go"),
        (fake("gtp", "x"), CHESS, "engines with GTP play go, not chess"),
        (
            fake("gtp", "x", settings="level=3"),
            GO,
            "unknown setting 'level'; gtp: has timeout, proc",
        ),
        (fake("gtp", "small"), GO, r"does not play go\(komi=0\.5,size=5\): refused 'boardsize 5'"),
        (fake("gtp", "old"), GO, "expected version 2 of GTP; came '1'"),
        ("gtp:false", GO, "false ended: exit status 1"),
    ],
)
def test_engines_that_cannot_be_used_say_why(text, game, message):
    with pytest.raises(PlayerError, match=message):
        load_player(text, game)


def test_an_engine_that_says_nothing_is_given_up():
    command = [sys.executable, "-I", "-S", str(FAKE), "uci", "mute"]
    limits = {"go": "nodes 1", "move_seconds": 0, "timeout_seconds": 30, "start_seconds": 0.2}
    with pytest.raises(EngineTimeout, match="in time: waited for uciok"):
        UciClient(CHESS, command, options={}, **limits)


@pytest.mark.parametrize("what", ["slow", "deaf", "spam"])
def test_closing_ends_the_processes(tmp_path, what):
    """Those too that do not hear that they should end."""
    file = tmp_path / "pids"
    player = load_external(fake("uci", what, file, settings="timeout=1&nodes=1"), CHESS)
    player.select_actions([CHESS.initial_state()] * 2, [1] * 2)
    assert len(pids(file)) == 2
    player.close()
    wait_until_gone(pids(file))


def test_a_player_that_is_forgotten_leaves_no_process(tmp_path):
    file = tmp_path / "pids"
    player = load_external(fake("uci", "slow", file), CHESS)
    player.select_actions([CHESS.initial_state()] * 2, [1, 2])
    assert len(pids(file)) == 2
    del player
    wait_until_gone(pids(file))


PLAY = """
import sys
from zerofleet.games import State, load_game
from zerofleet.players.external import load_external
player = load_external(sys.argv[1], load_game("chess"))
print("asks", flush=True)
player.select_actions([load_game("chess").initial_state()] * 2, [1, 2])
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_we_end_no_engine_is_left(tmp_path, number):
    """In the middle of a move, the engine deaf to everything."""
    file = tmp_path / "pids"
    command = [sys.executable, "-c", PLAY, fake("uci", "deaf", file, settings="timeout=100")]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ,
        # Whoever started these tests in the background made them deaf to Ctrl-C, and us with them.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as ours:
        assert ours.stdout is not None
        assert ours.stdout.readline() == b"asks\n"
        deadline = time.monotonic() + 30
        while len(pids(file)) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(pids(file)) == 2
        time.sleep(0.3)  # they are asked for a move
        ours.send_signal(number)
        ours.wait(timeout=30)
    wait_until_gone(pids(file))


def test_an_engine_that_oversteps_its_clock_loses(player):
    """It thinks half a second a move; the clock has one."""
    rules = MatchRules(time_control=TimeControl(1.2))
    slow = player(fake("gtp", "slow"), GO)
    stone = Opening(tuple(GO.action_from_text(GO.initial_state(), m) for m in ("A1",)))
    result = play_match(GO, slow, Waits(), num_games=2, seed=1, openings=[stone], rules=rules)
    assert result.terminations == {"timeout": 2}
    assert result.losses == 2
    assert "its time is over" in result.problems[0]


class Waits:
    """Plays the first free point, so that games last."""

    name = "waits"

    def select_actions(self, states, seeds):
        return [s.legal_actions()[0] for s in states]
