"""What a run is doing, read from its files: for the terminal, for --json and for status.txt."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from zerofleet.run.documents import decode_object
from zerofleet.run.errors import RunError
from zerofleet.run.layout import (
    CONFIG,
    DATA,
    FLEET_LEASE,
    FLEET_STATUS,
    REJECTED,
    STATUS_TEXT,
    TRAINER_LEASE,
    worker_of_lease_key,
)
from zerofleet.run.lease import LeaseWatch, read_lease
from zerofleet.run.models import read_version
from zerofleet.run.stats import read_stats, refitted
from zerofleet.run.stop import stop_requested
from zerofleet.run.store import Store, iterate, read_or_none
from zerofleet.run.words import counted

_PHASES = {"collecting": "self-play", "rating": "arena"}
_LABELS = {
    "active": "🟢 Active",
    "waiting": "🟢 Active",
    "syncing": "🟡 Syncing",
    "error": "🔴 Error",
    "stopped": "⚪ Stopped",
    "offline": "⚪ Offline",
}


@dataclass(frozen=True)
class RoleStatus:
    """A worker or the trainer."""

    name: str
    """Worker id, or 'trainer'."""
    state: str
    """active, syncing, waiting, error, stopped as it wrote; offline if it counts as dead."""
    label: str
    """For people: 🟢 Active, 🟡 Syncing, 🔴 Error (reason), ⚪ Offline, ⚪ Stopped (reason, if it
    failed)."""
    confirmed: bool
    """False while the only proof of life is what the file says: it has not changed under our eyes
    yet and its process is not on this host."""
    host: str
    pid: int
    error: str
    rates: dict[str, float] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)
    """What it is doing now, as it wrote: phase, share, new positions, ..."""
    model_version: int = 0
    """Version it plays with; 0: none yet."""
    next_batch: int = 1
    next_game: int = 0
    link: dict[str, Any] | None = None
    """Of a worker that a fleet over SSH starts: what its main node knows (docs/fleet.md)."""

    @property
    def is_working(self) -> bool:
        """Counts in "workers active a/n"."""
        return self.state in ("active", "syncing", "waiting")


@dataclass(frozen=True)
class FleetStatus:
    """A run at one moment."""

    model_version: int
    stopping: bool
    trainer: RoleStatus | None
    workers: tuple[RoleStatus, ...]
    num_configured: int
    """n of "workers active a/n": configured workers, or leases that are not stopped."""
    num_pending_shards: int
    pending_bytes: int
    num_rejected_shards: int
    loops: tuple[dict[str, Any], ...]
    """The last entries of training_stats.json."""
    problems: tuple[str, ...]
    """Files that could not be read."""
    phase: str = ""
    """self-play, training, arena, publishing, ...; empty without a live trainer."""
    iteration: int = 0
    """The one in progress, from 1; without a live trainer the last one that is done."""
    is_synchronous: bool = True
    """Its loops are called iterations."""
    is_fleet_up: bool | None = None
    """A main node looks after the workers on other hosts; None: the run has no such fleet."""
    model_sync_seconds: float | None = None
    """What the newest network took to its host, the slowest of them; None without a fleet."""
    network_bytes_per_minute: float | None = None
    """Files moved to and from the hosts within the last minute; None without a fleet."""

    @property
    def num_active(self) -> int:
        """a of "workers active a/n"."""
        return sum(worker.is_working for worker in self.workers)

    @property
    def games_per_second(self) -> float:
        """Of all workers at work together."""
        rates = (w.rates.get("games_per_second", 0.0) for w in self.workers if w.is_working)
        return float(sum(rates))

    def to_json(self) -> dict[str, Any]:
        """A JSON object with everything."""
        return {
            **asdict(self),
            "num_active": self.num_active,
            "games_per_second": self.games_per_second,
        }

    def text(self) -> str:
        """Lines for people."""
        trainer = self.trainer.label if self.trainer is not None else "not started"
        lines = [
            f"Model version  {self.model_version}",
            f"Trainer        {trainer}{_rates(self.trainer)}",
        ]
        if self.phase:
            unit = "iteration" if self.is_synchronous else "loop"
            lines.append(f"Phase          {self.phase}, {unit} {self.iteration}")
        lines += [
            f"Games/second: {self.games_per_second:.1f}",
            f"Workers active: {self.num_active}/{self.num_configured}",
        ]
        if self.model_sync_seconds is not None and self.network_bytes_per_minute is not None:
            lines += [
                f"Model sync time: {self.model_sync_seconds:.1f}s",
                f"Network usage: {self.network_bytes_per_minute / 1e6:.1f} MB/min",
            ]
        if self.is_fleet_up is False:
            lines.append("The fleet has no main node now: zerofleet fleet up looks after it")
        width = max((len(worker.name) for worker in self.workers), default=0)
        for worker in self.workers:
            doubt = "" if worker.confirmed or not worker.is_working else " (unconfirmed)"
            line = f"  {worker.name:<{width}}  {worker.label}{doubt}  {worker.host}{_rates(worker)}"
            lines.append(line)
        pending = (
            f"{counted(self.num_pending_shards, 'shard')}, {self.pending_bytes / 2**20:.1f} MiB"
        )
        rejected = counted(self.num_rejected_shards, "shard")
        lines += [f"Pending        {pending}", f"Rejected       {rejected}"]
        if self.stopping:
            ended = self.num_active == 0 and not (self.trainer and self.trainer.is_working)
            lines.append(f"STOP is set: the run {'has ended' if ended else 'is ending'}")
        lines += [f"Loop {_loop(entry)}" for entry in self.loops]
        lines += [f"Problem: {problem}" for problem in self.problems]
        return "\n".join(lines) + "\n"


def collect(
    store: Store,
    watch: LeaseWatch,
    *,
    configured_workers: frozenset[str] | None = None,
    num_loops: int = 5,
) -> FleetStatus:
    """Reads the run. Keep `watch` between calls: it is what tells a dead worker from a live one.

    `configured_workers` are the ids of a fleet file; without one all leases not stopped count.
    """
    problems: list[str] = []
    trainer, workers = None, []
    try:
        lease = read_lease(store, TRAINER_LEASE)
        trainer = None if lease is None else _role(watch, TRAINER_LEASE, "trainer", lease)
    except RunError as error:
        problems.append(str(error))
    try:
        for key, found in watch.read(store):
            if isinstance(found, RunError):
                problems.append(str(found))
            else:
                workers.append(_role(watch, key, worker_of_lease_key(key) or key, found))
    except RunError as error:
        problems.append(str(error))
    fleet, is_up, is_sure = _fleet(store, watch, problems)
    if fleet is not None:
        links = fleet.get("workers", {})
        workers = _with_links(workers, links, is_up, is_sure)
        configured_workers = configured_workers or frozenset(links)
    if configured_workers is None:
        num_configured = sum(worker.state != "stopped" for worker in workers)
    else:
        num_configured = len(configured_workers)
    version, loops, done = 0, [], 0
    try:
        version = read_version(store)
        stats = refitted(read_stats(store))
        loops = stats[-num_loops:] if num_loops else []
        done = int(stats[-1].get("iteration", 0)) if stats else 0
    except RunError as error:
        problems.append(str(error))
    pending = [entry.size_bytes for entry in iterate(store, DATA)]
    phase = ""
    if trainer is not None and trainer.is_working:
        written = str(trainer.progress.get("phase", "starting"))
        phase = _PHASES.get(written, written)
    num_rejected = sum(e.key.endswith(".reason.txt") for e in iterate(store, REJECTED))
    return FleetStatus(
        model_version=version,
        stopping=stop_requested(store),
        trainer=trainer,
        workers=tuple(workers),
        num_configured=num_configured,
        num_pending_shards=len(pending),
        pending_bytes=sum(pending),
        num_rejected_shards=num_rejected,
        loops=tuple(loops),
        problems=tuple(problems),
        phase=phase,
        iteration=done + bool(phase),
        is_synchronous=_is_synchronous(store),
        is_fleet_up=is_up if fleet is not None else None,
        model_sync_seconds=None if fleet is None else float(fleet["model_sync_seconds"]),
        network_bytes_per_minute=(
            None if fleet is None else float(fleet["network_bytes_per_minute"]) * is_up
        ),
    )


def write_status_text(store: Store, status: FleetStatus) -> None:
    """Replaces status.txt; only the trainer's rank 0 does."""
    store.put(STATUS_TEXT, status.text().encode())


