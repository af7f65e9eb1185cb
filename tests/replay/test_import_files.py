"""Importing as a whole: packed files, folders, resuming, being killed, and what cannot be read."""

import bz2
import gzip
import importlib
import lzma
import os
import signal
import threading

import pytest
from import_kit import (
    do_import,
    journal,
    read_all,
    run_import,
    shards,
    skipped_lines,
    uci_games,
    wild_text,
)

from support import require
from zerofleet.replay.imports import Filters, ImportFilesError, find_sources, importer
from zerofleet.replay.imports.journal import HEAD_BYTES, Journal
from zerofleet.run.errors import StoreError

PLAIN = "".join(
    f'[Event "e"]\n[Round "{n}"]\n\n1. e4 e5 2. {"Nf3" if n % 2 else "Nc3"} 1-0\n\n'
    for n in range(40)
)


def zstd_bytes(data: bytes) -> bytes:
    zstd = require("backports.zstd")
    options = {zstd.CompressionParameter.checksum_flag: 1}  # as the program zstd does
    middle = len(data) // 2
    # Two frames, as programs that pack in parallel write, the first of them without data.
    skippable = (0x184D2A50).to_bytes(4, "little") + (3).to_bytes(4, "little") + b"abc"
    return skippable + b"".join(
        zstd.compress(part, options=options) for part in (data[:middle], data[middle:])
    )


PACKED = {
    "gz": lambda data: gzip.compress(data[:99]) + gzip.compress(data[99:]) + bytes(512),
    "bz2": lambda data: bz2.compress(data[:99]) + bz2.compress(data[99:]),
    "xz": lzma.compress,
    "zst": zstd_bytes,
}


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(importer, "SHARD_POSITIONS", 20)


@pytest.mark.parametrize("ending", PACKED)
def test_packed_files_are_the_same_text(tmp_path, small_shards, ending) -> None:
    """The same shards, byte for byte, and the second form of a text is known."""
    text = wild_text(12).encode()
    (tmp_path / "games.pgn").write_bytes(text)
    (tmp_path / f"games.pgn.{ending}").write_bytes(PACKED[ending](text))
    do_import(tmp_path / "plain", tmp_path / "games.pgn")
    report = do_import(tmp_path / "packed", tmp_path / f"games.pgn.{ending}")
    assert shards(tmp_path / "packed") == shards(tmp_path / "plain")
    again = do_import(tmp_path / "packed", tmp_path / "games.pgn")
    assert again.sources[0].num_before == report.total_games == again.total_games
    assert again.num_shards == again.sources[0].num_imported == 0
    assert shards(tmp_path / "packed") == shards(tmp_path / "plain")


