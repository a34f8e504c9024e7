"""HDR histograms of latencies, in nanoseconds."""

from typing import Self

from typing_extensions import disjoint_base

@disjoint_base
class Histogram:
    """Counts of values from 1 ns to 1 h, to three significant digits.

    >>> histogram = Histogram()
    >>> for value in range(1, 101):
    ...     histogram.record(value)
    >>> len(histogram), histogram.percentile(50), histogram.percentile(99)
    (100, 50, 99)
    >>> Histogram.decode(histogram.encode()).percentile(99)
    99
    """

    def record(self, value: int) -> None:
        """Count a value in nanoseconds; one outside the range counts as its nearest bound."""

    def __len__(self) -> int:
        """How many values were recorded."""

    @property
    def min(self) -> int:
        """The smallest value; 0 if there is none."""

    @property
    def max(self) -> int:
        """The highest value that shares the largest one's count; 0 if there is none."""

    @property
    def mean(self) -> float:
        """Each value taken as the middle of those that share its count; 0.0 if there is none."""

    def percentile(self, percent: float) -> int:
        """The value that ``percent`` of all are at most, rounded up to what shares its count.

        Raises:
            ValueError: ``percent`` is not from 0 to 100.
        """

    def buckets(self) -> list[tuple[int, int]]:
        """Every count that is not zero, after the highest value that it stands for."""

    def merge(self, other: Histogram) -> None:
        """Count what ``other`` has counted as well."""

    def clear(self) -> None:
        """Forget everything."""

    def encode(self) -> str:
        """HdrHistogram's compressed V2 form in base64: ``HISTFAAAA...``."""

    @classmethod
    def decode(cls, text: str | bytes) -> Self:
        """What `encode` gave, here or in another program with the same range.

        Raises:
            ValueError: it is no histogram, or has another range.
        """
