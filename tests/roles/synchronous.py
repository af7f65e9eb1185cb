"""What must be true of a synchronous run when it has ended."""

import run_kit

from zerofleet.records.read import decode_shard
from zerofleet.run.layout import CONSUMED
from zerofleet.run.stats import read_stats

NUM_GAMES = run_kit.TINY_TREES["pacing.games_per_iteration"]


def counted_games(run):
    """iteration -> {game number: (model version, actions)}, from the files of the games.

    A game that was dealt again may be in two of them; the ledger counts it once (`run.audit`).
    """
    found = {}
    for name in sorted(run.names(CONSUMED)):
        meta, games = decode_shard(run.store.read(CONSUMED + name), name=name)
        for g, number in enumerate(games.game_number.tolist()):
            plies = slice(games.game_start[g], games.game_start[g + 1])
            record = (meta.model_version, tuple(games.action[plies].tolist()))
            old = found.setdefault(meta.iteration, {}).setdefault(number, record)
            assert old == record  # whoever plays it, it is the same game
    return found


def check_complete(run, num_iterations):
    """Each iteration has exactly the games asked for, and the files say so; returns the games."""
    games = counted_games(run)
    assert sorted(games) == list(range(1, num_iterations + 1))
    for iteration, numbered in games.items():
        assert sorted(numbered) == list(range(NUM_GAMES))
        assert {version for version, _ in numbered.values()} == {iteration}
    entries = [entry for entry in read_stats(run.store) if entry["iteration"] > 0]
    assert [entry["games"] for entry in entries] == [NUM_GAMES] * num_iterations
    report = run.audit()
    assert report.num_games_counted == NUM_GAMES * num_iterations
    return games
