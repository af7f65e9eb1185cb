"""The auditor: recomputes from the files alone that nothing is lost, doubled or partial.

It may run on a live run; what is in motion at that moment (a committed shard not yet moved, a
model not yet published) is not a finding. It reads every shard, so it is for people and tests.
"""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from zerofleet.run.commit import read_checkpoints
from zerofleet.run.documents import sha256_hex
from zerofleet.run.errors import DamagedError, KeyMissingError, RunError
from zerofleet.run.layout import (
    CONSUMED,
    DATA,
    REJECTED,
    TRAINER_LEASE,
    WORKERS,
    base_name,
    parse_shard_name,
    worker_of_lease_key,
)
from zerofleet.run.lease import read_lease
from zerofleet.run.ledger import Ledger, Verdict, WorkerLedger
from zerofleet.run.models import fetch_model, read_manifest, read_version
from zerofleet.run.numbers import ReadShard, ShardContent, read_ledger
from zerofleet.run.rejected import read_rejected
from zerofleet.run.stats import read_stats
from zerofleet.run.store import Store, iterate
from zerofleet.run.words import counted

Contents = dict[tuple[str, int], ShardContent]
"""What shards hold, by (worker, batch)."""


@dataclass
class AuditReport:
    """What the auditor found; sound if there are no findings."""

    findings: list[str] = field(default_factory=list)
    num_games_counted: int = 0
    num_games_pending: int = 0
    num_batches_counted: int = 0
    num_rejected: int = 0
    model_version: int = 0
    num_games_lost: int = 0
    """Finished games that are nowhere, or that the ledger does not count; see `findings`."""
    num_games_doubled: int = 0
    """Games that count more than once, or without a shard that holds them; see `findings`."""

    @property
    def is_sound(self) -> bool:
        """True if every check passed."""
        return not self.findings

    def text(self) -> str:
        """The report for people, several lines."""
        lines = [
            f"counted  {counted(self.num_games_counted, 'game')} in "
            f"{counted(self.num_batches_counted, 'batch', 'batches')}",
            f"pending  {counted(self.num_games_pending, 'game')}",
            f"rejected {counted(self.num_rejected, 'shard')}",
            f"model    version {self.model_version}",
        ]
        verdict = "sound" if self.is_sound else counted(len(self.findings), "finding")
        return "\n".join(
            [*lines, f"audit    {verdict}", *(f"  - {text}" for text in self.findings)]
        )


def audit(
    store: Store,
    read_shard: ReadShard,
    finished: Iterable[ShardContent] | None = None,
    *,
    keeps_all: bool = False,
) -> AuditReport:
    """Checks a run from its files alone.

    Args:
      read_shard: reads a shard's accounts from its bytes; ValueError if the shard is damaged.
      finished: what was certainly delivered, if the caller knows (a test does): each of these games
        must be counted, pending or rejected exactly once.
      keeps_all: the run is at rest and has kept every shard it counted (`replay.keep: all` from its
        beginning): then the ledger has to be what those shards add up to, game by game.
    """
    report = AuditReport()
    # The ledger comes after the listing: what lies in consumed/ by then is counted in it.
    listed = [entry.key for prefix in (CONSUMED, DATA) for entry in iterate(store, prefix)]
    ledger = _audit_ledger(store, report)
    pending, counted = _audit_shards(store, listed, ledger, read_shard, report)
    if keeps_all:
        _audit_kept(ledger, counted, report)
    _audit_models(store, report)
    _audit_leases(store, ledger, report)
    _audit_stats(store, report)
    rejected = _audit_rejected(store, report)
    for content in finished or ():
        _audit_finished(content, ledger, pending, rejected, report)
    report.num_games_pending = sum(len(content.game_numbers) for content in pending.values())
    return report


def _audit_ledger(store: Store, report: AuditReport) -> Ledger:
    try:
        _check_latest(store)
        ledger = read_ledger(store)
    except RunError as error:
        report.findings.append(str(error))
        return Ledger()
    report.num_games_counted = ledger.num_games
    report.num_batches_counted = ledger.num_batches
    return ledger


