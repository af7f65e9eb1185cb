"""What is left of a run after its chaos: recomputed from the files alone."""

import contextlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from benchmarks.chaos.campaign import Campaign
from benchmarks.chaos.witness import shard_name
from zerofleet.records.account import shard_account
from zerofleet.run.audit import audit
from zerofleet.run.layout import DATA, base_name, parse_shard_name
from zerofleet.run.numbers import ShardContent, read_ledger
from zerofleet.run.rejected import read_rejected
from zerofleet.run.stats import read_stats
from zerofleet.run.store import iterate


@dataclass
class Refused:
    """The shards in rejected/, by why they are there."""

    damaged: int = 0
    """Those that the injector damaged."""
    junk: int = 0
    """Those that it made up."""
    again: int = 0
    """Those that it delivered once more, when the ledger had forgotten their checksum."""
    late: int = 0
    """Whole ones of a synchronous run, whose games had been dealt again and counted meanwhile."""


def judge(campaign: Campaign) -> dict[str, Any]:
    """The figures of one run; `campaign.findings` has what must not be, with what is found here."""
    store, findings = campaign.run.store, campaign.findings
    try:
        delivered = campaign.witness.delivered()
    except AssertionError as error:
        findings.append(str(error))
        delivered = list(campaign.witness.contents.values())
    ours = {(n.worker, n.batch) for n in map(parse_shard_name, campaign.damaged)}
    whole = [content for content in delivered if (content.worker, content.batch) not in ours]
    report = audit(store, shard_account, whole, keeps_all=True)
    findings += report.findings
    refused = _refused(campaign, {(c.worker, c.batch): c for c in whole})
    entries = [entry for entry in read_stats(store) if entry.get("iteration", 0) > 0]
    told = sum(int(entry.get("games", 0)) for entry in entries)
    if told != report.num_games_counted:
        findings.append(
            f"training_stats.json tells of {told:,} games, the ledger counts "
            f"{report.num_games_counted:,}"
        )
    hidden = [str(path) for path in campaign.run.directory.rglob(".*")]
    if hidden:
        findings.append(f"temporary files are left: {hidden[:5]}")
    spooled = [str(path) for path in (campaign.run.home / "state").rglob("*.npz")]
    if spooled:
        findings.append(f"shards are left in a spool: {spooled[:5]}")
    *partial, reads = campaign.reader_lines() or ["", '{"reads": {}}']
    findings += partial[:20]
    games_of_damaged = sum(len(c.game_numbers) for c in delivered if (c.worker, c.batch) in ours)
    return {
        "loops": campaign.run.iteration(),
        "model_version": report.model_version,
        "games_delivered": sum(len(content.game_numbers) for content in delivered),
        "games_counted": report.num_games_counted,
        "games_pending": report.num_games_pending,
        "games_in_damaged_shards": games_of_damaged,
        "games_lost": report.num_games_lost,
        "games_doubled": report.num_games_doubled,
        "corrupt_reads": len(partial),
        "reads": sum(json.loads(reads)["reads"].values()),
        "rejected": vars(refused),
    }


def _refused(campaign: Campaign, whole: dict[tuple[str, int], ShardContent]) -> Refused:
    """Each rejected file has its cause; a whole shard's games count from others."""
    findings = campaign.findings
    ledger = read_ledger(campaign.run.store)
    # Those of the loop that was under way count when it goes on.
    waiting = set()
    for entry in iterate(campaign.run.store, DATA):
        with contextlib.suppress(ValueError, KeyError):  # no shard, or one that was damaged
            parsed = parse_shard_name(base_name(entry.key))
            content = whole[parsed.worker, parsed.batch]
            waiting |= {(content.iteration, number) for number in content.game_numbers}
    found, times = Refused(), Counter()
    for numbered, reason in read_rejected(campaign.run.store).items():
        name = shard_name(numbered)
        times[name] += 1
        if name in campaign.damaged:
            found.damaged += 1
        elif name in campaign.junk:
            found.junk += 1
        elif name in campaign.again:
            found.again += 1
        else:
            found.late += 1
            parsed = parse_shard_name(name)
            content = whole.get((parsed.worker, parsed.batch))
            if content is None or content.iteration is None:
                findings.append(f"rejected/{numbered} is a whole shard: {reason}")
                continue
            missing = [
                number
                for number in ledger.new_games(content.iteration, content.game_numbers)
                if (content.iteration, number) not in waiting
            ]
            if missing:
                findings.append(f"rejected/{numbered}: game {missing[0]} counts nowhere: {reason}")
    for name in (*campaign.damaged, *campaign.junk):
        if times[name] != 1:
            how = campaign.damaged.get(name, "made up")
            findings.append(f"{name} ({how}) is in rejected/ {times[name]} times, not once")
    return found