def test_folders_patterns_and_names(tmp_path) -> None:
    for name in ("b/two.pgn", "a.PGN", "b/.hidden.pgn", ".git/x.pgn", "b/notes.txt", "c.pgn.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    found = find_sources([str(tmp_path), str(tmp_path / "*.PGN"), "-", str(tmp_path / "b/two.pgn")])
    names = [os.path.relpath(s.name, tmp_path) if s.path else s.name for s in found]
    assert names == ["a.PGN", "b/two.pgn", "c.pgn.gz", "standard input"]
    for word, words in (
        ("none.pgn", "no such file"),
        ("*.xyz", "no file has such a name"),
        (".git", "no file in this folder"),
    ):
        (tmp_path / ".git/x.pgn").unlink(missing_ok=True)
        with pytest.raises(ImportFilesError, match=words):
            find_sources([str(tmp_path / word)])


def test_one_game_a_file(tmp_path) -> None:
    """Games of many files share shards; the same text under two names comes once."""
    folder = tmp_path / "games"
    folder.mkdir()
    for n in range(30):
        last = "h3" if n == 7 else f"{'abcdefgh'[n % 8]}{3 + n // 8 % 2}"
        (folder / f"{n:02}.pgn").write_text(f'[Round "{n}"]\n\n1. {last} e5 1-0\n')
    (folder / "99.pgn").write_bytes((folder / "05.pgn").read_bytes())
    report = do_import(tmp_path / "run", folder)
    assert (report.total_games, report.num_shards) == (30, 1)
    assert report.sources[-1].note == f"the same text as {folder / '05.pgn'}"
    (folder / "30.pgn").write_text("1. d4 1-0\n")
    report = do_import(tmp_path / "run", folder)
    assert [s.num_imported for s in report.sources] == [0] * 30 + [1, 0]
    assert read_all(tmp_path / "run")[1].game_number.tolist() == list(range(31))


def test_a_file_that_grows(tmp_path, small_shards) -> None:
    path = tmp_path / "games.pgn"
    for share in (0.3, 0.7, 1):
        count = int(40 * share)
        games = PLAIN.split('[Event "e"]')[1 : count + 1]
        path.write_text("".join(f'[Event "e"]{game}' for game in games))
        report = do_import(tmp_path / "run", path)
        assert report.total_games == count
    path.write_text(PLAIN.replace("Nf3", "Bc4"))  # another text in its place
    report = do_import(tmp_path / "run", path)
    assert (report.sources[0].num_before, report.total_games) == (0, 80)


def test_max_games_and_filters(tmp_path, small_shards) -> None:
    path = tmp_path / "games.pgn"
    path.write_text(PLAIN)
    for limit, total in ((7, 7), (7, 7), (15, 15), (None, 40)):
        report = do_import(tmp_path / "run", path, max_games=limit)
        assert report.total_games == total
        assert report.is_full == (limit is not None)
    do_import(tmp_path / "whole", path)
    games = [uci_games(read_all(tmp_path / run)[1]) for run in ("run", "whole")]
    assert games[0] == games[1]
    report = do_import(tmp_path / "run", path, filters=Filters(min_plies=2))
    assert "imported before with --min-elo 0, --min-plies 0" in report.sources[0].note


def test_memory_does_not_depend_on_the_file(tmp_path) -> None:
    """100 MB of text, in a comment that is never closed, take no more memory than the games."""
    endless = b"1. e4 {" + b"no end of this\n" * (100_000_000 // 15)
    peaks = []
    for name, text in (("small", b""), ("large", endless)):
        path = tmp_path / f"{name}.pgn.gz"
        path.write_bytes(gzip.compress(PLAIN.encode() + text + b"\n" + PLAIN.encode(), 1))
        done = run_import(path, "--run-dir", tmp_path / name, prints_memory=True)
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout.split()[-1]))
        assert read_all(tmp_path / name)[1].num_games == 80
    assert peaks[1] < peaks[0] + 32 * 2**10  # KiB


FAULTS = ["import.after_shard", "import.after_journal", "atomic.half_temp", "atomic.after_rename"]


@pytest.mark.parametrize("fault", FAULTS)
def test_killed_anywhere_nothing_is_lost_or_doubled(tmp_path, monkeypatch, fault) -> None:
    monkeypatch.setattr(importer, "SHARD_POSITIONS", 100)
    path = tmp_path / "games.pgn"
    path.write_text(wild_text(12))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    do_import(whole, path)
    done = run_import(path, "--run-dir", killed, shard_positions=100, fault=f"{fault}:2")
    assert done.returncode == -signal.SIGKILL
    assert len(shards(killed)) < len(shards(whole))
    do_import(killed, path)
    assert shards(killed) == shards(whole)
    assert skipped_lines(killed) == skipped_lines(whole)
    assert not [path for path in (killed / "imports").iterdir() if path.name.startswith(".")]


def test_a_line_of_the_journal_that_was_cut_has_not_happened(tmp_path, small_shards) -> None:
    path = tmp_path / "games.pgn"
    path.write_text(PLAIN)
    do_import(tmp_path / "whole", path)
    expected = shards(tmp_path / "whole")
    for cut in (1, 40):
        do_import(tmp_path / "run", path)
        file = tmp_path / "run/imports/journal.jsonl"
        file.write_bytes(file.read_bytes()[:-cut])
        do_import(tmp_path / "run", path)
        assert shards(tmp_path / "run") == expected
    games = [line["games"] for line in journal(tmp_path / "run")[1:]]
    assert sum(games) == 40


