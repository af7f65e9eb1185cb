"""Our UCI engine, command by command, as a program talks to it."""

import re
import threading
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import zerofleet
from engines.conversation import Conversation, uci_conversation
from zerofleet.engines.uci import UciEngine
from zerofleet.games.chess import fen, outcome, uci
from zerofleet.games.evaluation import Evaluation, LeafBatch, random_evaluator
from zerofleet.nets.evaluator import make_evaluator

CHESS = zerofleet.load_game("chess")
MATE_IN_ONE = "6k1/5ppp/8/8/8/8/8/R3K3 w - - 0 1"
INFO = re.compile(
    r"info depth (?P<depth>\d+) seldepth (?P<seldepth>\d+) multipv (?P<multipv>\d+) "
    r"score (?P<score>cp -?\d+|mate 1) (wdl (?P<wdl>\d+ \d+ \d+) )?nodes (?P<nodes>\d+) "
    r"nps \d+ hashfull (?P<full>\d+) time \d+ pv (?P<pv>\S+( \S+)*)"
)


@pytest.fixture
def talk():
    conversation = uci_conversation()
    yield conversation
    conversation.end()


def infos(answers: list[str]) -> list[re.Match[str]]:
    found = []
    for line in answers:
        if line.startswith("info depth"):
            match = INFO.fullmatch(line)
            assert match, line
            found.append(match)
    return found


def errors(talk: Conversation) -> list[str]:
    start = "info string error: "
    return [line.removeprefix(start) for line in talk.ready() if line.startswith(start)]


def moves_in(answer: str) -> list[str]:
    return answer.replace("bestmove ", "").replace("ponder ", "").split()


def test_hello(talk):
    talk.ask("uci", "uciok")
    assert talk.answers[0] == "id name Test"
    assert talk.answers[1].startswith("id author ")
    assert "option name Threads type spin default 2 min 1 max 1024" in talk.answers
    assert "option name Ponder type check default false" in talk.answers
    assert "option name Clear Hash type button" in talk.answers
    assert talk.ask("isready", "") == "readyok"


def test_go_nodes_counts_them_and_tells_a_line(talk):
    best = talk.ask("go nodes 300", "bestmove")
    last = infos(talk.answers)[-1]
    assert int(last["nodes"]) == 300
    assert int(last["seldepth"]) >= int(last["depth"]) >= 1
    line = last["pv"].split()
    assert moves_in(best) == line[:2]
    state = CHESS.initial_state()
    for move in line:
        state.apply(CHESS.action_from_text(state, move))


def test_positions_are_set_by_fen_and_moves(talk):
    state = CHESS.initial_state()
    moves = ["e2e4", "e7e5", "g1f3", "b8c6", "f1b5"]
    for move in moves:
        state.apply(CHESS.action_from_text(state, move))
    for text in (f"startpos moves {' '.join(moves)}", f"fen {fen(state)}"):
        talk.say(f"position {text}")
        move, *_ = moves_in(talk.ask("go nodes 20", "bestmove"))
        assert move in [uci(state, a) for a in state.legal_actions()]
    assert errors(talk) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("position", "expected startpos or fen FEN"),
        ("position fen", "expected startpos or fen FEN"),
        ("position fen 8/8/8/8/8/8/8/8 w - - 0 1", "White has 0 kings"),
        ("position startpos moves e2e5", 'illegal move "e2e5"'),
        ("position startpos moves e2e4 ü", "bad move"),
        ("position fen 7k/5Q2/6K1/8/8/8/8/8 b - - 0 1 moves h8g8", "after the end of"),
    ],
)
def test_a_refused_position_is_not_searched(talk, line, message):
    talk.say(line)
    assert message in errors(talk)[-1]
    assert talk.ask("go nodes 10", "bestmove") == "bestmove (none)"
    assert "refused" in errors(talk)[-1]
    talk.say("position startpos")
    assert talk.ask("go nodes 10", "bestmove") != "bestmove (none)"


