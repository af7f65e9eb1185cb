"""Helpers of the import tests: what a directory holds, and files of games."""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.stockfish_games import PlayedGame, played_games, wild_pgn

from support import PATIENCE, require, require_program
from zerofleet import load_game
from zerofleet.games.chess import uci
from zerofleet.records import GameRecords, ShardMeta, read_shard, validate
from zerofleet.replay.imports import find_sources, import_games, importer


def stockfish_games(num_games: int) -> list[PlayedGame]:
    """Real games, played once and kept."""
    require("chess")
    require_program("stockfish")
    return played_games(num_games)


def wild(num_games: int, *, seed: int = 1):
    """The texts of the games of a file, and what they are."""
    return list(wild_pgn(stockfish_games(num_games), seed=seed, bad_share=0.3))


def wild_text(num_games: int) -> str:
    """The text of a file."""
    return "".join(text for text, _ in wild(num_games))


def do_import(run_dir: Path, *words, **options):
    """The report of an import of files."""
    return import_games(find_sources([str(word) for word in words]), run_dir, **options)


def shards(run_dir: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((run_dir / "imports").glob("*.npz"))}


def read_all(run_dir: Path) -> tuple[list[ShardMeta], GameRecords]:
    """All games, replayed, in the order in which they were imported."""
    found = [read_shard(run_dir / "imports" / name) for name in shards(run_dir)]
    for meta, games in found:
        validate(meta, games, name="shard")
    return [meta for meta, _ in found], GameRecords.concatenated([games for _, games in found])


def uci_games(records: GameRecords) -> list[list[str]]:
    """The moves of all games of chess, as UCI writes them."""
    chess = load_game("chess")
    out = []
    for g in range(records.num_games):
        text = records.initial_text[records.initial_start[g] : records.initial_start[g + 1]]
        state = chess.parse(text.tobytes().decode()) if len(text) else chess.initial_state()
        moves = []
        for action in records.action[records.game_start[g] : records.game_start[g + 1]].tolist():
            moves.append(uci(state, action))
            state.apply(action)
        out.append(moves)
    return out


def skipped_lines(run_dir: Path) -> list[str]:
    path = run_dir / "imports" / "skipped.txt"
    return path.read_text().splitlines() if path.exists() else []


def journal(run_dir: Path) -> list[dict]:
    return [json.loads(x) for x in (run_dir / "imports" / "journal.jsonl").read_text().splitlines()]


def run_import(
    *arguments, fault: str = "", shard_positions: int = 0, prints_memory: bool = False
) -> subprocess.CompletedProcess[bytes]:
    """`zerofleet import` in a process of its own, with shards of another size if asked for."""
    script = "from zerofleet.cli import main; main()"
    if prints_memory:  # the most it took, in KiB; getrusage would count the parent before the exec
        show = "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
        script = f"import atexit; atexit.register(lambda: {show}); {script}"
    if shard_positions:
        script = f"import {importer.__name__} as i; i.SHARD_POSITIONS = {shard_positions}; {script}"
    return subprocess.run(
        [sys.executable, "-c", script, "import", *map(str, arguments)],
        env={**os.environ, "ZEROFLEET_FAULT": fault, "COLUMNS": "80"},
        capture_output=True,
        timeout=100 * PATIENCE,
    )
