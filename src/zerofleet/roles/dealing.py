"""Deals an iteration of a synchronous run through its files: leases in, shares out."""

import contextlib
import time
from collections.abc import Callable, Iterable

from zerofleet.roles.deal import Dealer
from zerofleet.run.errors import DamagedError, StoreError
from zerofleet.run.faults import fault_point
from zerofleet.run.layout import WORKERS, worker_of_lease_key
from zerofleet.run.lease import LeaseWatch, read_lease
from zerofleet.run.shares import Share, write_share
from zerofleet.run.store import Store, iterate

FIRST_DEAL_SECONDS = 20.0
"""The first deal of an iteration waits this long for the workers it was told to expect."""


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
    ) -> None:
        """Goes on from `share`, or begins with one of revision 0.

        Args:
          watch: says who lives.
          num_workers: to be waited for, a moment, before the first deal.
          tell: called with the kind of an event and its values.
        """
        self._store = store
        self._dealer = Dealer(share)
        self._watch = watch
        self._num_workers = num_workers
        self._tell = tell
        self._patience = time.monotonic() + FIRST_DEAL_SECONDS
        self._live: dict[str, str] = {}
        self._finished: dict[str, int] = {}
        self._errors: dict[str, str] = {}

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
            for entry in iterate(self._store, WORKERS):
                worker = worker_of_lease_key(entry.key)
                with contextlib.suppress(DamagedError):
                    lease = read_lease(self._store, entry.key)
                    if not worker or not lease:
                        continue
                    if self._watch.observe(entry.key, lease):
                        live[worker] = lease["session"]
                        share = lease.get("finished_share")
                        if share and share[0] == iteration:
                            finished[worker] = share[1]
                    elif lease.get("state") == "stopped" and lease.get("error"):
                        errors[worker] = lease["error"]
        except StoreError:
            return
        self._live, self._finished, self._errors = live, finished, errors

    def deal(self, missing: Iterable[int]) -> None:
        """Writes the next revision of the share, if there is anything to deal.

        Args:
          missing: games that are not counted yet.
        """
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
            self._dealer = Dealer(before)  # dealt again at the next look
            self._tell("waiting", **{"for": str(away)})
            return
        fault_point("trainer.after_deal")
        for text in notes:
            self._tell("note", text=text)
        games = {name: len(dealt) for name, dealt in share.workers.items()}
        self._tell("dealt", iteration=share.iteration, revision=share.revision, games=games)