@pytest.mark.parametrize(
    ("position", "score"),
    [
        ("7k/5Q2/6K1/8/8/8/8/8 b - - 0 1", "cp 0"),  # stalemate
        ("7k/6Q1/6K1/8/8/8/8/8 b - - 0 1", "mate 0"),
        ("4k3/8/8/8/8/8/8/4K3 w - - 0 1", "cp 0"),
    ],
)
def test_where_the_game_is_over_there_is_no_move(talk, position, score):
    talk.say(f"position fen {position}")
    assert talk.ask("go movetime 10", "info") == f"info depth 0 score {score}"
    assert talk.until("bestmove") == "bestmove (none)"


def test_programs_may_play_on_after_draws_that_players_claim(talk):
    shuffle = "g1f3 g8f6 f3g1 f6g8 " * 3
    talk.say(f"position startpos moves {shuffle}")
    assert len(moves_in(talk.ask("go nodes 50", "bestmove"))[0]) == 4
    talk.say(f"position startpos moves {shuffle} e2e4")
    move, *_ = moves_in(talk.ask("go nodes 50", "bestmove"))
    state = CHESS.initial_state()
    state.apply(CHESS.action_from_text(state, "e2e4"))
    assert move in [uci(state, a) for a in state.legal_actions()]
    for position in (
        "4k3/8/8/8/8/8/8/R3K3 w Q - 100 80",  # 50 moves
        "4k3/8/8/8/8/8/8/R3K3 w Q - 99 80 moves a1a2",
        "4k3/8/8/8/8/8/8/R3K3 w Q - 0 257",  # the longest game
    ):
        talk.say(f"position fen {position}")
        assert moves_in(talk.ask("go nodes 50", "bestmove")) != ["(none)"]
    assert errors(talk) == []


def test_search_moves_are_the_only_ones(talk):
    talk.say("setoption name MultiPV value 9")
    answer = talk.ask("go searchmoves a2a3 h2h4 nodes 60", "bestmove")
    assert moves_in(answer)[0] in ("a2a3", "h2h4")
    assert {i["pv"].split()[0] for i in infos(talk.answers)} == {"a2a3", "h2h4"}
    # And the next search knows all moves again.
    talk.say("setoption name MultiPV value 256")
    talk.ask("go nodes 200", "bestmove")
    assert len({i["pv"].split()[0] for i in infos(talk.answers)}) > 10
    assert talk.ask("go searchmoves e2e5 nodes 10", "bestmove") == "bestmove (none)"
    assert 'searchmoves: chess: illegal move "e2e5"' in errors(talk)[-1]


def test_lines_come_best_first(talk):
    talk.say("setoption name MultiPV value 3")
    best = talk.ask("go nodes 400", "bestmove")
    last = infos(talk.answers)[-3:]
    assert [int(i["multipv"]) for i in last] == [1, 2, 3]
    assert len({i["pv"].split()[0] for i in last}) == 3
    assert last[0]["pv"].split()[0] == moves_in(best)[0]


def test_mate_in_one_is_found_with_any_net():
    """Even with one that thinks nothing of the move and of the position after it."""

    def hostile(batch: LeafBatch) -> Evaluation:
        mate = CHESS.action_from_text(CHESS.parse(MATE_IN_ONE), "a1a8")
        weights = np.where(batch.legal_action == mate, 1e-30, 1.0).astype(np.float32)
        sums = np.add.reduceat(weights, batch.legal_start[:-1])
        prior = weights / np.repeat(sums, np.diff(batch.legal_start)).astype(np.float32)
        return Evaluation(prior, np.full(len(batch), 0.9, np.float32))

    for evaluator in (hostile, random_evaluator):
        talk = uci_conversation(evaluator)
        talk.say(f"position fen {MATE_IN_ONE}")
        assert talk.ask("go nodes 400", "bestmove") == "bestmove a1a8"
        assert infos(talk.answers)[-1]["score"] == "mate 1"
        # Unless it may not be played.
        answer = talk.ask("go nodes 100 searchmoves a1a7 a1a6", "bestmove")
        assert moves_in(answer)[0] in ("a1a7", "a1a6")
        talk.end()


