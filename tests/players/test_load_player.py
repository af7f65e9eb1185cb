"""Players by their short texts, and what wrong texts say."""

from pathlib import Path

import pytest

from zerofleet import _core
from zerofleet.games import load_game
from zerofleet.players.player import PlayerError
from zerofleet.players.registry import load_player
from zerofleet.run.models import publish_model
from zerofleet.run.store import DirectoryStore

GAME = load_game("ultimate_ttt")


def net_bytes(seed: int = 1) -> bytes:
    return _core.NnueNetwork.random("ultimate_ttt", seed=seed).to_bytes()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    directory = tmp_path / "run"
    directory.mkdir()
    store = DirectoryStore(directory)
    for version in (1, 2):
        publish_model(store, version, {"nnue": net_bytes(version)}, "test")
    return directory


@pytest.mark.parametrize("text", ["random", "greedy", "minimax:2", "minimax:4"])
def test_fixed_players_are_named_by_their_text(text: str) -> None:
    player = load_player(text, GAME)
    assert player.name == text
    state = GAME.initial_state()
    assert player.select_actions([state], [1])[0] in state.legal_actions()


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "net.nnue"
    path.write_bytes(net_bytes())
    assert load_player(str(path), GAME).name == f"{path}?depth=2"
    assert load_player(f"{path}?depth=6", GAME).name == f"{path}?depth=6"
    assert load_player(f"{path}?depth=6&nodes=500", GAME).name == f"{path}?depth=6&nodes=500"
    assert load_player(f"{path}?depth=1", GAME, name="mine").name == "mine"


def test_a_run(run: Path) -> None:
    assert load_player(str(run), GAME).name == f"{run}@0002?depth=2"
    assert load_player(f"{run}?depth=5", GAME).name == f"{run}@0002?depth=5"
    assert load_player(f"{run}@latest?depth=3", GAME).name == f"{run}@0002?depth=3"
    assert load_player(f"{run}@0001?depth=6&nodes=9", GAME).name == f"{run}@0001?depth=6&nodes=9"
    # Texts of earlier days.
    for older in (f"run:{run}@1", f"run:{run}@0001:depth=2", f"{run}@1:depth=2", f"run:{run}@1?"):
        assert load_player(older, GAME).name == f"{run}@0001?depth=2"
    assert load_player(f"run:{run}:depth=3", GAME).name == f"{run}@0002?depth=3"
    # The name is a text that loads the same player.
    state = GAME.initial_state()
    state.apply(40)
    latest = load_player(f"run:{run}", GAME)
    again = load_player(latest.name, GAME)
    assert latest.select_actions([state], [3]) == again.select_actions([state], [3])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gredy", r"unknown player 'gredy'; did you mean 'greedy'\?"),
        ("minmax:2", r"did you mean 'minimax:2'\?"),
        ("stockfish", r"players are: random, greedy, minimax:2"),
        ("minimax:", r"expected depth as a number 1\.\.64; came ''"),
        ("minimax:0", r"came '0'"),
        ("minimax:-1", r"came '-1'"),
        ("minimax:two", r"came 'two'"),
        ("nowhere/net.nnue", r"there is no file nowhere/net\.nnue"),
        ("net.nnue?dept=3", r"unknown setting 'dept'.*did you mean 'depth'\?"),
        ("net.nnue?depth=x", r"expected depth as a number"),
        ("run:", r"expected RUN, RUN@latest or RUN@0007, and settings after '\?'"),
        ("run:nowhere@latest", r"there is no directory nowhere"),
    ],
)
def test_wrong_texts_say_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(PlayerError, match=message):
        load_player(text, GAME)


def test_wrong_files_and_versions(run: Path, tmp_path: Path) -> None:
    (tmp_path / "final.nnue").write_bytes(net_bytes())
    with pytest.raises(PlayerError, match=r"did you mean .*final\.nnue\?"):
        load_player(f"{tmp_path}/finale.nnue", GAME)
    (tmp_path / "torn.nnue").write_bytes(net_bytes()[:5000])
    with pytest.raises(PlayerError, match=r"torn\.nnue.*truncated"):
        load_player(f"{tmp_path}/torn.nnue", GAME)
    with pytest.raises(PlayerError, match=r"no version 7; the run has 1 to 2 \(2 versions\)"):
        load_player(f"run:{run}@0007", GAME)
    with pytest.raises(PlayerError, match=r"version number or 'latest'.*came 'best'"):
        load_player(f"run:{run}@best", GAME)
    with pytest.raises(PlayerError, match=r"unknown setting 'sims'"):
        load_player(f"{run}@1?sims=8", GAME)
    (tmp_path / "empty").mkdir()
    with pytest.raises(PlayerError, match=r"no model is published yet"):
        load_player(f"run:{tmp_path}/empty", GAME)


def test_a_damaged_model_of_a_run_is_refused(run: Path) -> None:
    file = run / "model" / "versions" / "0002.nnue"
    data = bytearray(file.read_bytes())
    data[4000] ^= 1
    file.chmod(0o644)
    file.write_bytes(data)
    with pytest.raises(PlayerError, match=r"0002\.nnue: damaged: expected .* sha256"):
        load_player(f"run:{run}@2", GAME)
