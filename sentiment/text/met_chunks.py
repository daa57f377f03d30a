"""What a running process remembers of chunks that the model's table lacks: bounded, and found many at once."""

from collections.abc import Callable, Sequence

import numpy as np

from sentiment.common.ragged import Ragged, ragged
from sentiment.text.chunk_table import LONGEST, Chunks, ChunkTable, Keyed, keyed

_AT_MOST = 1 << 15  # chunks
_LONG_AT_MOST, _LONGEST_KEPT = 1 << 12, 64  # chunks that are too long for a table, and bytes of one
_SLOTS = 1 << 16  # 1.5 MB
_WAITING = 1 << 8  # chunks are taken into the table so many at once, since it is copied for that


class MetChunks:
    """Chunks and their ids. Threads may share one: at worst, one of them does again what another has done."""

    def __init__(self) -> None:
        self.table = _empty()
        self._long: dict[bytes, list[int]] = {}
        self._held = 0
        self._waiting: list[Keyed] = []

    def add(self, data: np.ndarray, chunks: Chunks, rows: Ragged) -> None:
        """Remember ``rows``, the ids of ``chunks`` of ``data``; if they become too many, all others are forgotten."""
        waiting = [*self._waiting, keyed(data, chunks, rows)]
        count = sum(len(each.first) for each in waiting)
        if count < _WAITING:
            self._waiting = waiting
            return
        self._waiting = []
        table, held = (self.table, self._held) if self._held + count <= _AT_MOST else (_empty(), 0)
        for each in waiting:
            table = table.with_more(each)
        self.table, self._held = table, held + count

    def rows_of(self, chunks: Sequence[bytes], by_rules: Callable[[Sequence[bytes]], Ragged]) -> Ragged:
        """The ids of ``chunks`` that :attr:`table` lacks: ``by_rules``, but for long ones that are remembered."""
        known = self._long
        is_known = [chunk in known for chunk in chunks]
        rows = by_rules([chunk for chunk, has in zip(chunks, is_known, strict=True) if not has])
        if any(is_known):
            remembered = ragged([known[chunk] for chunk, has in zip(chunks, is_known, strict=True) if has])
            both = Ragged(*map(np.concatenate, zip(rows, remembered, strict=True)))
            rows = both.take(np.argsort(np.argsort(is_known, kind="stable")))
        self._remember_long(chunks, rows)
        return rows

    def _remember_long(self, chunks: Sequence[bytes], rows: Ragged) -> None:
        starts, ends = rows.starts.tolist(), (rows.starts + rows.lengths).tolist()
        fresh = {
            chunk: rows.values[start:end].tolist()
            for chunk, start, end in zip(chunks, starts, ends, strict=True)
            if LONGEST < len(chunk) <= _LONGEST_KEPT
        }
        if len(self._long) + len(fresh) > _LONG_AT_MOST:
            self._long = {}
        self._long.update(fresh)


def _empty() -> ChunkTable:
    return ChunkTable(np.zeros((_SLOTS, 3), np.uint64), np.zeros(0, np.int32))
