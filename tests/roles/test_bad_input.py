"""Everything else that can be wrong: one clear line, an exit status, and nothing lost."""

import contextlib
import json
import os
import re
import signal
import subprocess

import numpy as np
import pytest
import run_kit

from support import mounted, read_only
from zerofleet.run.layout import DATA


def check_told(role, status, pattern):
    """It ended with `status` and one line for people."""
    assert role.wait() == status, role.text()
    text = role.text()
    assert "Traceback" not in text
    lines = [line for line in text.splitlines() if line.startswith("zerofleet: ")]
    assert len(lines) == 1, text
    assert text.splitlines()[-1] == lines[0]
    assert re.search(pattern, lines[0]), lines[0]


@pytest.fixture
def done(run):
    """A run that has ended after its first loop, which learned from several shards."""
    trainer = run.trainer(pacing__max_loops=1, pacing__min_new_positions=1500)
    worker = run.worker("w0")
    assert (trainer.wait(), worker.wait()) == (0, 0)
    return run


# -- models ------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_worker_waits_for_a_damaged_model_to_be_published_again(run, damage):
    trainer = run.trainer()
    run.wait_for_loop(0)
    assert trainer.stop() == 0
    path = run.directory / "model/versions/0001.nnue"
    good = path.read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 16
    path.write_bytes({"cut": good[:-100], "flipped": bytes(flipped), "empty": b""}[damage])
    worker = run.worker("w0")
    worker.wait_for_text("0001.nnue: damaged: expected")
    assert worker.poll() is None
    assert run.names(DATA) == []
    assert run.trainer(pacing__max_loops=1).wait() == 0
    assert path.read_bytes() == good
    assert worker.wait() == 0
    assert "Batch 1:" in worker.text()
    run.audit()


@pytest.mark.parametrize("text", ["", "seven\n", "-1\n"])
def test_a_damaged_version_number(run, text):
    trainer = run.trainer()
    run.wait_for_loop(0)
    assert trainer.stop() == 0
    (run.directory / "model/version.txt").write_text(text)
    worker = run.worker("w0")
    worker.wait_for_text("version.txt: expected a version number")
    (run.directory / "model/version.txt").write_text("1\n")
    run.wait_for_shards()
    assert worker.stop() == 0


def test_an_older_damaged_model_does_not_end_the_run(run):
    trainer, worker = run.trainer(pacing__max_loops=2), run.worker("w0")
    assert (trainer.wait(), worker.wait()) == (0, 0)
    path = run.directory / "model/versions/0002.nnue"
    path.write_bytes(path.read_bytes()[:-1])
    trainer, worker = run.resume(4)
    assert (trainer.wait(), worker.wait()) == (0, 0), trainer.text()
    assert run.iteration() == 4
    # The auditor says it; version 2 is not among the opponents of version 3.
    with pytest.raises(AssertionError, match=r"0002.nnue: damaged"):
        run.audit()


def test_shards_of_the_window_that_somebody_lost(done):
    """They are named and left out; their games stay counted."""
    first, second = done.names("consumed/")[:2]
    counted = done.audit().num_games_counted
    (done.directory / "consumed" / first).unlink()
    path = done.directory / "consumed" / second
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(AssertionError, match="damaged"):
        done.audit()
    trainer, worker = done.resume(2)
    assert (trainer.wait(), worker.wait()) == (0, 0)
    for name in (first, second):
        assert trainer.text().count(f"{name} left the window: ") == 1
    # It has left the window on disk, too.
    assert done.audit().num_games_counted > counted


# -- disks -------------------------------------------------------------------------------------


def test_a_full_disk(run):
    (run.home / "small").mkdir()
    with mounted(run.home / "small", "-t", "tmpfs", "-o", "size=6m", "tmpfs") as small:
        run.directory = small / "run"
        run.settings |= {"replay.keep": "all"}
        watcher = run_kit.Watcher(run)
        watcher.start()
        trainer = run.trainer(pacing__max_loops=10_000, pacing__min_new_positions=3_000)
        worker = run.worker("w0")
        run.wait_for_loop(1)
        filler = small / "filler"
        with filler.open("wb") as file, contextlib.suppress(OSError):
            while True:
                os.write(file.fileno(), bytes(4096))
        # The worker waits with its games; a trainer that cannot commit or publish ends, and so does
        # one that is started now. What is committed stays.
        worker.wait_for_text("the disk or quota is full")
        trainer.signal(signal.SIGTERM)
        if trainer.wait() not in (0, -signal.SIGTERM):  # which comes after its own end
            check_told(trainer, 1, "the disk or quota is full")
        check_told(run.trainer(), 1, "the disk or quota is full")
        run.audit()
        assert worker.poll() is None
        filler.unlink()
        trainer = run.trainer(pacing__max_loops=10_000)
        run.wait_for_loop(run.iteration() + 2)
        assert worker.stop() == 0
        assert trainer.stop() == 0, trainer.text()
        assert not list((run.home / "state").rglob("*.npz"))
        run.audit(watcher.delivered())
        run.end()


