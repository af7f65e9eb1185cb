import json

from command import call


def test_a_match_prints_and_writes_everything(tmp_path, capsys):
    done = call(
        capsys,
        "match",
        "minimax:2",
        "random",
        *("--game", "connect_four", "--games", 20, "--save", tmp_path / "m"),
    )
    assert done.returncode == 0, done.stderr
    assert "likelihood of superiority" in done.stdout
    assert "Distinct games: 20 of 20" in done.stdout
    assert "20 of 20 games" in done.stderr
    found = json.loads((tmp_path / "m" / "match.json").read_text())
    assert found["games"] == 20
    assert found["wins"] + found["draws"] + found["losses"] == 20
    assert found["sprt"] is None
    lines = (tmp_path / "m" / "games.txt").read_text().splitlines()
    assert len(lines) == 21


def test_a_match_of_chess_and_go_writes_pgn_and_sgf(tmp_path, capsys):
    for game, ending in (("chess", "pgn"), ("go(size=5)", "sgf")):
        words = ["match", "random", "random", "--game", game, "--games", 2, "--max-plies", 20]
        done = call(capsys, *words, "--save", tmp_path / ending, "--json", "--quiet")
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        found = json.loads(done.stdout)
        assert (found["player"], found["opponent"]) == ("random", "random (2)")
        text = (tmp_path / ending / f"games.{ending}").read_text()
        assert text.count('[Event "' if ending == "pgn" else "(;") == 2


def test_a_test_ends_the_match(capsys):
    done = call(
        capsys,
        "match",
        "minimax:2",
        "random",
        *("--game", "tic_tac_toe", "--games", 400, "--opening-plies", 1, "--sprt", "0,100"),
    )
    assert done.returncode == 0, done.stderr
    assert "H1 accepted" in done.stdout


def test_mistakes_are_told(capsys):
    for words, what in (
        (["random", "greedy"], "which game?"),
        (["random", "greedi", "--game", "chess"], "did you mean 'greedy'"),
        (["random", "greedy", "--game", "chess", "--sprt", "10"], "two Elo differences"),
        (["random", "greedy", "--game", "chess", "--clock", "fast"], "seconds for a game"),
        (["random", "greedy", "--game", "chess", "--games", "7"], "even number"),
        (["random", "uct:10", "--game", "twenty48"], "two players"),
        (["none/here.nnue", "greedy"], "there is no file"),
    ):
        done = call(capsys, "match", *words)
        assert done.returncode in (1, 2)
        assert what in done.stderr
        assert "Traceback" not in done.stderr
