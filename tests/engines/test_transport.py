"""Lines in and out of our engines."""

import io
import os
import subprocess
import sys

from zerofleet.engines.transport import MOST_LINE_BYTES, Output, read_lines


def test_lines_are_read_whatever_they_hold(capsys):
    data = b"uci\r\n\xff\x00 go\n\nlast"
    assert list(read_lines(io.BytesIO(data))) == ["uci", "\ufffd\x00 go", "", "last"]
    huge = b"position " + b"x" * (2 * MOST_LINE_BYTES) + b"\nisready\n"
    assert list(read_lines(io.BytesIO(huge))) == ["isready"]
    assert "skipped a line of more than 1,048,576 bytes" in capsys.readouterr().err
    assert list(read_lines(io.BytesIO(b"y" * MOST_LINE_BYTES))) == []
    assert list(read_lines(io.BytesIO(b""))) == []


def test_output_is_silent_once_it_is_closed_or_nobody_listens():
    written: list[str] = []
    output = Output(written.append)
    output("a")
    output.close()
    output("b")
    assert written == ["a\n"]

    def broken(text: str) -> None:
        written.append(text)
        raise BrokenPipeError

    output = Output(broken)
    output("c")
    output("d")
    assert written == ["a\n", "c\n"]


NOISY = """
import os, sys
from zerofleet.engines.transport import protocol_output
print("before")
with protocol_output() as output:
    output("hello")
    print("from Python")
    os.write(1, b"from C\\n")
    os.system("echo from a child")
    output("bye ü")
print("after")
"""


def test_what_libraries_print_does_not_reach_the_program():
    done = subprocess.run(
        [sys.executable, "-c", NOISY],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    assert done.stdout.decode() == "before\nhello\nbye ü\nafter\n"
    assert {"from Python", "from C", "from a child"} <= set(done.stderr.decode().splitlines())