def _check_latest(store: Store) -> None:
    """Reads every file of the committed checkpoint. Raises RunError if one is not whole."""
    kept = read_checkpoints(store)
    while kept:
        try:
            for name in kept[-1].files:
                kept[-1].read(store, name)
            return
        except DamagedError:
            # A commit since we read latest.json has deleted a file it named?
            before, kept = kept[-1].commit, read_checkpoints(store)
            if kept and kept[-1].commit == before:
                raise


def _audit_shards(
    store: Store, listed: list[str], ledger: Ledger, read_shard: ReadShard, report: AuditReport
) -> tuple[Contents, Contents]:
    """Checks what was listed in data/ and consumed/; returns what is pending, and what counts."""
    pending: Contents = {}
    counted: Contents = {}
    seen_games: dict[tuple[str, int], str] = {}
    for key in listed:
        is_consumed = key.startswith(CONSUMED)
        try:
            name = parse_shard_name(base_name(key))
            data = _read_moving(store, key)
            content = read_shard(data)
        except KeyMissingError:
            continue  # It left the window, or went to rejected/, since the listing.
        except (ValueError, RunError) as error:
            # A shard in data/ that is damaged is the trainer's to reject; a consumed one not.
            if is_consumed:
                report.findings.append(f"{key}: {error}")
            continue
        identity = (content.worker, content.batch)
        if identity != (name.worker, name.batch):
            report.findings.append(f"{key}: says that it is batch {identity}")
        verdict, why = ledger.judge(*identity, sha256_hex(data))
        if verdict is Verdict.DUPLICATE or is_consumed:
            counted[identity] = content
        if is_consumed:
            if verdict is Verdict.NEW:
                report.findings.append(f"{key}: consumed but not in the ledger")
            elif verdict is Verdict.CONFLICT and "no longer kept" not in why:
                report.findings.append(f"{key}: consumed, but {why}")
            _audit_consumed_games(key, content, ledger, report)
        elif verdict is Verdict.NEW:
            pending[identity] = content
            # Dealt games may be played twice, after a re-deal; they are counted once.
            for number in content.game_numbers if content.iteration is None else ():
                other = seen_games.setdefault((content.worker, number), key)
                if other != key:
                    report.findings.append(f"{key}: game {number} is in {other} as well")
    return pending, counted


def _audit_kept(ledger: Ledger, counted: Contents, report: AuditReport) -> None:
    """Recomputes the ledger from the shards it counts, all of which are there."""
    again = Ledger()
    for (worker, batch), content in sorted(counted.items()):
        where = f"worker {worker} batch {batch}"
        numbers: Iterable[int] = content.game_numbers
        if content.iteration is not None:
            numbers = again.new_games(content.iteration, numbers)
        try:
            again.count(worker, batch, "", numbers, 0, iteration=content.iteration)
        except ValueError as error:
            report.findings.append(f"{where}: {error}")
            report.num_games_doubled += len(content.game_numbers)
    for worker in sorted(ledger.workers.keys() | again.workers.keys()):
        said, found = (book.workers.get(worker, WorkerLedger()) for book in (ledger, again))
        for what in ("batches", "games"):
            one, other = getattr(said, what), getattr(found, what)
            if one != other:
                report.findings.append(
                    f"worker {worker}: the ledger counts {what} {one.to_json()}, its shards hold "
                    f"{other.to_json()}"
                )
    for iteration in sorted(ledger.iterations.keys() | again.iterations.keys()):
        dealt, found_games = (book.iterations.get(iteration) for book in (ledger, again))
        if dealt != found_games:
            report.findings.append(
                f"iteration {iteration}: the ledger counts games {dealt and dealt.to_json()}, the "
                f"shards hold {found_games and found_games.to_json()}"
            )
    report.num_games_doubled += max(0, ledger.num_games - again.num_games)
    report.num_games_lost += max(0, again.num_games - ledger.num_games)
    if ledger.num_games != again.num_games:
        report.findings.append(
            f"the ledger counts {ledger.num_games:,} games, the shards hold {again.num_games:,}"
        )


def _read_moving(store: Store, key: str) -> bytes:
    """The bytes of a shard that was listed; a trainer may have moved it to consumed/ meanwhile."""
    try:
        return store.read(key)
    except KeyMissingError:
        return store.read(CONSUMED + base_name(key))