@pytest.mark.parametrize("seed", [1, 2])
def test_mate_in_one_is_found_by_random_nets(net_file, seed):
    positions = {
        MATE_IN_ONE: "a1a8",
        "k7/8/1K6/8/8/8/8/7R w - - 0 1": "h1h8",
        "rnbqkbnr/pppp1ppp/8/4p3/6P1/5P2/PPPPP2P/RNBQKBNR b KQkq - 0 2": "d8h4",
        "7k/P5pp/8/8/8/8/8/4K3 w - - 0 1": "a7a8",
    }
    data = net_file("chess", seed).read_bytes()
    talk = uci_conversation(make_evaluator(data, backend="torch-f32", max_batch=8))
    for position, start in positions.items():
        talk.say(f"position fen {position}")
        move, *_ = moves_in(talk.ask("go nodes 400", "bestmove"))
        assert move.startswith(start)
        state = CHESS.parse(position)
        state.apply(CHESS.action_from_text(state, move))
        assert outcome(state) == "checkmate"
    assert errors(talk) == []
    talk.end()


def test_win_draw_loss_fits_the_score():
    def drawish(batch: LeafBatch) -> Evaluation:
        found = random_evaluator(batch)
        value = np.full(len(batch), 0.2, np.float32)
        wdl = np.tile(np.array([[0.5, 0.2, 0.3]], np.float32), (len(batch), 1))
        return Evaluation(found.prior, value, wdl)

    talk = uci_conversation(drawish)
    assert infos(talk.answers) == []
    talk.say("setoption name UCI_ShowWDL value true", "setoption name MultiPV value 2")
    talk.ask("go nodes 1", "bestmove")
    (only,) = infos(talk.answers)
    # One reply, worth 0.2 to the other side; the net calls a fifth of the games drawn.
    assert only["wdl"] == "300 200 500"
    assert only["score"] == "cp -70"
    talk.ask("go nodes 100", "bestmove")
    for info in infos(talk.answers):
        assert sum(map(int, info["wdl"].split())) == 1000
    # Mate leaves no doubt.
    talk.say(f"position fen {MATE_IN_ONE}")
    talk.ask("go nodes 5", "bestmove")
    assert infos(talk.answers)[-2]["wdl"] == "1000 0 0"
    talk.end()


def test_infinite_ends_when_it_is_stopped(talk):
    talk.say("go infinite")
    talk.until("info depth")
    assert talk.ask("isready", "readyok")  # while it searches
    assert not any(a.startswith("bestmove") for a in talk.answers)
    talk.ask("stop", "bestmove")
    talk.say("stop", "stop")  # nothing to be stopped
    talk.ready()
    assert sum(a.startswith("bestmove") for a in talk.answers) == 1


@pytest.mark.parametrize("go", ["go infinite", "go", "go ponder wtime 1 btime 1", "go ponder"])
@pytest.mark.parametrize("position", [MATE_IN_ONE, "7k/6Q1/6K1/8/8/8/8/8 b - - 0 1"])
def test_what_is_held_says_nothing_before_it_is_stopped(talk, go, position):
    """Not even where nothing is left to be searched."""
    talk.say(f"position fen {position}", go)
    talk.ready()
    time.sleep(0.05)
    assert not any(a.startswith("bestmove") for a in talk.ready())
    answer = talk.ask("stop", "bestmove")
    assert answer == ("bestmove a1a8" if position == MATE_IN_ONE else "bestmove (none)")


def test_ponderhit_starts_the_clock(talk):
    talk.say("position startpos moves e2e4", "go ponder wtime 300 btime 300 movestogo 20")
    talk.until("info depth")
    talk.ask("ponderhit", "bestmove")
    talk.say("ponderhit")
    # A search that is no pondering goes on.
    talk.say("go infinite", "ponderhit")
    time.sleep(0.05)
    assert sum(a.startswith("bestmove") for a in talk.ready()) == 1
    talk.ask("stop", "bestmove")


