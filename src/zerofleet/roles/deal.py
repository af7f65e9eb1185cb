"""Deals the games of a synchronous iteration to the workers that live, and deals again.

Rules, in this order, at each look:

1. What was dealt to a worker that died, stopped or began a new session is dealt anew; so is what a
   worker has delivered and what did not arrive, because the shard was refused or lost.
2. Games nobody has go to the workers with the least to do, so that all have equally much.
3. A worker with nothing left takes the last half of what the slowest still has, once that one has
   taken half as long again as the idle one took for its own share; one that came late takes it at
   once. The last games of a share are those not begun yet.

So shares of equally fast workers are even and never dealt again. A fleet file may ask for shares by
weight or by measured speed (`DealRule`): then "equally much" means by weight, or by speed. Who has
a larger share by weight may take longer for it before rule 3 splits it.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from zerofleet.run.ranges import ranges_of
from zerofleet.run.shares import DealtRange, Share, WorkerShare
from zerofleet.run.words import counted

PATIENCE = 1.5
"""A share that takes this many times as long as an idle worker's own did is split."""
LEAST_SPEED = 0.02
"""Of the fastest: a share so small still tells how fast its worker is."""


@dataclass
class Speeds:
    """Games a second of each worker, from what its shares took; each iteration counts half as much
    as the next one."""

    _done: dict[str, tuple[float, float]] = field(default_factory=dict)

    def tell(self, name: str, games: float, seconds: float) -> None:
        """A worker has done so many games in so long."""
        if games > 0 and seconds > 0:
            before = self._done.get(name, (0.0, 0.0))
            self._done[name] = (before[0] + games, before[1] + seconds)

    def age(self) -> None:
        """An iteration is over."""
        self._done = {name: (games / 2, time / 2) for name, (games, time) in self._done.items()}

    def known(self, names: Iterable[str]) -> dict[str, float]:
        """Those of `names` that have been measured."""
        found = {name: self._done[name] for name in names if name in self._done}
        return {name: games / seconds for name, (games, seconds) in found.items()}


@dataclass(frozen=True)
class DealRule:
    """What "equally much" means."""

    by: str = "even"
    """even, weight or speed."""
    weights: Mapping[str, float] = field(default_factory=dict)

    def weights_of(self, names: Iterable[str], speeds: Speeds) -> dict[str, float]:
        """Worker -> weight; all 1 where nothing tells them apart."""
        if self.by == "weight":
            return {name: self.weights.get(name, 1.0) for name in names}
        known = speeds.known(names)
        if self.by != "speed" or not known:
            return dict.fromkeys(names, 1.0)
        least = LEAST_SPEED * max(known.values())
        middle = sum(known.values()) / len(known)
        return {name: max(least, known.get(name, middle)) for name in names}


@dataclass
class _Hand:
    """What one worker has: number -> revision it was dealt in, and since when."""

    session: str
    numbers: dict[int, int]
    since: float
    num_dealt: int = 0
    """Of its share, those that others took over not counted."""
    seconds: float | None = None
    """What its share took, once it is done."""