def test_a_read_only_mount(run):
    trainer, worker = run.trainer(pacing__max_loops=1), run.worker("w0")
    assert (trainer.wait(), worker.wait()) == (0, 0)
    before = run.audit()
    with read_only(run.directory):
        check_told(run.trainer(pacing__max_loops=2), 1, "mounted read-only: mount it writable")
        check_told(run.worker("w0"), 1, "mounted read-only: mount it writable")
        check_told(run.worker("new"), 1, "mounted read-only: mount it writable")
    assert run.audit() == before
    with read_only(run.home / "empty"):
        inside = run.home / "empty" / "run"
        check_told(run.trainer(directory=inside), 1, "mounted read-only: mount it writable")


def test_a_run_directory_that_is_a_file(run):
    (run.home / "file").write_bytes(b"")
    check_told(run.trainer(directory=run.home / "file"), 1, "Not a directory")
    check_told(run.worker("w0", directory=run.home / "file"), 1, "Not a directory")


def test_a_run_directory_without_permission(run):
    done = subprocess.run(["id", "-u"], capture_output=True, text=True, check=True)
    if done.stdout.strip() == "0":
        # Root may write anywhere; where even root may not is a read-only mount, tested above.
        return
    locked = run.home / "locked"
    locked.mkdir(mode=0o500)
    check_told(run.trainer(directory=locked / "run"), 1, "lacks the permission")


# -- seed data ---------------------------------------------------------------------------------


def seed_file(path, **arrays):
    good = {"boards": np.zeros((4, 92), np.int8), "values": np.zeros(4, np.float32)}
    good["boards"][:, 90] = -1
    good["boards"][:, 91] = 1
    np.savez(path, **{**good, **arrays})
    return path


def test_wrong_seed_data(done):
    folder = done.home
    run = run_kit.Run(done.forge, folder / "new")
    not_npz = folder / "text.npz"
    not_npz.write_text("no archive")
    boards = np.zeros((4, 92), np.int8)
    boards[:, 90] = -1
    boards[:, 91] = 1
    boards[2, 5] = 9
    cut = seed_file(folder / "cut.npz")
    cut.write_bytes(cut.read_bytes()[:-30])
    cases = [
        (folder / "missing.npz", "no such file"),
        (folder, "no such file|Is a directory"),
        (not_npz, "expected a whole .npz file"),
        (cut, "expected a whole .npz file"),
        (seed_file(folder / "a.npz", values=np.array([None] * 4)), "pickled Python objects"),
        (seed_file(folder / "b.npz", boards=np.zeros((4, 81), np.int8)), r"int8 \(4, 92\)"),
        (seed_file(folder / "c.npz", values=np.zeros(3, np.float32)), r"\(3, 92\) beside 3"),
        (seed_file(folder / "d.npz", values=np.zeros(4)), "values float32"),
        (seed_file(folder / "e.npz", values=np.full(4, 2, np.float32)), r"row 0.*found 2"),
        (seed_file(folder / "f.npz", values=np.full(4, np.nan, np.float32)), "not a number"),
        (seed_file(folder / "g.npz", boards=boards), "boards"),
    ]
    for path, pattern in cases:
        check_told(run.trainer(f"--seed-data={path}"), 2, pattern)
        assert run.iteration() == -1
        assert not (run.directory / "model/version.txt").exists()
    too_few = run.trainer(f"--seed-data={seed_file(folder / 'few.npz')}")
    check_told(too_few, 1, "4 positions to train on, expected at least 128")
    # The same directory, with what is right: the window of another run.
    good = run.trainer(f"--seed-data={done.directory / 'checkpoint.npz'}")
    path = run.directory / "checkpoint.npz"
    run_kit.wait_for(path.exists, "checkpoint.npz")
    assert good.stop() == 0
    with np.load(path) as ours, np.load(done.directory / "checkpoint.npz") as theirs:
        np.testing.assert_array_equal(ours["boards"], theirs["boards"])
        np.testing.assert_array_equal(ours["values"], theirs["values"])
    run.audit()


# -- configuration -----------------------------------------------------------------------------


