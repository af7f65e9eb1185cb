"""Go against three independent implementations: a slow twin, OpenSpiel and GNU Go."""

import random
import subprocess
from typing import Any

import numpy as np
import pytest
from go_twin import EMPTY, Go
from hypothesis import example, given, settings
from hypothesis import strategies as st

from support import require, require_program
from zerofleet import load_game
from zerofleet.testing import check_game


def result_text(score: float) -> str:
    return "draw" if score == 0 else f"{'BW'[score < 0]}+{abs(score):.1f}"


def policy(rng: random.Random, number: int, legal: list[int]) -> int:
    """Even games pass like any other move; odd ones pass only if they must, which makes them long
    and full of captures and repetitions."""
    return rng.choice(legal[:-1] if number % 2 and len(legal) > 1 else legal)


def expected_planes(twin: Go) -> np.ndarray:
    """The page of the game in code: 8 positions x (mine, theirs), then whether Black moves."""
    size, me = twin.size, twin.to_play
    planes = np.zeros((17, twin.num_points), np.float32)
    for back, board in enumerate(reversed(twin.boards[-8:])):
        cells = np.frombuffer(board, np.uint8)
        planes[2 * back] = cells == me
        planes[2 * back + 1] = cells == 1 - me
    planes[16] = me == 0
    return planes.reshape(17, size, size)


def compare_game(game: Any, size: int, number: int) -> tuple[bool, int]:
    """Plays one random game in both; was it played to its bound, and how often superko forbade?"""
    rng = random.Random(f"{size} {number}")
    state, twin, num_superko = game.initial_state(), Go(size), 0
    while True:
        legal = twin.legal_actions()
        num_superko += len(twin.superko)
        where = state.text
        assert state.legal_actions() == legal, where()
        assert state.is_terminal == twin.is_terminal, where()
        assert np.array_equal(state.observation(), expected_planes(twin)), where()
        if twin.is_terminal:
            break
        assert state.to_play == twin.to_play, where()
        action = policy(rng, number, legal)
        state.apply(action)
        twin.apply(action)
    score = twin.score()
    assert str(state).endswith(result_text(score)), state.text()
    assert state.returns() == [np.sign(score), -np.sign(score)], state.text()
    return twin.num_passes < 2, num_superko


def compare_games(size: int, numbers: range) -> None:
    game = load_game("go", size=size)
    ends, num_superko = set(), 0
    for number in numbers:
        at_bound, forbidden = compare_game(game, size, number)
        ends.add(at_bound)
        num_superko += forbidden
    assert num_superko > 0 or len(numbers) == 1
    assert ends == {True, False} or size == 19, "both ways to end"
    print(f"size {size}: {len(numbers)} games, superko forbade {num_superko} points")


@pytest.mark.parametrize(("size", "num_games"), [(5, 100), (7, 24), (9, 12), (19, 1)])
def test_equals_the_twin(size: int, num_games: int) -> None:
    compare_games(size, range(num_games))


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("size", "num_games"), [(5, 2000), (7, 2000), (9, 2000), (19, 2000)])
def test_equals_the_twin_on_many_games(size: int, num_games: int) -> None:
    compare_games(size, range(1000, 1000 + num_games))


@pytest.mark.parametrize("size", [6, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18])
def test_other_sizes_equal_the_twin_for_a_while(size: int) -> None:
    game, twin, rng = load_game("go", size=size), Go(size), random.Random(size)
    state = game.initial_state()
    for ply in range(3 * size * size // 2):
        if ply % 7 == 0 or twin.is_terminal:
            assert state.legal_actions() == twin.legal_actions(), state.text()
        if twin.is_terminal:
            break
        action = policy(rng, 1, state.legal_actions())
        state.apply(action)
        twin.apply(action)
    assert state.observation()[:16].any()
    assert np.array_equal(state.observation(), expected_planes(twin))


# ---- OpenSpiel


def compare_with_openspiel(size: int, num_games: int, komi: float) -> int:
    """Returns how many moves OpenSpiel has that superko forbids: there they end the game."""
    pyspiel = require("pyspiel")
    game = load_game("go", size=size, komi=komi)
    bound = {"max_game_length": 3 * size * size}
    oracle_game = pyspiel.load_game("go", {"board_size": size, "komi": komi} | bound)
    rng = random.Random(size)

    def theirs(action: int) -> int:  # rows count from the bottom there
        row, col = divmod(action, size)
        return action if action == size * size else (size - 1 - row) * size + col

    num_superko, results = 0, set()
    for number in range(num_games):
        state, oracle = game.initial_state(), oracle_game.new_initial_state()
        boards = {bytes([EMPTY] * size * size)}
        twin = Go(size)
        while not oracle.is_terminal():
            legal, more = state.legal_actions(), oracle.legal_actions()
            assert {theirs(a) for a in legal} <= set(more), state.text()
            for action in set(more) - {theirs(a) for a in legal}:
                child = oracle.child(action)
                assert child.is_terminal(), state.text()  # repeated: "superko" ends the game there
                twin.legal_actions()
                assert theirs(action) in twin.superko, state.text()
                num_superko += 1
            assert state.to_play == oracle.current_player()
            action = policy(rng, number, legal)
            state.apply(action)
            oracle.apply_action(theirs(action))
            twin.apply(action)
            boards.add(twin.board)
        assert state.is_terminal, state.text()
        assert state.returns() == oracle.returns(), state.text()
        results.add(state.returns()[0])
    assert len(results) > 1
    return num_superko


def test_equals_openspiel_but_for_superko() -> None:
    found = [compare_with_openspiel(5, 60, 0.5), compare_with_openspiel(9, 8, 7.5)]
    assert all(found), found


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("size", "num_games"), [(5, 2000), (7, 600), (9, 300), (19, 10)])
def test_equals_openspiel_on_many_games(size: int, num_games: int) -> None:
    print(size, compare_with_openspiel(size, num_games, 6.5), "superko moves")


