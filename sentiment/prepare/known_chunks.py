"""Tokens of many batches of tweets, the rules being applied to a chunk once, not once a batch.

What the chunks of one batch become is kept for those that follow, in a table of the kind that a trained model carries
(:mod:`sentiment.text.chunk_table`), with codes of tokens in the place of ids. It is bounded, and changes no token.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sentiment.common.arrow_arrays import from_numpy
from sentiment.common.ragged import Ragged
from sentiment.text.chunk_table import LONGEST, Chunks, ChunkTable, entries_of, keyed
from sentiment.text.normalisation import Rule
from sentiment.text.tokens import Tokens, join, split_chunks, tokens_of

_SLOTS = 1 << 18  # 6 MB
_AT_MOST = _SLOTS // 2  # chunks; the frequent ones come early


class LookedUp(NamedTuple):
    """A batch.

    Attributes:
        tokens: of its tweets; ``len(types) + i`` is a token with the common code ``i``.
        data: the bytes of the chunks that were not known.
        chunks: ``m`` of them.
        pieces: their tokens, ``m`` rows of indices of the types.
    """

    tokens: Tokens
    data: np.ndarray
    chunks: Chunks
    pieces: Ragged


class KnownChunks:
    """See the module; threads may share one, if only one of them adds.

    Args:
        rules: the treatment.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._table = ChunkTable(np.zeros((_SLOTS, 3), np.uint64), np.zeros(0, np.int32))
        self._held = 0

    def look_up(self, texts: pa.Array) -> LookedUp:
        """The tokens of ``texts`` ``(n,)``."""
        distinct, codes = split_chunks(texts)
        data, chunks = _bytes_of(distinct)
        table = self._table
        entries, found = table.find(data, chunks)
        missing = np.flatnonzero(~found)
        types, fresh = tokens_of(distinct.take(from_numpy(missing)), self._rules)
        entries[missing] = entries_of(fresh) + (np.uint64(len(table.ids)) << np.uint64(32))
        pieces = _rows(np.concatenate([table.ids + np.int32(len(types)), fresh.values]), entries)
        return LookedUp(Tokens(types, join(pieces, codes)), data, chunks.take(missing), fresh)

    def add(self, found: LookedUp, codes: Mapping[str, int]) -> None:
        """Remember the chunks of a batch that were not known, once all tokens have common ``codes``."""
        if self._held + len(found.chunks.starts) > _AT_MOST:
            return
        common = np.array([codes[token] for token in found.tokens.types], np.int32)
        new = keyed(found.data, found.chunks, Ragged(common[found.pieces.values], found.pieces.lengths))
        if len(new.first):  # the table is copied for it
            self._table, self._held = self._table.with_more(new), self._held + len(new.first)


def _bytes_of(chunks: pa.Array) -> tuple[np.ndarray, Chunks]:
    """The bytes of a string array, with as many behind as the table asks for, and where each string lies in them."""
    _, offsets, data = chunks.buffers()
    borders = np.frombuffer(offsets, np.int32, len(chunks) + 1, 4 * chunks.offset).astype(np.int64)
    padded = np.frombuffer((data or pa.py_buffer(b""))[: borders[-1]].to_pybytes() + bytes(LONGEST + 1), np.uint8)
    return padded, Chunks(borders[:-1], np.diff(borders))


def _rows(values: np.ndarray, entries: np.ndarray) -> Ragged:
    """The rows of ``values`` that ``entries`` (start << 32 | length) name."""
    starts, lengths = (entries >> np.uint64(32)).astype(np.int64), (entries & np.uint64(0xFFFFFFFF)).astype(np.int32)
    ends = np.cumsum(lengths, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    return Ragged(values.take(np.repeat(starts - (ends - lengths), lengths) + np.arange(total)), lengths)