def test_wrong_configuration(done):
    before = (done.directory / "config.json").read_bytes()
    tree = json.loads(before)
    check_told(done.trainer(search__dept=3), 2, "unknown key 'search.dept'; .*'search.depth'")
    check_told(done.trainer(depth=3), 2, "unknown key 'depth'; did you mean .*depth")
    check_told(done.trainer(net__num_accumulators=64), 2, "cannot become 64: .*new --run-dir")
    check_told(done.trainer(game__name="tic_tac_toe"), 2, "game.name of this run")
    check_told(done.trainer(game__name="chess4"), 2, "chess4")
    check_told(done.trainer(training__train_epochs=0), 2, "train_epochs")
    check_told(done.trainer(pacing__max_loops=0), 2, "max_loops")
    check_told(done.trainer(fleet__dead_after_seconds=1), 2, "three times fleet.heartbeat_seconds")
    check_told(done.trainer(recipe="ultimate_tt"), 2, "did you mean 'ultimate_ttt'")
    check_told(done.trainer(recipe="nowhere.yaml"), 2, "no such file")
    check_told(done.worker("a/b"), 2, "worker id 'a/b' is not usable")
    check_told(done.worker("w1", "--threads=0"), 2, "for --threads. Must be >= 1")
    check_told(done.worker("w1", "--depth=-3"), 2, "for --depth. Must be >= 1")
    check_told(done.worker("w1", "--games-per-batch=0"), 2, "for --games-per-batch. Must be >= 1")
    assert (done.directory / "config.json").read_bytes() == before
    cases = [
        (b'{"search": ', "config.json: not valid JSON"),
        (b"\xff\xfe\x00", "config.json: not valid JSON"),
        (b"[1]", "config.json: expected an object"),
        (json.dumps({**tree, "serch": {}}).encode(), "unknown key 'serch'"),
        (json.dumps({**tree, "search": 3}).encode(), "search"),
    ]
    for data, pattern in cases:
        (done.directory / "config.json").write_bytes(data)
        check_told(done.trainer(), 2, pattern)
        assert (done.directory / "config.json").read_bytes() == data
    # A worker waits for it to be mended.
    (done.directory / "STOP").unlink()
    worker = done.worker("w0")
    worker.wait_for_text("waiting for search: ")
    play = {**tree["selfplay"], "num_random_plies": 81}
    (done.directory / "config.json").write_bytes(json.dumps({**tree, "selfplay": play}).encode())
    worker.wait_for_text("waiting for selfplay.num_random_plies must be in 0..80 for ultimate_ttt")
    (done.directory / "config.json").write_bytes(before)
    worker.wait_for_text("Batch 1:")
    assert worker.stop() == 0
    many = done.worker("w1", "--games-per-batch=2000000")
    check_told(many, 2, "an option of this worker: selfplay.games_per_batch: .* 1000000")


def test_a_damaged_checkpoint(done):
    latest = done.directory / "checkpoints/latest.json"
    good = latest.read_bytes()
    document = json.loads(good)
    cases = [
        (good[: len(good) // 2], "latest.json: expected JSON"),
        (b"{}", "latest.json: format None"),
        (json.dumps({**document, "format": 9}).encode(), "reads 1 to 1"),
        (
            json.dumps({"format": 1, "kept": [{"commit": "x"}]}).encode(),
            "not a list of checkpoints",
        ),
        (json.dumps({"format": 1, "kept": 3}).encode(), "not a list of"),
    ]
    for data, pattern in cases:
        latest.write_bytes(data)
        check_told(done.trainer(pacing__max_loops=2), 1, pattern)
        assert latest.read_bytes() == data
    latest.write_bytes(good)
    for name, ref in document["kept"][-1]["files"].items():
        path = done.directory / ref["key"]
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        check_told(done.trainer(pacing__max_loops=2), 1, f"{name}: expected .* with sha256")
        path.unlink()
        check_told(done.trainer(pacing__max_loops=2), 1, f"{name}: named by .* but missing")
        path.write_bytes(data)
    trainer, worker = done.resume(2)
    assert (trainer.wait(), worker.wait()) == (0, 0)
    done.audit()


def test_a_damaged_manifest_or_statistics(done):
    for key in ("model/manifest.json", "training_stats.json"):
        path = done.directory / key
        good = path.read_bytes()
        path.write_bytes(good[:-20])
        check_told(done.trainer(pacing__max_loops=2), 1, f"{key}: expected")
        path.write_bytes(good)
    trainer, worker = done.resume(2)
    assert (trainer.wait(), worker.wait()) == (0, 0)
    done.audit()