def _fleet(
    store: Store, watch: LeaseWatch, problems: list[str]
) -> tuple[dict[str, Any] | None, bool, bool]:
    """What the main node of a fleet wrote last; whether it is there still; whether that is sure."""
    try:
        data = read_or_none(store, FLEET_STATUS)
        if data is None:
            return None, False, False
        fleet = decode_object(data, FLEET_STATUS)
        lease = read_lease(store, FLEET_LEASE)
    except RunError as error:
        problems.append(str(error))
        return None, False, False
    if fleet.get("problem"):
        problems.append(str(fleet["problem"]))
    is_up = bool(lease and watch.observe(FLEET_LEASE, lease) and fleet.get("is_up"))
    return fleet, is_up, bool(is_up and lease and watch.is_proven(FLEET_LEASE, lease))


def _with_links(
    workers: list[RoleStatus], links: dict[str, Any], is_up: bool, is_sure: bool
) -> list[RoleStatus]:
    """The workers with what the main node says of their hosts; those it cannot start as well.

    A main node that lives for certain sees the processes of the hosts that it is connected to.
    """
    known = {worker.name: worker for worker in workers}
    for name, link in links.items():
        role = known.get(name) or RoleStatus(
            name=name,
            state="offline",
            label=_LABELS["offline"],
            confirmed=True,
            host=str(link["where"]),
            pid=0,
            error="",
        )
        state, label = role.state, role.label
        reason = str(link["reason"])
        if is_up and link["is_syncing"] and state in ("active", "waiting", "syncing", "offline"):
            state = "syncing" if role.is_working else state
            label = _LABELS["syncing"]
        elif is_up and link["is_refused"] and reason:
            state, label = "error", f"{_LABELS['error']} ({reason})"
        elif not role.is_working and reason and "(" not in label:
            label = f"{label} ({reason})"
        is_seen = is_sure and link["link"] == "connected" and link["worker"] == "running"
        known[name] = replace(
            role,
            state=state,
            label=label,
            confirmed=role.confirmed or is_seen,
            error=role.error or reason,
            link=dict(link),
        )
    return [known[name] for name in sorted(known)]


