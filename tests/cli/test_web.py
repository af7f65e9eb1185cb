"""`zerofleet web` as a person starts and ends it."""

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from command import run

from support import PATIENCE, require


def start(*arguments):
    require("starlette")
    return subprocess.Popen(
        [sys.executable, "-m", "zerofleet", "web", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def test_it_says_where_and_ends_with_ctrl_c(tmp_path):
    process = start(tmp_path, "--port", "0")
    try:
        line = process.stdout.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+/", line)[0]
        with urllib.request.urlopen(f"{url}api/run", timeout=30 * PATIENCE) as answer:
            assert b"waiting for the trainer" in answer.read()
        stream = urllib.request.urlopen(f"{url}api/events", timeout=30 * PATIENCE)
        assert stream.readline().startswith(b"id:")  # an open page does not keep it alive
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30 * PATIENCE)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (0, "", "")
    assert os.listdir(tmp_path) == []  # it wrote nothing into the run


def test_on_another_address_the_token_is_printed_once(tmp_path):
    process = start(tmp_path, "--port", "0", "--host", "0.0.0.0")
    try:
        line = process.stdout.readline()
        port, token = re.search(r":(\d+)/\?token=([\w-]+) ", line).groups()
        here = f"http://127.0.0.1:{port}/"
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(here, timeout=30 * PATIENCE)
        assert refused.value.code == 401
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(f"{here}?token={token}", timeout=30 * PATIENCE) as answer:
            assert b"<title>Zerofleet</title>" in answer.read()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30 * PATIENCE)
    finally:
        process.kill()
    assert token not in out + err


def test_mistakes_are_told(tmp_path):
    done = run("web", tmp_path / "nothing")
    assert (done.returncode, "no such run directory" in done.stderr) == (1, True)
    done = run("web", tmp_path, "--host", "no-such-host.invalid")
    assert done.returncode == 1
    assert "--host no-such-host.invalid" in done.stderr
    assert run("web", tmp_path, "--port", "70000").returncode == 2
