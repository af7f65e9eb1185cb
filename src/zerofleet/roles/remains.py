"""What an earlier run left in a directory in which a new one begins.

A directory without a committed checkpoint has no run that could go on. Models and statistics in it
are somebody's results: they are left alone, and nothing begins beside them. Games and deals that
wait there are nobody's any more: they are put aside before the new run deals its own. What comes
later, from a worker, a spool or a mirror of the earlier run, names another run and is refused
(roles/collect.py).
"""

from zerofleet.roles.config import ConfigError
from zerofleet.run.commit import read_latest
from zerofleet.run.layout import CHECKPOINTS, DATA, MODEL, SHARES, TRAINING_STATS, base_name
from zerofleet.run.models import read_manifest
from zerofleet.run.place import Place
from zerofleet.run.rejected import quarantine
from zerofleet.run.stats import read_stats
from zerofleet.run.store import Store, iterate
from zerofleet.run.words import counted


def check_no_earlier_run(store: Store, run_dir: Place) -> None:
    """Raises ConfigError if the directory has results of a run and nothing to go on from, or what
    it has is of another kind of training."""
    latest = read_latest(store)
    if latest is not None:
        if "kind" in latest.summary:  # a run of self-play has none
            raise ConfigError(
                f"{run_dir}: is a run of {latest.summary['kind']} (--data); self-play begins in "
                f"another --run-dir, with the net of this one: --checkpoint {run_dir}/NAME.pt"
            )
        return
    versions = sorted(map(int, read_manifest(store)["versions"]))
    if versions:
        found = f"{MODEL} has versions {versions[0]} to {versions[-1]}"
    elif read_stats(store):
        found = f"{TRAINING_STATS} has its statistics"
    else:
        return
    raise ConfigError(
        f"{run_dir}: {found} of an earlier run, but {CHECKPOINTS} has nothing to go on from: put "
        "it back from a copy, or begin a new run in another --run-dir (from a net of this one with "
        f"--checkpoint {run_dir}/{MODEL}NAME.pt), or delete what is there"
    )


def clear_remains(store: Store) -> list[str]:
    """Puts pending games of an earlier run aside, with the reason, and forgets what it dealt.

    Called by the trainer, holding its lease, before the first commit of a new run: no worker has a
    model of the new run yet, so nothing there can be its own. Safe to redo.
    Returns: lines for people.
    """
    shards = [base_name(entry.key) for entry in iterate(store, DATA)]
    for name in shards:
        quarantine(store, name, f"was in {DATA} before this run began: it is of an earlier one")
    shares = [entry.key for entry in iterate(store, SHARES)]
    for key in shares:
        store.delete(key)
    notes = []
    if shards:
        files = counted(len(shards), "file")
        notes.append(f"{files} of an earlier run in {DATA} put aside in rejected/")
    if shares:
        notes.append(f"{counted(len(shares), 'deal')} of an earlier run deleted")
    return notes