def _role(watch: LeaseWatch, key: str, name: str, lease: dict[str, Any]) -> RoleStatus:
    alive = watch.observe(key, lease)
    written = str(lease.get("state", "offline"))
    state = written if alive or written == "stopped" else "offline"
    reason = str(lease.get("error") or "")
    label = _LABELS.get(state, state)
    if reason and state in ("error", "stopped"):
        label += f" ({reason.splitlines()[0]})"
    return RoleStatus(
        name=name,
        state=state,
        label=label,
        confirmed=not alive or watch.is_proven(key, lease),
        host=str(lease.get("host", "?")),
        pid=int(lease.get("pid", 0)),
        error=reason,
        rates=dict(lease.get("rates") or {}),
        info=dict(lease.get("info") or {}),
        progress=dict(lease.get("progress") or {}),
        model_version=int(lease.get("model_version") or 0),
        next_batch=int(lease["next_batch"]),
        next_game=int(lease["next_game"]),
    )


def _rates(role: RoleStatus | None) -> str:
    if role is None or not role.rates or not role.is_working:
        return ""
    shown = ", ".join(
        f"{name.replace('_', ' ')} {_rate(rate)}" for name, rate in role.rates.items()
    )
    return f"  {shown}"


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def _is_synchronous(store: Store) -> bool:
    """As config.json says; true where it does not."""
    try:
        pacing = decode_object(read_or_none(store, CONFIG) or b"{}", CONFIG).get("pacing", {})
    except RunError:
        return True
    return not isinstance(pacing, dict) or pacing.get("games_per_iteration") != 0


def _loop(entry: dict[str, Any]) -> str:
    parts = [f"{entry.get('iteration', '?')}: model {entry.get('model_version', '?')}"]
    parts += [f"{entry[name]:,} {name}" for name in ("games", "positions") if name in entry]
    losses = entry.get("losses")
    if isinstance(losses, dict):
        parts += [
            f"{name.replace('_', ' ')} {value:.4g}"
            for name, value in losses.items()
            if _is_number(value)
        ]
    game_stats = entry.get("game_stats")
    scores = game_stats.get("scores") if isinstance(game_stats, dict) else None
    if scores:  # games for one player: the version's own come first
        parts.append(f"score {scores[0]['mean']:,.6g} ± {scores[0]['error']:,.3g}")
    elo = entry.get("elo")
    if _is_number(elo):
        parts.append(f"Elo {elo:.0f}")
    elif isinstance(elo, dict) and _is_number(elo.get("rating")):
        error = elo.get("error")
        parts.append(f"Elo {elo['rating']:.0f}" + (f" ± {error:.0f}" if _is_number(error) else ""))
    if _is_number(entry.get("seconds")):
        parts.append(f"{entry['seconds']:.0f} s")
    return ", ".join(parts)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
