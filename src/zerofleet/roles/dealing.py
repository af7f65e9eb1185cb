"""Deals an iteration of a synchronous run through its files: leases in, shares out."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from zerofleet.roles.collect import AcceptedShard
from zerofleet.roles.deal import Dealer, DealRule, Speeds
from zerofleet.roles.progress import game_stats, worker_stats
from zerofleet.run.documents import decode_object
from zerofleet.run.errors import DamagedError, RunError, StoreError
from zerofleet.run.faults import fault_point
from zerofleet.run.layout import FLEET_WEIGHTS, worker_of_lease_key
from zerofleet.run.lease import LeaseWatch
from zerofleet.run.shares import Share, read_share, write_share
from zerofleet.run.store import Store, read_or_none

FIRST_DEAL_SECONDS = 20.0
"""The first deal of an iteration waits this long for the workers it was told to expect."""

RULE_SECONDS = 10.0
"""How shares are dealt is read this often: a fleet may be reloaded."""


def read_rule(store: Store) -> DealRule:
    """How the run's fleet wants its games dealt; evenly without one, or if that cannot be read."""
    with contextlib.suppress(RunError, KeyError, TypeError, ValueError, AttributeError):
        data = read_or_none(store, FLEET_WEIGHTS)
        if data is not None:
            document = decode_object(data, FLEET_WEIGHTS)
            weights = {str(name): float(w) for name, w in document["weights"].items()}
            if all(0 < weight < float("inf") for weight in weights.values()):
                return DealRule(str(document["deal"]), weights)
    return DealRule()


class Dealing:
    """One iteration being dealt."""

    def __init__(
        self,
        store: Store,
        share: Share,
        *,
        watch: LeaseWatch,
        num_workers: int,
        tell: Callable[..., None],
        speeds: Speeds | None = None,
        confirm: Callable[[], None] = lambda: None,
    ) -> None:
        """Goes on from `share`, or begins with one of revision 0.

        Args:
          watch: says who lives.
          num_workers: to be waited for, a moment, before the first deal.
          speeds: measured so far; goes on being measured.
          tell: called with the kind of an event and its values.
          confirm: raises if this trainer may write no more.
        """
        self._confirm = confirm
        self._store = store
        self._speeds = speeds or Speeds()
        self._dealer = Dealer(share, rule=read_rule(store), speeds=self._speeds)
        self._rule_read = time.monotonic()
        self._watch = watch
        self._num_workers = num_workers
        self._tell = tell
        self._patience = time.monotonic() + FIRST_DEAL_SECONDS
        self._live: dict[str, str] = {}
        self._finished: dict[str, int] = {}
        self._errors: dict[str, str] = {}
        self._began = time.monotonic()
        self._done: set[str] = set()
        tell("generating", iteration=share.iteration, games=share.num_games)

    def look(self) -> None:
        """Reads the leases: who lives, who is done, who failed.

        To be called before the shards are read: those of a share that is done are then there.
        While the store is away, what was known before stands: nobody is gone for that.
        """
        iteration = self._dealer.share.iteration
        live: dict[str, str] = {}
        finished: dict[str, int] = {}
        errors: dict[str, str] = {}
        try:
            for key, lease in self._watch.read(self._store):
                worker = worker_of_lease_key(key)
                if not worker or isinstance(lease, DamagedError):
                    continue
                if self._watch.observe(key, lease):
                    live[worker] = lease["session"]
                    share = lease.get("finished_share")
                    if share and share[0] == iteration:
                        finished[worker] = share[1]
                elif lease.get("state") == "stopped" and lease.get("error"):
                    errors[worker] = lease["error"]
        except StoreError:
            return
        self._live, self._finished, self._errors = live, finished, errors

    def _put_back(self) -> None:
        """The share as it was dealt: a trainer that was taken over may have written its own."""
        mine = self._dealer.share
        if not mine.revision:
            return
        with contextlib.suppress(RunError):  # the next look will do
            if read_share(self._store, mine.iteration) != mine:
                self._confirm()  # who was taken over is the one whose share is old
                write_share(self._store, mine)

    def close(self) -> None:
        """All games are there."""
        self._dealer.close()

    def deal(self, missing: Iterable[int]) -> None:
        """Writes the next revision of the share, if there is anything to deal.

        Args:
          missing: games that are not counted yet.
        """
        if time.monotonic() - self._rule_read > RULE_SECONDS:
            self._rule_read = time.monotonic()
            self._dealer.rule = read_rule(self._store)
            self._put_back()
        before = self._dealer.share
        late = time.monotonic() > self._patience
        if not (before.revision or len(self._live) >= self._num_workers or (self._live and late)):
            return
        notes = self._dealer.deal(missing, self._live, self._finished, self._errors)
        share = self._dealer.share
        if share is before:
            return
        try:
            write_share(self._store, share)
        except StoreError as away:
            # Dealt again at the next look.
            self._dealer = Dealer(before, rule=self._dealer.rule, speeds=self._speeds)
            self._tell("waiting", **{"for": str(away)})
            return
        fault_point("trainer.after_deal")
        for text in notes:
            self._tell("note", text=text)
        if before.revision == 0:
            self._began = time.monotonic()
        games = {name: len(dealt) for name, dealt in share.workers.items()}
        self._tell("dealt", iteration=share.iteration, revision=share.revision, games=games)

    def tell_progress(self, shards: Sequence[AcceptedShard], missing: Iterable[int]) -> None:
        """Tells whose share has become complete, and at the end what the iteration has brought.

        Args:
          shards: all of this iteration that were collected so far.
          missing: games that are not counted yet.
        """
        share, still_open = self._dealer.share, set(missing)
        seconds = round(time.monotonic() - self._began, 1)
        games = Counter[str]()
        for shard in shards:
            games[shard.meta.worker_id] += shard.games.num_games
        for name, dealt in share.workers.items():
            if any(n in still_open for r in dealt.ranges for n in range(r.first, r.last + 1)):
                self._done.discard(name)  # it was dealt more
            elif games[name] and name not in self._done:
                self._done.add(name)
                self._tell(
                    "share",
                    iteration=share.iteration,
                    owner=name,
                    games=games[name],
                    num_done=len(self._done & set(share.workers)),
                    num_workers=len(share.workers),
                    new_games=share.num_games - len(still_open),
                    num_games=share.num_games,
                    seconds=seconds,
                )
        if not still_open:
            self._tell(
                "collected",
                iteration=share.iteration,
                files=len(shards),
                games=share.num_games,
                positions=sum(len(shard.positions) for shard in shards),
                seconds=seconds,
                game_stats=game_stats(shards),
                workers=worker_stats(shards),
            )