@pytest.mark.parametrize(
    "go",
    [
        "go depth 3",
        "go mate 1",
        "go movetime 30",
        "go movetime 0",
        "go wtime 600 btime 600 winc 10 binc 10",
        "go wtime 1000 btime 1000 movestogo 1",
        "go wtime 0 btime 0",
        "go wtime -500 btime 100",
        "go depth 40 nodes 64",
        "go nodes 1",
        "joho go nodes 5 perft 3",
    ],
)
def test_limits_end_the_search(talk, go):
    assert len(moves_in(talk.ask(go, "bestmove"))[0]) == 4


def test_depth_is_reached(talk):
    talk.ask("go depth 4", "bestmove")
    assert int(infos(talk.answers)[-1]["depth"]) == 4


@pytest.mark.parametrize(
    ("go", "message"),
    [
        ("go nodes 0", "go nodes: expected a whole number 1.."),
        ("go nodes", "came 'nothing'"),
        ("go movetime -5", "came '-5'"),
        ("go depth four", "came 'four'"),
        ("go winc 1.5 wtime 100", "came '1.5'"),
    ],
)
def test_what_is_no_limit_is_refused_and_answered(talk, go, message):
    talk.ask(go, "bestmove")
    why, answer = talk.answers  # in this order: many programs read no further than the answer
    assert message in why.removeprefix("info string error: ")
    assert answer == "bestmove (none)"


def test_every_go_has_one_bestmove_whatever_interrupts_it(talk):
    interruptions = [
        "go infinite",
        "position startpos moves d2d4",
        "ucinewgame",
        "setoption name Hash value 64",
        "setoption name Clear Hash",
        "stop",
    ]
    for number, line in enumerate(interruptions, start=1):
        talk.say("go infinite", line, "stop", "position startpos")
        answers = talk.ready()
        # The first line starts a second search.
        assert sum(a.startswith("bestmove") for a in answers) == number + 1
    assert errors(talk) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("setoption name Hush value 5", "unknown option 'Hush'; did you mean 'Hash'? Options are"),
        ("setoption name Hash value 5", "option Hash: expected a number 16..65536; came '5'"),
        ("setoption name Hash value much", "came 'much'"),
        ("setoption name Threads value 0", "expected a number 1..1024"),
        ("setoption name Ponder value yes", "option Ponder: expected true or false; came 'yes'"),
        ("setoption name Clear Hash value 1", "it is a button"),
        ("setoption Hash 5", "expected name NAME, then value VALUE"),
        ("setoption", "expected name NAME"),
        ("debug", "expected on or off"),
        ("hello there", "unknown command 'hello there'"),
    ],
)
def test_what_cannot_be_obeyed_is_told(talk, line, message):
    talk.say(line)
    assert message in errors(talk)[-1]


def test_options_are_set_whatever_their_capitals(talk):
    talk.say("setoption name hash value 32", "setoption name ucI_showwdl value TRUE")
    talk.say("debug on", "register later", "ucinewgame", "", "   ", "debug off")
    assert errors(talk) == []
    talk.ask("go nodes 8", "bestmove")
    assert infos(talk.answers)[-1]["wdl"]


def test_the_tree_is_kept_along_the_game_and_across_options(monkeypatch):
    """The second search of a game begins with what the first found of its position."""
    from zerofleet.search.mcts import Mcts

    kept = []
    search = Mcts.search
    monkeypatch.setattr(
        Mcts, "search", lambda self, **kw: kept.append(r := search(self, **kw)) or r
    )
    talk = uci_conversation()
    best, reply = moves_in(talk.ask("go nodes 400", "bestmove"))
    talk.say(f"position startpos moves {best} {reply}", "setoption name MultiPV value 2")
    talk.ask("go nodes 10", "bestmove")
    talk.say(f"position startpos moves {best} {reply}")
    talk.ask("go nodes 10", "bestmove")
    talk.say("ucinewgame", f"position startpos moves {best} {reply}")
    talk.ask("go nodes 10", "bestmove")
    talk.say("position startpos")
    talk.ask("go nodes 10", "bestmove")
    talk.end()
    visits = [result.visits_kept for result in kept]
    assert visits[0] == 0
    assert visits[1] > 20
    assert visits[2] == visits[1] + 10
    assert visits[3:] == [0, 0]


