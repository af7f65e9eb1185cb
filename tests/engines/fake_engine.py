"""An engine that does one thing wrong: `python fake_engine.py PROTOCOL WHAT [PID_FILE]`.

PROTOCOL is uci or gtp. Over UCI it always plays e2e4. Over GTP it always passes, and what it does
wrong it does only in games in which there is a stone on A1. Standard library only, as it is
started very often.
"""

import os
import sys
import time

protocol, what, *rest = sys.argv[1:]
if rest:
    with open(rest[0], "a") as file:
        file.write(f"{os.getpid()}\n")


def misbehave():
    """Does what was asked for; what comes back is the move to play."""
    if what == "crash":
        print("out of ideas", file=sys.stderr, flush=True)
        os._exit(3)
    if what == "kill":
        os.kill(os.getpid(), 9)
    if what == "hang":
        time.sleep(1000)
    if what == "deaf":  # neither the end of its input nor SIGTERM ends it
        import signal

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(1)
    if what == "spam":
        while True:
            print("info string " + "x" * 200)
    if what == "slow":
        time.sleep(0.5)
    return {"illegal": "a1a1", "none": "(none)", "empty": "", "noise": "\x00\xff ?"}.get(what)


def uci():
    for line in sys.stdin:
        command = line.split()[:1]
        if command == ["uci"]:
            if what == "mute":
                continue
            print("id name fake")
            print("option name Hash type spin default 16 min 1 max 64")
            print("option name Style type combo default Calm var Calm var Wild Child")
            print("option name Book type string default <empty>")
            print("option type is missing")
            print("uciok")
        elif command == ["setoption"] and what == "echo":
            print(line.strip(), file=sys.stderr, flush=True)
        elif command == ["isready"]:
            print("readyok")
        elif command == ["go"]:
            if what == "echo":
                os._exit(4)
            print("info depth 1 score cp 0 pv e2e4")
            move = misbehave()
            print(f"bestmove {move if move is not None else 'e2e4 ponder e7e5'}")
        elif command == ["quit"]:
            return
        sys.stdout.flush()


def gtp():
    bad = False
    for line in sys.stdin:
        words = line.split()
        answer = ""
        if words[0] == "protocol_version":
            answer = "1" if what == "old" else "2"
        elif words[0] == "list_commands":
            answer = "boardsize\nclear_board\nkomi\nplay\ngenmove"
        elif words[0] == "boardsize" and what == "small":
            print("? unacceptable size\n", flush=True)
            continue
        elif words[0] == "clear_board":
            bad = False
        elif words[0] == "play" and words[2] == "A1":
            bad = True
            if what == "refuse":
                print("? illegal move\n", flush=True)
                continue
        elif words[0] == "genmove":
            answer = "PASS"
            if bad and what == "resign":
                answer = "resign"
            elif bad and (move := misbehave()) is not None:
                answer = move
        print(f"= {answer}\n", flush=True)


uci() if protocol == "uci" else gtp()
