"""What a running process remembers of chunks that the model's table lacks: bounded, and asked for many at once."""

from collections.abc import Sequence

import numpy as np

from sentiment.common.ragged import Ragged
from sentiment.text.chunk_table import ChunkTable, build_table

Row = tuple[int, ...]
_AT_MOST = 1 << 15  # chunks; with their table some 8 MB
_LEAST_NEW = 1 << 10  # a table is made anew once there are so many more, and a quarter


class MetChunks:
    """Chunks and their ids. Threads may share one: at worst, one of them does again what another has done."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._rows: dict[bytes, Row] = {}
        self._tabled = 0
        self.table: ChunkTable | None = None

    def __len__(self) -> int:
        """Chunks that are remembered."""
        return len(self._rows)

    def get(self, chunk: bytes) -> Row | None:
        """Ids of ``chunk``; None where it is not remembered."""
        return self._rows.get(chunk)

    def add(self, chunks: Sequence[bytes], rows: Sequence[Row]) -> None:
        """Remember ``rows``, the ids of ``chunks``; forget all others first, should they become too many."""
        if len(self._rows) + len(chunks) > _AT_MOST:
            self._forget()
        self._rows.update(zip(chunks, rows, strict=True))
        if len(self._rows) - self._tabled >= max(_LEAST_NEW, self._tabled // 4):
            known = list(self._rows.items())
            self._tabled = len(known)
            self.table = build_table([chunk for chunk, _ in known], ragged_of([row for _, row in known]))


def ragged_of(rows: Sequence[Sequence[int]]) -> Ragged:
    """``rows`` in one array."""
    lengths = np.fromiter(map(len, rows), np.int32, len(rows))
    return Ragged(np.array([i for row in rows for i in row], np.int32), lengths)
