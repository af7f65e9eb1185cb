import re
import subprocess
import sys

import pytest

from zerofleet.cli.play_session import Session
from zerofleet.games import load_game
from zerofleet.players.human import HumanPlayer
from zerofleet.players.player import Forfeit
from zerofleet.players.registry import load_player
from zerofleet.players.shipped import shipped_nets


def played(game, words, *, player="random", sides=(0,), **settings):
    """What a session shows to somebody who types these lines."""
    rules = load_game(game)
    lines, shown = iter(words), []

    def read(prompt):
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    session = Session(
        rules, load_player(player, rules), set(sides), read=read, write=shown.append, **settings
    )
    session.run()
    return "\n".join(map(str, shown)), session


def test_the_nets_that_come_with_the_package_play_at_once():
    assert set(shipped_nets()) >= {"connect_four", "ultimate_ttt"}
    for what, flag, move in (
        ("shipped:connect_four", "--simulations=20", "4"),
        ("ultimate_ttt", "--depth=2", "e5"),
    ):
        game = what.removeprefix("shipped:")
        done = subprocess.run(
            [sys.executable, "-m", "zerofleet", "play", what, flag],
            input=f"eval\n{move}\nquit\n",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert f"{game} against the net of {game}" in done.stdout
        assert "expected score of the side to move" in done.stdout
        assert f"the net of {game} plays " in done.stdout


def test_a_whole_game_with_every_command():
    words = ["help", "moves", "eval", "a1", "a1", "nonsense", "undo", "undo", "2", "go 100"]
    shown, _ = played("tic_tac_toe", [*words, "oops", "quit"], player="minimax:2")
    assert "take back your last move" in shown
    assert "a1 b1 c1" in shown or "1 2 3" in shown
    assert "a1 is not legal here; type moves for all of them, help for the commands" in shown
    assert "there is nothing to take back" in shown
    assert "expected new, undo or quit" in shown
    assert "The game is drawn." in shown or " wins." in shown or "You win." in shown


@pytest.mark.parametrize(
    ("game", "words", "turns"),
    [
        (
            "tic_tac_toe",
            ["b2", "undo"],
            [
                r"You are X, the first player\. Your move: a1, for example \(help: all commands\)",
                r"You are X, the first player\. Your move: (\w\d ){7}\(help",
                r"You are X, the first player\. Your move: a1, for example",
            ],
        ),
        ("connect_four", [], [r"You are X, the first player\. Your move: 1 2 3 4 5 6 7 \(help"]),
        ("othello", [], [r"You are X, the first player\. Your move: d3 c4 f5 e6 \(help"]),
        ("ultimate_ttt", [], [r"You are X, the first player\. Your move: a1, for example"]),
        ("chess", [], [r"You are White, the first player\. Your move: a3, for example"]),
        ("go(size=5)", [], [r"You are X, the first player\. Your move: A5 or pass, for example"]),
        (
            "twenty48",
            ["down"],
            [
                r"You play alone\. Your move: ((up|right|down|left) )+\(help",
                r"You play alone; you played down\. Your move: ",
            ],
        ),
    ],
)
def test_each_turn_says_who_you_are_what_was_played_and_how_to_move(game, words, turns):
    shown, _ = played(game, words)
    found = [line for line in shown.splitlines() if line.startswith("You ")]
    assert len(found) == len(turns), found
    for line, expected in zip(found, turns, strict=True):
        assert re.match(expected, line), line


def test_who_you_are_on_the_other_side_and_on_both():
    shown, _ = played("connect_four", [], sides=(1,))
    assert re.search(r"You are O, the second player\. Your move: ", shown)
    shown, _ = played("chess", ["e4"], sides=(0, 1))
    assert "You play both sides, now Black, the second player; you played e4. Your move:" in shown


def test_a_move_of_the_net_is_told_once():
    shown, _ = played("connect_four", ["1", "2", "undo"])
    assert shown.count("random plays ") == 2
    assert shown.count("random played ") == 1  # where it was taken back to
    # The board of the answer follows the answer: none stands between one's own move and it.
    assert re.search(r"\(help: all commands\)\nrandom plays \d\n\n", shown)


@pytest.mark.parametrize(("words", "sides"), [(["go 3"], (0,)), (["1", "go"], (1,)), ([], ())])
def test_every_move_of_the_other_side_is_on_a_board_of_its_own(words, sides):
    shown, _ = played("connect_four", words, sides=sides, player="minimax:1")
    parts = re.split(r"^minimax:1 plays \d$", shown, flags=re.MULTILINE)
    boards = [re.findall(r"^(?: [.XO]){7}$", part, flags=re.MULTILINE) for part in parts]
    assert len(boards) > 3
    assert all(boards), shown
    assert len({"\n".join(board[-6:]) for board in boards}) == len(boards)  # no two are the same


def test_a_hint_is_what_the_net_would_play():
    shown, session = played("connect_four", ["HINT", "go"], player="minimax:4")
    (hint,) = re.findall(r"minimax:4 would play (\d)\nexpected score of the side to move: ", shown)
    assert f"minimax:4 plays {hint}\n" in shown
    assert str(session._actions[0] + 1) == hint
    shown, session = played("connect_four", ["hint"])
    assert re.search(r"random would play \d; it has no opinion of positions\n", shown)
    assert not session._actions


def test_undo_goes_back_to_ones_own_move():
    _, session = played("connect_four", ["1", "2", "3", "undo", "undo"])
    assert len(session._actions) == 2
    assert session._state.to_play == 0


def test_the_second_side_and_switching():
    shown, session = played("connect_four", ["switch", "switch", "1"], sides=(1,))
    assert shown.count("random plays") >= 3
    assert session.human_sides == {1}
    shown, _ = played("connect_four", [], sides=())
    assert "player wins." in shown or "drawn" in shown


def test_capitals_do_not_matter():
    shown, session = played("chess", ["E4", "NF3"], sides=(0, 1))
    assert 'bad move "NF3" here; expected such as Nf3' in shown  # no knight of Black goes there
    assert len(session._actions) == 1
    _, session = played("go(size=5)", ["c3", "PASS"], sides=(0, 1))
    assert session._actions == [12, 25]


def test_games_of_one_player():
    words = ["eval", "go 3", "switch", "left", "undo", "go 0", "quit"]
    shown, _ = played("twenty48", words, player="expectimax:1")
    assert "has no opinion of positions" in shown
    assert shown.count("expectimax:1 plays") == 3
    assert "there is one side" in shown
    assert "expected a number of moves" in shown


def test_a_human_as_a_player_of_matches():
    game = load_game("tic_tac_toe")
    lines = iter(["nonsense", game.action_to_text(game.initial_state(), 4)])
    shown = []
    human = HumanPlayer(game, read=lambda _: next(lines), write=shown.append)
    assert human.select_actions([game.initial_state()], [0]) == [4]
    assert len(shown) == 2
    quitter = HumanPlayer(game, read=lambda _: "resign", write=shown.append)
    assert quitter.select_actions([game.initial_state()], [0]) == [Forfeit("resigned")]
