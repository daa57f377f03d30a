"""What a running process remembers of chunks that the model's table lacks: bounded, and found many at once."""

import numpy as np

from sentiment.common.ragged import Ragged
from sentiment.text.chunk_table import Chunks, ChunkTable, Keyed, keyed

_AT_MOST = 1 << 15  # chunks
_SLOTS = 1 << 16  # 1.5 MB
_WAITING = 1 << 8  # chunks are taken into the table so many at once, since it is copied for that


class MetChunks:
    """Chunks and their ids. Threads may share one: at worst, one of them does again what another has done."""

    def __init__(self) -> None:
        self.table = _empty()
        self._held = 0
        self._waiting: list[Keyed] = []

    def add(self, data: np.ndarray, chunks: Chunks, rows: Ragged) -> None:
        """Remember ``rows``, the ids of ``chunks`` of ``data``; all others are forgotten should they become too many."""
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


def _empty() -> ChunkTable:
    return ChunkTable(np.zeros((_SLOTS, 3), np.uint64), np.zeros(0, np.int32))
