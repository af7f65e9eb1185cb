"""The opponents that nets are measured against: they see what is in front of them, in both colours,
and each is stronger than the one before."""

import numpy as np
import pytest

from support import require
from zerofleet import _core
from zerofleet.arena.match import play_match
from zerofleet.games import load_game
from zerofleet.players.player import PlayerError
from zerofleet.players.registry import load_player

CHESS = load_game("chess")

FREE_QUEENS = [
    ("rnb1kbnr/pppp1ppp/8/4p1q1/4P3/3P4/PPP2PPP/RNBQKBNR w KQkq - 0 4", "c1g5"),
    ("r1bqkbnr/pppp1ppp/2n5/8/3Q4/8/PPP1PPPP/RNB1KBNR b KQkq - 0 4", "c6d4"),
    ("4k3/8/8/3q4/4P3/8/8/4K3 w - - 0 1", "e4d5"),
    ("4k3/8/8/4p3/3Q4/8/8/4K3 b - - 0 1", "e5d4"),
]
MATES_IN_ONE = [
    ("6k1/5ppp/8/8/8/8/8/R5K1 w - - 0 1", "a1a8"),
    ("r5k1/8/8/8/8/8/5PPP/6K1 b - - 0 1", "a8a1"),
    ("r1bqkb1r/pppp1ppp/2n2n2/4p2Q/2B1P3/8/PPPP1PPP/RNB1K1NR w KQkq - 4 4", "h5f7"),
    ("rnbqkbnr/pppp1ppp/8/4p3/6P1/5P2/PPPPP2P/RNBQKBNR b KQkq g3 0 2", "d8h4"),
]


def board_of(state):
    """python-chess's board: the first position and the moves since."""
    chess = require("chess")
    fen, _, moves = state.text().partition(" moves ")
    board = chess.Board(fen)
    for word in moves.split():
        board.push_uci(word)
    return board


def uci_of(game, state, action):
    return board_of(state).parse_san(game.action_to_text(state, action)).uci()


@pytest.mark.parametrize(("fen", "move"), FREE_QUEENS)
@pytest.mark.parametrize("name", ["greedy", "minimax:1", "minimax:2", "minimax:3"])
def test_a_free_queen_is_taken(fen, move, name):
    state = CHESS.parse(fen)
    player = load_player(name, CHESS)
    for seed in range(3):
        (action,) = player.select_actions([state], [seed])
        assert uci_of(CHESS, state, action) == move


@pytest.mark.parametrize(("fen", "move"), MATES_IN_ONE)
@pytest.mark.parametrize("name", ["greedy", "minimax:1", "minimax:2", "minimax:3", "uct:2000"])
def test_mate_in_one_is_found(fen, move, name):
    chess = require("chess")
    board = chess.Board(fen)
    board.push_uci(move)
    assert board.is_checkmate()
    state = CHESS.parse(fen)
    (answer,) = load_player(name, CHESS).answer([state], [1], [None])
    assert uci_of(CHESS, state, answer.action) == move
    assert answer.value > 0.5


def material(board, colour):
    chess = require("chess")
    values = {chess.PAWN: 1, chess.KNIGHT: 3, chess.BISHOP: 3, chess.ROOK: 5, chess.QUEEN: 9}
    return sum(
        value * (len(board.pieces(kind, colour)) - len(board.pieces(kind, not colour)))
        for kind, value in values.items()
    )


def best_value(board, depth):
    """Plain minimax with python-chess: (value, best moves)."""
    values = {}
    for move in board.legal_moves:
        board.push(move)
        if board.is_checkmate():
            value = 1000.0 + depth
        elif board.is_stalemate() or board.is_insufficient_material():
            value = 0.0
        elif depth == 1:
            value = -material(board, board.turn)
        else:
            value = -best_value(board, depth - 1)[0]
        board.pop()
        values[move.uci()] = value
    best = max(values.values())
    return best, {move for move, value in values.items() if value == best}


@pytest.mark.parametrize("depth", [1, 2])
def test_minimax_agrees_with_python_chess(depth):
    rng = np.random.default_rng(depth)
    player = load_player(f"minimax:{depth}", CHESS)
    for _ in range(6):
        state = CHESS.initial_state()
        for _ in range(int(rng.integers(4, 30))):
            state.apply(int(rng.choice(state.legal_actions())))
        if state.is_terminal:
            continue
        board = board_of(state)
        _, best = best_value(board, depth)
        chosen = player.select_actions([state] * 20, range(20))
        found = {uci_of(CHESS, state, a) for a in chosen}
        assert found <= best
        assert len(found) == 1 if len(best) == 1 else len(found) > 1