def _audit_consumed_games(
    key: str, content: ShardContent, ledger: Ledger, report: AuditReport
) -> None:
    missing = _uncounted_games(content, ledger)
    if missing:
        report.findings.append(f"{key}: consumed, but game {missing[0]} is not in the ledger")


def _uncounted_games(content: ShardContent, ledger: Ledger) -> list[int]:
    if content.iteration is not None:
        return ledger.new_games(content.iteration, content.game_numbers)
    counted = ledger.workers.get(content.worker)
    return [n for n in content.game_numbers if counted is None or n not in counted.games]


def _audit_models(store: Store, report: AuditReport) -> None:
    try:
        report.model_version = version = read_version(store)
        versions = read_manifest(store)["versions"]
        if version and str(version) not in versions:
            report.findings.append(f"version.txt says {version}, which the manifest does not name")
        for number, entry in versions.items():
            for kind in entry["files"]:
                fetch_model(store, int(number), kind)
        newest = max(map(int, versions), default=0)
        if version and newest > version + 1:
            report.findings.append(f"the manifest is at {newest}, version.txt at {version}")
    except RunError as error:
        report.findings.append(str(error))


def _audit_leases(store: Store, ledger: Ledger, report: AuditReport) -> None:
    for key in [TRAINER_LEASE, *(entry.key for entry in iterate(store, WORKERS))]:
        try:
            lease = read_lease(store, key)
        except DamagedError as error:
            report.findings.append(str(error))
            continue
        worker = worker_of_lease_key(key)
        counted = ledger.workers.get(worker) if worker is not None else None
        if lease is None or counted is None:
            continue
        highest = counted.batches.highest or 0
        if lease["next_batch"] <= highest:
            report.findings.append(
                f"{key}: next_batch is {lease['next_batch']}, but batch {highest} is counted"
            )
        game = -1 if counted.games.highest is None else counted.games.highest
        if lease["next_game"] <= game:
            report.findings.append(
                f"{key}: next_game is {lease['next_game']}, but game {game} is counted"
            )


def _audit_stats(store: Store, report: AuditReport) -> None:
    try:
        iterations = [entry.get("iteration") for entry in read_stats(store)]
    except DamagedError as error:
        report.findings.append(str(error))
        return
    if len(set(iterations)) != len(iterations):
        report.findings.append("training_stats.json: an iteration is there twice")


def _audit_rejected(store: Store, report: AuditReport) -> set[tuple[str, int]]:
    """(worker, batch) of what was refused."""
    reasons = read_rejected(store)
    names = {base_name(entry.key) for entry in iterate(store, REJECTED)}
    shards = {name for name in names if not name.endswith(".reason.txt")}
    report.num_rejected = len(shards)
    report.findings += [f"rejected/{name}: no reason beside it" for name in shards - set(reasons)]
    refused = set()
    for name in shards:
        with contextlib.suppress(ValueError):  # of no shard
            shard = parse_shard_name(f"{name.partition('.npz')[0]}.npz")  # the second one: .npz.2
            refused.add((shard.worker, shard.batch))
    return refused


def _audit_finished(
    content: ShardContent,
    ledger: Ledger,
    pending: Contents,
    rejected: set[tuple[str, int]],
    report: AuditReport,
) -> None:
    where = f"worker {content.worker} batch {content.batch}"
    counted = ledger.workers.get(content.worker)
    places = {
        "counted": counted is not None and content.batch in counted.batches,
        "pending": (content.worker, content.batch) in pending,
        "rejected": (content.worker, content.batch) in rejected,
    }
    found = [name for name, is_there in places.items() if is_there]
    # A counted file that comes again when the ledger has forgotten its checksum is refused.
    if len(found) != 1 and found != ["counted", "rejected"]:
        report.findings.append(f"{where}: finished games must be in one place, found in {found}")
        if found:
            report.num_games_doubled += len(content.game_numbers)
        else:
            report.num_games_lost += len(content.game_numbers)
    if counted is not None and places["counted"]:
        missing = _uncounted_games(content, ledger)
        if missing:
            report.findings.append(f"{where}: counted, but game {missing[0]} is not")
            report.num_games_lost += len(missing)