class Dealer:
    """Keeps the share of one iteration; give it the files' facts, it gives the next revision."""

    def __init__(
        self,
        share: Share,
        *,
        rule: DealRule | None = None,
        speeds: Speeds | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`share` as read from the run directory, or one of revision 0."""
        self._clock = clock
        self.rule = rule or DealRule()
        self._speeds = speeds or Speeds()
        self.share = share
        now = clock()
        self._hands = {
            name: _Hand(
                dealt.session,
                {n: r.revision for r in dealt.ranges for n in range(r.first, r.last + 1)},
                now,
                len(dealt),
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
        for name, hand in self._hands.items():
            hand.numbers = {n: r for n, r in hand.numbers.items() if n in still_open}
            self._note_done(name, hand, now)
        for name in [n for n, hand in self._hands.items() if live.get(n) != hand.session]:
            left = len(self._hands.pop(name).numbers)
            if left:
                why = "began anew" if name in live else "is gone"
                if error := (errors or {}).get(name):
                    why = f"failed ({error.splitlines()[0]})"
                notes.append(f"dealt again: {counted(left, 'game')} of {name}, which {why}")
        for name, hand in self._hands.items():
            if hand.numbers and (finished or {}).get(name) == self.share.revision:
                games = counted(len(hand.numbers), "game")
                notes.append(f"{games} of {name} did not arrive; dealt again")
                hand.numbers.clear()
        changed = self._deal_unowned(still_open, live, revision, now)
        changed += self._split_slowest(live, revision, now, notes)
        if changed or set(self._hands) != set(self.share.workers):
            self.share = replace(self.share, revision=revision, workers=self._written())
        return notes

    def close(self) -> None:
        """All games are there: what the last shares took is measured too."""
        for name, hand in self._hands.items():
            hand.numbers.clear()
            self._note_done(name, hand, self._clock())
        self._speeds.age()

    def _note_done(self, name: str, hand: _Hand, now: float) -> None:
        if not hand.numbers and hand.seconds is None:
            hand.seconds = now - hand.since
            self._speeds.tell(name, hand.num_dealt, hand.seconds)

    def _deal_unowned(
        self, still_open: set[int], live: Mapping[str, str], revision: int, now: float
    ) -> int:
        owned = {n for hand in self._hands.values() for n in hand.numbers}
        unowned = sorted(still_open - owned)
        if not unowned or not live:
            return 0
        have = {name: len(self._hands[name].numbers) if name in self._hands else 0 for name in live}
        start = 0
        weights = self.rule.weights_of(have, self._speeds)
        for name, count in _level(have, len(unowned), weights).items():
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
            slow = max(
                (
                    n
                    for n, hand in self._hands.items()
                    if now - hand.since > self._patience(own, hand)
                ),
                key=lambda n: len(self._hands[n].numbers),
                default=None,
            )
            if slow is None or not self._hands[slow].numbers:
                continue
            numbers = sorted(self._hands[slow].numbers)
            taken = numbers[len(numbers) // 2 :]
            for number in taken:
                del self._hands[slow].numbers[number]
            self._hands[slow].num_dealt -= len(taken)
            self._give(name, live[name], taken, revision, now)
            games = counted(len(taken), "game")
            notes.append(f"{name} takes {games} over from {slow}, which is slower")
            moved += len(taken)
        return moved

    def _patience(self, own: _Hand | None, slow: _Hand) -> float:
        """Seconds that the other one may take for its share before an idle one takes of it."""
        if own is None or own.seconds is None:
            return 0.0
        larger = slow.num_dealt / max(1, own.num_dealt) if self.rule.by == "weight" else 1.0
        return PATIENCE * own.seconds * max(1.0, larger)

    def _give(self, name: str, session: str, numbers: list[int], revision: int, now: float) -> None:
        if not numbers:
            return
        hand = self._hands.setdefault(name, _Hand(session, {}, now))
        if not hand.numbers:
            hand.since, hand.seconds, hand.num_dealt = now, None, 0
        hand.num_dealt += len(numbers)
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


def _level(have: Mapping[str, int], more: int, weights: Mapping[str, float]) -> dict[str, int]:
    """How many of `more` games each gets so that loads, games / weight, are as level as can be.

    Loads are raised from the lowest up, as water rises in a vessel; whole games by the largest
    remainders.
    """
    low = sorted(have, key=lambda name: (have[name] / weights[name], name))
    level, rest, weight = 0.0, float(more), 0.0
    for place, name in enumerate(low):
        level = have[name] / weights[name]
        weight += weights[name]
        last = place + 1 == len(low)
        room = (
            float("inf")
            if last
            else (have[low[place + 1]] / weights[low[place + 1]] - level) * weight
        )
        if room >= rest:
            level += rest / weight
            break
        rest -= room
    ideal = {name: max(0.0, level * weights[name] - have[name]) for name in sorted(have)}
    given = {name: int(games + 1e-9) for name, games in ideal.items()}
    left = more - sum(given.values())
    by_remainder = sorted(low, key=lambda name: round(given[name] - ideal[name], 6))
    for name in by_remainder[:left]:
        given[name] += 1
    return given
