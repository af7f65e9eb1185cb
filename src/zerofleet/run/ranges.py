"""A set of integers as sorted, disjoint, closed ranges: small while the numbers are dense."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator


class RangeSet:
    """Integers, kept as ranges [first, last]; neighbours are merged."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._first: list[int] = []
        self._last: list[int] = []
        for first, last in ranges:
            self.add(first, last)

    def __contains__(self, value: int) -> bool:
        return self.overlaps(value, value)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(zip(self._first, self._last, strict=True))

    def __len__(self) -> int:
        """How many integers are in the set."""
        return sum(last - first + 1 for first, last in self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RangeSet) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    @property
    def highest(self) -> int | None:
        """The largest integer, or None if the set is empty."""
        return self._last[-1] if self._last else None

    def overlaps(self, first: int, last: int) -> bool:
        """True if any integer of [first, last] is in the set."""
        index = bisect_left(self._last, first)
        return index < len(self._first) and self._first[index] <= last

    def add(self, first: int, last: int) -> None:
        """Adds [first, last], which may overlap what is there."""
        if first > last:
            raise ValueError(f"a range has first <= last, got [{first}, {last}]")
        low = bisect_left(self._last, first - 1)
        high = bisect_right(self._first, last + 1)
        if low < high:
            first, last = min(first, self._first[low]), max(last, self._last[high - 1])
        self._first[low:high] = [first]
        self._last[low:high] = [last]

    def to_json(self) -> list[list[int]]:
        """[[first, last], ...] ascending."""
        return [[first, last] for first, last in self]


def ranges_of(numbers: Iterable[int]) -> RangeSet:
    """The set of `numbers`; ValueError naming one that occurs twice."""
    found = RangeSet()
    for number in sorted(numbers):
        if number == found.highest:
            raise ValueError(f"number {number} occurs twice")
        found.add(number, number)
    return found