# ---- GNU Go


class Gtp:
    """A GTP engine as a child process."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, command: str) -> str:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        lines = list(iter(self.process.stdout.readline, "\n"))
        assert lines[0].startswith("="), (command, lines)
        return "".join(lines)[1:].strip()

    def close(self) -> None:
        self.process.communicate("quit\n", timeout=10)


@pytest.mark.parametrize(("size", "num_games"), [(5, 6), (9, 2)])
def test_legal_moves_equal_gnugo(size: int, num_games: int) -> None:
    """GNU Go knows positional superko; GTP has no end of the game by two passes."""
    path = require_program("gnugo")
    engine = Gtp([path, "--mode", "gtp", "--positional-superko", "--forbid-suicide"])
    game, rng = load_game("go", size=size), random.Random(size)
    engine(f"boardsize {size}")
    for number in range(num_games):
        state = game.initial_state()
        engine("clear_board")
        while not state.is_terminal:
            legal = state.legal_actions()
            mine = {game.action_to_text(state, a) for a in legal[:-1]}
            colour = ("black", "white")[state.to_play]
            assert mine == set(engine(f"all_legal {colour}").split()), state.text()
            action = policy(rng, number, legal)
            engine(f"play {colour} {game.action_to_text(state, action)}")
            state.apply(action)
    engine.close()


# ---- rules a person can check


def play(moves: str, **options: Any) -> Any:
    game = load_game("go", **options)
    state = game.initial_state()
    for move in moves.split():
        state.apply(game.action_from_text(state, move))
    return state


def legal(state: Any, game: Any) -> set[str]:
    return {game.action_to_text(state, a) for a in state.legal_actions()}


def test_ko_and_the_answer_elsewhere() -> None:
    game = load_game("go", size=5)
    state = play("B3 C3 C4 D4 C2 D2 D3 E3 A1 C3", size=5)  # White took the ko at C3
    assert "D3" not in legal(state, game)
    for move in ("A5", "E5"):
        state.apply(game.action_from_text(state, move))
    assert "D3" in legal(state, game)


def test_superko_forbids_sending_two_returning_one() -> None:
    """Black takes two, White takes the taker back; the second stone again would be the start."""
    game = load_game("go", size=5)
    start = "OO.O./XXO../...../...../..... X 7.5"
    assert "A5" not in legal(game.parse(start + " C5 B5 pass"), game)  # it captures nothing
    assert "A5" in legal(game.parse(start + " C5 B5"), game)  # to Black the board would be new
    one_stone = start.replace("OO.O.", ".O.O.").replace("X 7.5", "O 7.5")
    assert "B5" not in legal(game.parse(one_stone + " A5 C5"), game)  # whoever moves next


def test_suicide_is_illegal_and_capture_is_not() -> None:
    game = load_game("go", size=5)
    eye = game.parse(".O.../O..../...../...../..... X 7.5")
    assert "A5" not in legal(eye, game)
    capture = game.parse(".OX../OX.../X..../...../..... X 7.5")
    assert "A5" in legal(capture, game)
    capture.apply(game.action_from_text(capture, "A5"))
    assert str(capture).splitlines()[1].split()[1:4] == ["X", ".", "X"]


def test_area_score() -> None:
    state = load_game("go", size=5, komi=2.5).parse("X.X.O/XXX.O/X..OO/XXXO./X.XOO X 2.5 pass pass")
    # Black: 11 stones and 2 points; White: 7 stones and 1 point; four points touch both.
    assert state.is_terminal
    assert str(state).endswith("B+2.5")
    drawn = load_game("go", size=5, komi=0).parse("...../...../...../...../..... X 0.0 pass pass")
    assert drawn.returns() == [0, 0]
    assert str(drawn).endswith("draw")


def test_no_komi_has_one_name() -> None:
    game = load_game("go(komi=-0,size=5)")
    assert game.spec == load_game("go", size=5, komi=0).spec == "go(komi=0,size=5)"
    state = game.initial_state()
    assert game.parse(state.text()) == state


def test_bytes_of_another_komi_are_refused() -> None:
    packed = load_game("go", size=5, komi=0.5).initial_state().pack()
    with pytest.raises(ValueError, match=r"komi is 0\.5; expected 7\.5 as in go\(size=5\)"):
        load_game("go", size=5).unpack(packed)


def test_komi_is_from_the_movers_view() -> None:
    state = load_game("go", size=5, komi=5).initial_state()
    assert state.scalars().tolist() == [-0.25]
    state.apply(12)
    assert state.scalars().tolist() == [0.25]


# ---- texts


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "not 5 rows of 5"),
        ("..... X 7.5", "not 5 rows of 5"),
        ("...../...../...../...../.....", "no side to move"),
        ("...../...../...../...../..... B 7.5", "unknown side"),
        ("...../...../...../...../..... X", "no komi"),
        ("...../...../...../...../..... X x", "no komi"),
        ("...../...../...../...../..... X 7.25", "multiple of 0.5"),
        ("...../...../...../...../..... X 7", "komi is not written as 7.0"),
        ("...../...../...../...../..... X -0.0", "komi is not written as 0.0"),
        ("...../...../...../...../..... X 7.5 ", "a space at the end"),
        ("...../...../...../...../..... X nan", "multiple of 0.5"),
        ("...../...../...../...../..... X 999", "multiple of 0.5"),
        ("...../...../...../...../....x X 7.5", "unknown piece in row 5"),
        (".OX../OX.../XO.../...../..... X 7.5 A5 B5 C3 A5", "is not legal"),
        ("OX.../X..../...../...../..... X 7.5", "the chain at A5 has no liberty"),
        ("...../...../...../...../..... X 7.5 I3", 'move 1, "I3", is no move'),
        ("...../...../...../...../..... X 7.5 A1 A1", "move 2, A1, is not legal"),
        ("...../...../...../...../..... X 7.5 pass pass A1", "after the end"),
        ("...../...../...../...../..... X 6.5", "komi is not 7.5"),
    ],
)
def test_bad_texts_say_what_is_wrong(text: str, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        load_game("go", size=5).parse(text)


@pytest.mark.parametrize(
    "text", ["", "a", "I5", "A0", "A10", "J9x", "K1", "A01", "a1", "tt", "PASS"]
)
def test_bad_action_texts(text: str) -> None:
    game = load_game("go", size=9)
    with pytest.raises(ValueError, match="expected a point such as D4, or pass"):
        game.action_from_text(game.initial_state(), text)


def test_action_texts() -> None:
    game = load_game("go", size=9)
    state = game.initial_state()
    for text, action in (("A9", 0), ("J1", 80), ("pass", 81), ("H9", 7)):
        assert game.action_from_text(state, text) == action
        assert game.action_to_text(state, action) == text


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text(max_size=50),
        st.text(alphabet="XO./ 0123456789.-ABCDEpasI", min_size=29, max_size=60).map(
            lambda tail: "...../...../...../...../....." + tail
        ),
    )
)
@example("...../...../...../...../..... X 7.5 " + "pass " * 1000)
@example("...../...../...../...../..... X 1e400")
def test_fuzzed_texts_are_read_or_refused(text: str) -> None:
    game = load_game("go", size=5)
    message = ""
    for read in (game.parse, lambda t: game.action_from_text(game.initial_state(), t)):
        try:
            read(text)
        except ValueError as error:
            message = str(error)
        assert not message or "expected" in message or "not legal" in message


# ---- the common face


@pytest.mark.parametrize("spec", ["go(size=5)", "go(komi=0,size=8)"])
def test_conformance(spec: str) -> None:
    check_game(load_game(spec), num_games=6)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("size", [5, 7, 9, 11, 13, 19])
def test_conformance_of_more_sizes(size: int) -> None:
    check_game(load_game("go", size=size), num_games=20 if size < 13 else 3)
