"""Ragged arrays: rows of different lengths in one array."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np


class Ragged(NamedTuple):
    """A ragged array: the ``values`` of all rows, int32 ``(total,)``, and the rows' ``lengths``, int32 ``(n,)``."""

    values: np.ndarray
    lengths: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """Return the index in ``values`` of the first value of each row, int64 ``(n,)``."""
        return np.cumsum(self.lengths, dtype=np.int64) - self.lengths

    def take(self, rows: np.ndarray) -> "Ragged":
        """Return the rows with the indices ``rows``, an integer array ``(m,)``, in that order."""
        lengths = self.lengths[rows]
        ends = np.cumsum(lengths, dtype=np.int64)
        shift, total = self.starts[rows] - (ends - lengths), int(ends[-1]) if len(ends) else 0
        small = max(total, len(self.values)) <= np.iinfo(np.int32).max  # int32 halves the memory traffic
        index = np.repeat(shift.astype(np.int32) if small else shift, lengths)
        index += np.arange(total, dtype=index.dtype)
        return Ragged(self.values.take(index), lengths)

    def keep(self, wanted: np.ndarray) -> "Ragged":
        """Return only the values where ``wanted`` (bool ``(total,)``) is true; rows may become empty."""
        kept_before = np.concatenate(([0], np.cumsum(wanted, dtype=np.int64)))
        starts = self.starts
        lengths = kept_before[starts + self.lengths] - kept_before[starts]
        return Ragged(self.values[wanted], lengths.astype(np.int32))

    def blocks(self, size: int) -> Iterator["Ragged"]:
        """Yield consecutive blocks of at most ``size`` rows."""
        ends = np.concatenate(([0], np.cumsum(self.lengths, dtype=np.int64)))
        for start in range(0, len(self.lengths), size):
            lengths = self.lengths[start : start + size]
            yield Ragged(self.values[ends[start] : ends[start + len(lengths)]], lengths)


def ragged(rows: Sequence[Sequence[int]]) -> Ragged:
    """Convert a list of rows to a ragged array."""
    return Ragged(np.array([*chain.from_iterable(rows)], np.int32), np.array([*map(len, rows)], np.int32))