def test_a_file_that_was_cut_gives_what_it_has(tmp_path, small_shards) -> None:
    for ending, pack in PACKED.items():
        run, path = tmp_path / f"run_{ending}", tmp_path / f"games.pgn.{ending}"
        data = pack(wild_text(12).encode())
        path.write_bytes(data[: len(data) * 2 // 3])
        report = do_import(run, path)
        assert "ends in the middle of its compressed data" in report.sources[0].error
        path.write_bytes(data)
        again = do_import(run, path)
        assert again.sources[0].error == ""
        assert again.sources[0].num_before == report.total_games
        whole = do_import(tmp_path / f"whole_{ending}", path)
        assert again.total_games == whole.total_games
        path.write_bytes(data[:200] + bytes(100) + data[300:])
        damaged = do_import(tmp_path / f"damaged_{ending}", path)
        assert "is damaged" in damaged.sources[0].error


def test_pipes_are_read_once(tmp_path, small_shards) -> None:
    """The same text is known from a pipe too; one that differs later on cannot be read again."""

    def pipe(text):
        reader, writer = os.pipe()
        thread = threading.Thread(target=lambda: (os.write(writer, text), os.close(writer)))
        thread.start()
        try:
            return do_import(tmp_path / "run", f"/dev/fd/{reader}").sources[0]
        finally:
            thread.join()
            os.close(reader)

    head = PLAIN.encode() + b"{" + b"x" * HEAD_BYTES + b"}\n\n"
    assert pipe(head + PLAIN.encode()).num_imported == 80
    assert pipe(head + PLAIN.encode()).num_before == 80
    error = pipe(head + PLAIN.replace("Nf3", "Bc4").encode()).error
    assert "differs after that: save it in a file" in error


def test_a_full_disk_is_told(tmp_path) -> None:
    with Journal(tmp_path / "run") as journal, open("/dev/full", "ab", buffering=0) as full:
        journal._file = full
        with pytest.raises(StoreError, match="the disk or quota is full"):
            journal.begin("chess", "0" * 64)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 and so on", "is a zip archive: unpack it first"),
        ('[Event "x"]\n\n1. e4 1-0'.encode("utf-16"), "is UTF-16"),
        (b"\x7fELF\0\0\0", "is no text: expected games in PGN or SGF"),
        (b"(;GM[1]SZ[9];B[aa])", "is SGF, games of Go; imported here are games of chess"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, data, words) -> None:
    """Each is told, and the others are imported."""
    (tmp_path / "bad.pgn").write_bytes(data)
    (tmp_path / "good.pgn").write_text(PLAIN)
    report = do_import(tmp_path / "run", tmp_path / "good.pgn", tmp_path / "bad.pgn")
    assert words in report.sources[1].error
    assert report.total_games == 40


def test_zstd_missing_names_the_extra(tmp_path, monkeypatch) -> None:
    (tmp_path / "games.pgn.zst").write_bytes(zstd_bytes(PLAIN.encode()))
    real = importlib.import_module

    def without(name, *rest):
        if name.endswith("zstd"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", without)
    report = do_import(tmp_path / "run", tmp_path / "games.pgn.zst")
    assert "pip install 'zerofleet[zstd]'" in report.sources[0].error


def test_directories_that_cannot_be_used(tmp_path) -> None:
    path = tmp_path / "games.pgn"
    path.write_text(PLAIN)
    do_import(tmp_path / "run", path)
    with pytest.raises(ImportFilesError, match="holds games of chess, and go"):
        do_import(tmp_path / "run", path, spec="go(komi=7.5,size=9)")
    with Journal(tmp_path / "run"), pytest.raises(ImportFilesError, match="another process"):
        do_import(tmp_path / "run", path)
    file = tmp_path / "run/imports/journal.jsonl"
    file.write_text("{}\n")
    with pytest.raises(ImportFilesError, match="not a journal of imports"):
        do_import(tmp_path / "run", path)
    file.unlink()
    with pytest.raises(ImportFilesError, match="1 shard, but no journal"):
        do_import(tmp_path / "run", path)