def test_silence_after_quit():
    talk = uci_conversation()
    talk.say("go infinite")
    talk.until("info depth")
    talk.say("quit", "isready", "uci")
    answers = talk.end()
    assert not any(a.startswith(("bestmove", "readyok", "uciok")) for a in answers)


def test_silence_after_the_end_of_input():
    talk = uci_conversation()
    talk.say("go infinite")
    talk.until("info depth")
    assert not any(a.startswith("bestmove") for a in talk.end())


def test_a_net_that_cannot_be_opened_ends_the_engine_once_it_is_needed():
    def broken():
        from zerofleet.engines.errors import EngineError

        raise EngineError("net.safetensors is a net for go; expected one for chess")

    talk = Conversation(lambda lines, output: UciEngine(output, broken, name="x").run(lines))
    talk.ask("uci", "uciok")
    assert talk.ask("go nodes 5", "bestmove") == "bestmove (none)"
    assert any("error: net.safetensors is a net for go" in a for a in talk.answers)
    talk.say("isready")
    with pytest.raises(Exception, match="a net for go; expected one for chess"):
        talk.until("readyok")


def test_a_search_that_fails_is_told_and_answered():
    def broken(batch: LeafBatch) -> Evaluation:
        found = random_evaluator(batch)
        return Evaluation(found.prior * 3, found.value)

    talk = uci_conversation(broken)
    assert talk.ask("go nodes 5", "bestmove") == "bestmove (none)"
    assert "expected probabilities" in errors(talk)[-1]
    talk.end()


def test_a_long_session(talk):
    """More than a hundred plies of games against itself, without an error or a move too many."""
    moves: list[str] = []
    state = CHESS.initial_state()
    for ply in range(120):
        if state.is_terminal:
            talk.say("ucinewgame")
            moves, state = [], CHESS.initial_state()
        talk.say(f"position startpos moves {' '.join(moves)}" if moves else "position startpos")
        go = ("go nodes 9", "go movetime 1", "go wtime 50 btime 50 winc 1 binc 1")[ply % 3]
        move, *_ = moves_in(talk.ask(go, "bestmove"))
        state.apply(CHESS.action_from_text(state, move))
        moves.append(move)
    assert errors(talk) == []
    assert sum(a.startswith("bestmove") for a in talk.answers) == 120


WORDS = """
uci debug on off isready setoption name value Hash 16 MultiPV 3 Threads Ponder true ucinewgame
position startpos fen moves e2e4 e7e5 g1f3 go nodes 5 depth 2 movetime 1 infinite ponder stop
ponderhit searchmoves wtime btime winc movestogo mate -1 99999999999999999999 0 register later
8/8/8/8/8/8/8/8 4k3/8/8/8/8/8/8/R3K3 w b - KQkq Button Clear UCI_ShowWDL ü \x00 0000 a7a8q
""".split()  # noqa: SIM905


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=40),
            st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join),
            st.sampled_from(["go infinite", "go ponder wtime 5", "stop", "go nodes 3", "isready"]),
        ),
        max_size=8,
    )
)
@example(["go", "go", "ponderhit", "position fen " + "8/" * 5000, "go depth " + "9" * 5000])
@example(["position startpos moves " + "g1f3 g8f6 f3g1 f6g8 " * 300, "go nodes 2"])
def test_fuzzed_input_never_breaks_it(lines):
    """It goes on, answers each search once, and is ready at the end."""
    talk = uci_conversation()
    lines = [line.replace("quit", "") for line in lines]
    talk.say("setoption name Hash value 16", *lines, "stop")
    talk.ready()
    talk.say("position startpos")
    talk.ask("go nodes 7 searchmoves e2e4", "bestmove e2e4")
    for line in talk.end():
        assert line.startswith(("id ", "option ", "uciok", "readyok", "info ", "bestmove "))
    assert threading.active_count() < 20
