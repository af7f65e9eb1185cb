"""Deals the games of a synchronous iteration to the workers that live, and deals again.

Rules, in this order, at each look:

1. What was dealt to a worker that died, stopped or began a new session is dealt anew; so is what a
   worker has delivered and what did not arrive, because the shard was refused or lost.
2. Games nobody has go to the workers with the least to do, so that all have equally much.
3. A worker with nothing left takes the last half of what the slowest still has, once that one has
   taken half as long again as the idle one took for its own share; one that came late takes it at
   once. The last games of a share are those not begun yet.

So shares of equally fast workers are even and never dealt again.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from zerofleet.run.ranges import ranges_of
from zerofleet.run.shares import DealtRange, Share, WorkerShare

PATIENCE = 1.5
"""A share that takes this many times as long as an idle worker's own did is split."""


@dataclass
class _Hand:
    """What one worker has: number -> revision it was dealt in, and since when."""

    session: str
    numbers: dict[int, int]
    since: float
    seconds: float | None = None
    """What its share took, once it is done."""


class Dealer:
    """Keeps the share of one iteration; give it the files' facts, it gives the next revision."""

    def __init__(self, share: Share, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`share` as read from the run directory, or one of revision 0."""
        self._clock = clock
        self.share = share
        now = clock()
        self._hands = {
            name: _Hand(
                dealt.session,
                {n: r.revision for r in dealt.ranges for n in range(r.first, r.last + 1)},
                now,
            )
            for name, dealt in share.workers.items()
        }

    def deal(
        self,
        open_games: Iterable[int],
        live: Mapping[str, str],
        finished: Mapping[str, int] | None = None,
        errors: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Looks at the iteration; `self.share` is another one afterwards if games were dealt.

        Args:
          open_games: numbers that are not counted yet.
          live: worker -> session of those that live.
          finished: worker -> revision of the share it has delivered completely; to be read before
            the shards are, so that these are there.
          errors: worker -> why it ended, where it could say so.
        Returns: a line for people for each re-deal; none if nothing changed or at the first deal.
        """
        now = self._clock()
        still_open = set(open_games)
        revision = self.share.revision + 1
        notes: list[str] = []
        for hand in self._hands.values():
            hand.numbers = {n: r for n, r in hand.numbers.items() if n in still_open}
            if not hand.numbers and hand.seconds is None:
                hand.seconds = now - hand.since
        for name in [n for n, hand in self._hands.items() if live.get(n) != hand.session]:
            left = len(self._hands.pop(name).numbers)
            if left:
                why = "began anew" if name in live else "is gone"
                if error := (errors or {}).get(name):
                    why = f"failed ({error.splitlines()[0]})"
                notes.append(f"{left} games of {name}, which {why}, are dealt again")
        for name, hand in self._hands.items():
            if hand.numbers and (finished or {}).get(name) == self.share.revision:
                notes.append(f"{len(hand.numbers)} games of {name} did not arrive; dealt again")
                hand.numbers.clear()
        changed = self._deal_unowned(still_open, live, revision, now)
        changed += self._split_slowest(live, revision, now, notes)
        if changed or set(self._hands) != set(self.share.workers):
            self.share = replace(self.share, revision=revision, workers=self._written())
        return notes

    def _deal_unowned(
        self, still_open: set[int], live: Mapping[str, str], revision: int, now: float
    ) -> int:
        owned = {n for hand in self._hands.values() for n in hand.numbers}
        unowned = sorted(still_open - owned)
        if not unowned or not live:
            return 0
        have = {name: len(self._hands[name].numbers) if name in self._hands else 0 for name in live}
        start = 0
        for name, count in _level(have, len(unowned)).items():
            self._give(name, live[name], unowned[start : start + count], revision, now)
            start += count
        return len(unowned)

    def _split_slowest(
        self, live: Mapping[str, str], revision: int, now: float, notes: list[str]
    ) -> int:
        idle = [n for n in sorted(live) if n not in self._hands or not self._hands[n].numbers]
        moved = 0
        for name in idle:
            own = self._hands.get(name)
            patience = 0.0 if own is None or own.seconds is None else PATIENCE * own.seconds
            slow = max(
                (n for n, hand in self._hands.items() if now - hand.since > patience),
                key=lambda n: len(self._hands[n].numbers),
                default=None,
            )
            if slow is None or not self._hands[slow].numbers:
                continue
            numbers = sorted(self._hands[slow].numbers)
            taken = numbers[len(numbers) // 2 :]
            for number in taken:
                del self._hands[slow].numbers[number]
            self._give(name, live[name], taken, revision, now)
            notes.append(f"{name} takes {len(taken)} games over from {slow}, which is slower")
            moved += len(taken)
        return moved

    def _give(self, name: str, session: str, numbers: list[int], revision: int, now: float) -> None:
        if not numbers:
            return
        hand = self._hands.setdefault(name, _Hand(session, {}, now))
        if not hand.numbers:
            hand.since, hand.seconds = now, None
        hand.numbers |= dict.fromkeys(numbers, revision)

    def _written(self) -> dict[str, WorkerShare]:
        return {
            name: WorkerShare(hand.session, tuple(_dealt_ranges(hand.numbers)))
            for name, hand in self._hands.items()
        }


def _dealt_ranges(numbers: Mapping[int, int]) -> list[DealtRange]:
    by_revision: dict[int, list[int]] = {}
    for number, revision in numbers.items():
        by_revision.setdefault(revision, []).append(number)
    ranges = [
        DealtRange(first, last, revision)
        for revision, found in by_revision.items()
        for first, last in ranges_of(found)
    ]
    return sorted(ranges, key=lambda dealt: dealt.first)


def _level(have: Mapping[str, int], more: int) -> dict[str, int]:
    """How many of `more` games each gets so that all end up as level as possible."""
    given = dict.fromkeys(sorted(have), 0)
    low = sorted(given, key=lambda name: (have[name], name))
    for index in range(len(low)):
        # Raise the index + 1 lowest to the level of the next one, or share out what is left.
        group = low[: index + 1]
        level = have[low[index + 1]] if index + 1 < len(low) else None
        room = more if level is None else min(more, (level - have[low[index]]) * len(group))
        each, rest = divmod(room, len(group))
        for place, name in enumerate(group):
            given[name] += each + (place < rest)
        more -= room
    return given