def test_a_capture_in_go_and_a_corner_in_othello():
    go = load_game("go(size=5)")
    state = go.initial_state()
    for move in ("C3", "B3", "A1", "B2", "A2", "C4", "E5", "D3", "E4"):
        state.apply(go.action_from_text(state, move))
    (action,) = load_player("greedy", go).select_actions([state], [1])  # C2 takes C3
    assert go.action_to_text(state, action) == "C2"
    othello = load_game("othello")
    corners = {0, 7, 56, 63}
    player, rng, seen = load_player("greedy", othello), np.random.default_rng(1), 0
    while seen < 5:
        state = othello.initial_state()
        while not state.is_terminal:
            legal = state.legal_actions()
            if (free := corners & set(legal)) and len(legal) > 2:
                (action,) = player.select_actions([state], [seen])
                seen += action in free
                break
            state.apply(int(rng.choice(legal)))


def test_uct_finds_what_must_be_played_and_depends_on_its_seed_alone():
    game = load_game("connect_four")
    state = game.initial_state()
    for column in "454545":
        state.apply(game.action_from_text(state, column))
    player = load_player("uct:300", game)
    actions = player.select_actions([state] * 5, range(5))
    assert {game.action_to_text(state, a) for a in actions} == {"4"}
    state.apply(game.action_from_text(state, "1"))  # a mistake: 5 wins
    (answer,) = player.answer([state], [1], [None])
    assert game.action_to_text(state, answer.action) == "5"
    assert answer.value > 0.8
    start = game.initial_state()
    one = player.select_actions([start, state], [7, 8])
    assert player.select_actions([state, start], [8, 7]) == one[::-1]
    assert (_core.choose_uct(game, [start], np.array([7], np.uint64), num_simulations=300)[0]) == [
        one[0]
    ]


def test_uct_plays_every_kind_of_game():
    for spec in ("twenty48", "go(size=5)", "othello(size=6)", "tests/games/python_tic_tac_toe.py"):
        game = load_game(spec)
        state = game.initial_state()
        while state.is_chance:
            state.apply(state.legal_actions()[0])
        (action,) = load_player("uct:20", game).select_actions([state], [3])
        assert action in state.legal_actions()


def test_games_without_an_evaluation_are_named():
    game = load_game("twenty48")
    with pytest.raises(PlayerError, match="games that have one: chess, connect_four, go, othello"):
        load_player("greedy", game)
    with pytest.raises(PlayerError, match="simulations as a number"):
        load_player("uct:0", game)


def score(game, stronger, weaker, num_games, **settings):
    rules = load_game(game)
    result = play_match(
        rules,
        load_player(stronger, rules),
        load_player(weaker, rules),
        num_games=num_games,
        seed=1,
        **settings,
    )
    firsts = [g.score for g in result.games if not g.swapped]
    seconds = [g.score for g in result.games if g.swapped]
    print(f"{game}: {stronger} against {weaker}: {result.score}")
    return result.score, sum(firsts) / len(firsts), sum(seconds) / len(seconds)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("game", "stronger", "weaker", "num_games"),
    [
        *((g, "greedy", "random", 100) for g in ("connect_four", "ultimate_ttt", "chess")),
        *((g, "greedy", "random", 100) for g in ("go(size=7)", "othello", "tic_tac_toe")),
        *((g, "minimax:2", "greedy", 200) for g in ("connect_four", "ultimate_ttt", "chess")),
        *((g, "minimax:2", "greedy", 200) for g in ("go(size=7)", "othello")),
        *((g, "uct:1000", "uct:100", 60) for g in ("connect_four", "ultimate_ttt", "go(size=7)")),
    ],
)
def test_each_opponent_is_stronger_than_the_one_before(game, stronger, weaker, num_games):
    """With both colours; the whole interval is above one half."""
    found, first, second = score(game, stronger, weaker, num_games)
    assert found.low > 0.5
    assert first > 0.5
    assert second > 0.5


def test_the_order_of_opponents_in_short():
    assert score("connect_four", "minimax:2", "random", 40)[0].low > 0.5
    assert score("connect_four", "uct:200", "uct:10", 20)[0].low > 0.5
    assert score("othello(size=6)", "greedy", "random", 40)[0].low > 0.5
