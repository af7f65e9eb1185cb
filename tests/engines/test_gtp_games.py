"""A GTP client drives our engine as a process, through games against GNU Go."""

import random
import subprocess
import sys

import pytest

from support import require_program
from zerofleet.cli.gtp import gtp
from zerofleet.engines.errors import EngineError
from zerofleet.engines.gtp import GtpEngine
from zerofleet.engines.gtp_text import parse_command
from zerofleet.engines.net import open_engine_net
from zerofleet.run.named_model import find_model

PATIENCE_SECONDS = 300
"""Longer than anything takes on a busy machine."""

pytestmark = pytest.mark.timeout(PATIENCE_SECONDS)

COLOURS = ("black", "white")


class Program:
    """A GTP engine in a process of its own."""

    def __init__(self, *command: object) -> None:
        self._process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, command: str) -> str:
        """The answer; an engine that fails or says anything else fails the test."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"7 {command}\n")
        self._process.stdin.flush()
        lines = []
        while line := self._process.stdout.readline().rstrip("\n"):
            lines.append(line)
        text = "\n".join(lines)
        assert text.startswith("=7"), f"{command}: {text}"
        return text.removeprefix("=7").strip()

    def quit(self) -> None:
        """It ends by itself, having said nothing else."""
        self.ask("quit")
        out, errors = self._process.communicate(timeout=PATIENCE_SECONDS)
        assert (self._process.returncode, out, errors) == (0, "", "")


class Inside:
    """Our engine in this process: a start less."""

    def __init__(self, net) -> None:
        game, make = open_engine_net(find_model(str(net)), "go")
        evaluator = make(threads=1, batch=8)
        self._engine = GtpEngine(game, evaluator, version="test", simulations=40)

    def ask(self, command: str) -> str:
        parsed = parse_command(command)
        assert parsed is not None
        text = self._engine.answer(parsed)
        assert text.startswith("="), f"{command}: {text}"
        return text.removeprefix("=").strip()


@pytest.fixture
def ours(net_file):
    """Starts our engine for a board, as a process."""
    started = []

    def start(size: int, komi: float) -> Program:
        command = [sys.executable, "-m", "zerofleet", "gtp", net_of(net_file, size, komi)]
        started.append(Program(*command, "--simulations", 40, "--threads", 1))
        return started[-1]

    yield start
    for program in started:
        program.quit()


def net_of(net_file, size: int, komi: float):
    return net_file(f"go(komi={komi:g},size={size})")


@pytest.fixture
def gnugo():
    words = "--mode gtp --level 1 --chinese-rules --positional-superko --never-resign"
    program = Program(require_program("gnugo"), *words.split())
    yield program
    program.quit()


Engine = Program | Inside


class Referee:
    """Hands the moves of a game from one program to the other."""

    def __init__(self, ours: Engine, gnugo: Program, size: int, komi: float, seed: int) -> None:
        self.ours, self.gnugo = ours, gnugo
        self.rng = random.Random(seed)
        gnugo.ask(f"boardsize {size}")
        gnugo.ask(f"set_random_seed {seed}")
        for program in (ours, gnugo):
            program.ask("clear_board")
            program.ask(f"komi {komi:g}")
        self.ply = self.passes = 0

    def move(self, who: Engine, command: str = "genmove") -> None:
        """Asks for the next move and plays it on the other board."""
        colour = COLOURS[self.ply % 2]
        move = who.ask(f"{command} {colour}")
        other = self.gnugo if who is self.ours else self.ours
        other.ask(f"play {colour} {move}")
        if self.rng.random() < 0.1:  # ours takes it back and plays it again
            self.ours.ask("undo")
            self.ours.ask(f"play {colour} {move}")
        self.passes = self.passes + 1 if move.lower() == "pass" else 0
        self.ply += 1

    def settle(self) -> None:
        """Both sides take what is dead, by GNU Go's moves."""
        self.passes = 0
        while self.passes < 2:
            self.move(self.gnugo, "kgs-genmove_cleanup")
        assert not self.gnugo.ask("final_status_list dead"), self.gnugo.ask("showboard")

    def score(self) -> str:
        """The score on which both agree, as they do on the stones."""
        stones = sorted(self.ours.ask("final_status_list alive").split())
        assert stones == sorted(
            self.gnugo.ask("list_stones black").split()
            + self.gnugo.ask("list_stones white").split()
        )
        score = self.ours.ask("final_score")
        assert score == self.gnugo.ask("final_score").removesuffix(".0"), self.gnugo.ask(
            "showboard"
        )
        return score


def play_game(ours: Engine, gnugo: Program, size: int, komi: float, us: int, seed: int) -> str:
    """Plays a game to its end, dead stones taken; returns the score.

    A net that knows nothing loses everything, so in most games GNU Go makes the first moves of both
    sides, and the game is settled before all is lost.
    """
    referee = Referee(ours, gnugo, size, komi, seed)
    rng = referee.rng
    for _ in range(rng.choice([0, 10, 20, 30])):
        referee.move(gnugo)
    ours.ask(f"time_settings {rng.choice(['0 1 0', '20 1 10', '30 0 0'])}")
    most_plies = rng.choice([20, 30, 40, 3 * size * size])
    while referee.passes < 2 and referee.ply < most_plies:
        if referee.ply % 2 == us:
            if rng.random() < 0.3:
                ours.ask(f"time_left {COLOURS[us]} {rng.randrange(10)} {rng.randrange(3)}")
            referee.move(ours)
        else:
            referee.move(gnugo)
    referee.settle()
    return referee.score()


def test_a_game_against_gnu_go(ours, gnugo):
    score = play_game(ours(7, 9.0), gnugo, size=7, komi=9.0, us=0, seed=1)
    assert score[:2] in ("B+", "W+", "0")


def test_a_game_of_the_other_colour_on_the_other_board(net_file, gnugo):
    ours = Inside(net_of(net_file, 9, 7.5))
    score = play_game(ours, gnugo, size=9, komi=7.5, us=1, seed=2)
    assert score[:2] in ("B+", "W+", "0")


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("size", "komi"), [(7, 9.0), (9, 7.5)])
def test_many_games_against_gnu_go(ours, gnugo, size, komi):
    engine = ours(size, komi)
    for number in range(25):
        print(number, play_game(engine, gnugo, size, komi, number % 2, seed=number))


def test_a_net_of_another_game_is_refused_before_a_word_is_said(net_file, capfd):
    with pytest.raises(EngineError, match="a net for chess; expected one for go, the game of GTP"):
        gtp(str(net_file("chess")))
    assert capfd.readouterr() == ("", "")
