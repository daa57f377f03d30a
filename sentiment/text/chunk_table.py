"""A table from chunk (what stands between two blanks) to its ids, looked up for all chunks of a batch at once.

Nearly all chunks of a tweet are among the most frequent of the training corpus, and rules never look across a blank:
so the rules are applied to those chunks once, at export, and the outcome travels with the model. A chunk of up to
15 bytes and its length are two 64-bit numbers, which is the key: nothing is hashed that could be mistaken for
something else. The table is an array in a file that is mapped, so it costs no time at the start and processes share it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sentiment.common.ragged import Ragged
from sentiment.text.lexicon import PADDING

LONGEST = 15  # bytes of a chunk that the table can hold; the sixteenth byte of a key is the length
PROBES = 8
EMPTY = 0
_START = np.uint64(32)  # an entry is start << 32 | length
FACTORS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)  # odd, bits well mixed
# Bytes of the first and of the second number that a chunk of each length fills.
_MASKS = np.array(
    [
        [(1 << 8 * min(8, n)) - 1 for n in range(LONGEST + 1)],
        [(1 << 8 * max(0, n - 8)) - 1 for n in range(LONGEST + 1)],
    ],
    np.uint64,
)


class Chunks(NamedTuple):
    """Where the chunks of a buffer lie: ``starts`` and ``lengths``, int64 ``(n,)``, in bytes."""

    starts: np.ndarray
    lengths: np.ndarray

    def take(self, which: np.ndarray) -> "Chunks":
        """Those of the indices ``which``."""
        return Chunks(self.starts.take(which), self.lengths.take(which))


class ChunkTable(NamedTuple):
    """The table.

    Attributes:
        slots: uint64 ``(2 ** bits, 3)``: both numbers of the key, and start << 32 | length of the ids; the second
            number of an empty slot is 0, which no key has.
        ids: int32 ``(total,)``: the ids of all chunks, dropped tokens left out.
    """

    slots: np.ndarray
    ids: np.ndarray

    def find(self, data: np.ndarray, chunks: Chunks) -> tuple[np.ndarray, np.ndarray]:
        """Where the ids of ``chunks`` are.

        Args:
            data: uint8 ``(bytes,)`` with :data:`LONGEST` bytes more behind the last chunk.
            chunks: ``n`` of them; an empty one has no ids, one longer than :data:`LONGEST` is not found.

        Returns:
            Start << 32 | length, uint64 ``(n,)``, and whether the chunk is there, bool ``(n,)``.
        """
        first, second = _keys(data, chunks)
        slot = _hash(first, second, len(self.slots)).astype(np.int64)
        entries = self.slots.take(slot, axis=0)
        found = (entries[:, 0] == first) & (entries[:, 1] == second)
        values = entries[:, 2]
        open_ = np.flatnonzero(~found & (entries[:, 1] != EMPTY))
        first, second, slot = first.take(open_), second.take(open_), slot.take(open_)
        for _ in range(PROBES - 1):
            if not len(open_):
                break
            slot = (slot + 1) & (len(self.slots) - 1)
            entries = self.slots.take(slot, axis=0)
            hit = (entries[:, 0] == first) & (entries[:, 1] == second)
            values[open_[hit]] = entries[hit, 2]
            found[open_[hit]] = True
            left = np.flatnonzero(~hit & (entries[:, 1] != EMPTY))
            open_, first, second, slot = (each.take(left) for each in (open_, first, second, slot))
        values[chunks.lengths == 0] = 0
        return values, (found | (chunks.lengths == 0)) & (chunks.lengths <= LONGEST)

    def with_more(self, chunks: "Keyed") -> "ChunkTable":
        """A table of as many slots that holds ``chunks`` too, but for those whose slots are taken."""
        slots, size = self.slots.copy(), len(self.slots)
        values = entries_of(chunks.ids) + (np.uint64(len(self.ids)) << _START)
        slot = _hash(chunks.first, chunks.second, size)
        waiting = np.arange(len(slot))
        for _ in range(PROBES):
            free = waiting[slots[slot[waiting].astype(np.int64), 1] == EMPTY]
            taken, index = np.unique(slot[free], return_index=True)
            placed = free[index]
            key = chunks.first[placed], chunks.second[placed]
            slots[taken.astype(np.int64)] = np.stack([*key, values[placed]], axis=1)
            waiting = np.setdiff1d(waiting, placed, assume_unique=True)
            slot[waiting] = (slot[waiting] + np.uint64(1)) & np.uint64(size - 1)
        return ChunkTable(slots, np.concatenate([self.ids, chunks.ids.values.astype(np.int32)]))

    def contents(self) -> tuple[list[bytes], list[int]]:
        """The chunks themselves and start << 32 | length of their ids, in the order of the slots."""
        entries = self.slots[self.slots[:, 1] != EMPTY]
        keys = entries[:, :2].astype("<u8").tobytes()
        keyed = (keys[start : start + 16] for start in range(0, len(keys), 16))
        return [key[: key[LONGEST]] for key in keyed], entries[:, 2].astype(np.int64).tolist()

    def is_sound(self, vocabulary: int) -> bool:
        """Whether types and shapes are as above, and every entry names ids of a ``vocabulary`` of that size."""
        size = len(self.slots)
        if self.slots.shape != (size, 3) or size < 2 or size & size - 1 or self.slots.dtype != np.uint64:
            return False
        if self.ids.dtype != np.int32 or self.ids.ndim != 1:
            return False
        ends = (self.slots[:, 2] >> np.uint64(32)) + (self.slots[:, 2] & np.uint64(0xFFFFFFFF))
        inside = not len(self.ids) or (self.ids.min() > PADDING and self.ids.max() < vocabulary)
        return bool(ends.max() <= len(self.ids) and inside)


class Keyed(NamedTuple):
    """Chunks by their keys: both numbers, uint64 ``(n,)``, and their ids, a row each."""

    first: np.ndarray
    second: np.ndarray
    ids: Ragged


def keyed(data: np.ndarray, chunks: Chunks, ids: Ragged) -> Keyed:
    """Those of ``chunks`` that a table can hold, each once, in their order; ``ids`` has a row of each."""
    first, second = _keys(data, chunks)
    wanted = np.flatnonzero((chunks.lengths <= LONGEST) & (chunks.lengths > 0))
    # Of two that are mixed alike, one is left out: the table need not hold everything.
    _, index = np.unique(_mixed(first[wanted], second[wanted]), return_index=True)
    kept = wanted[np.sort(index)]
    return Keyed(first[kept], second[kept], ids.take(kept))


def build_table(chunks: Sequence[bytes], ids: Ragged) -> ChunkTable:
    """A table of ``chunks`` ``(n,)``, the most wanted first, each with its row of ``ids``.

    Those that are too long, or whose slots are taken, are left out: the table need not hold everything.
    """
    lengths = np.array([len(chunk) for chunk in chunks], np.int64)
    data = np.frombuffer(b"".join(chunks) + bytes(LONGEST + 1), np.uint8)
    size = 1 << max(4, int(2 * len(chunks)).bit_length())
    empty = ChunkTable(np.zeros((size, 3), np.uint64), np.zeros(0, np.int32))
    return empty.with_more(keyed(data, Chunks(np.cumsum(lengths) - lengths, lengths), ids))


def _keys(data: np.ndarray, chunks: Chunks) -> tuple[np.ndarray, np.ndarray]:
    """The two numbers of each chunk; those of a chunk that is too long mean nothing."""
    lengths = np.minimum(chunks.lengths, LONGEST)
    first = words_at(data, chunks.starts) & _MASKS[0].take(lengths)
    second = lengths.astype(np.uint64) << np.uint64(56)
    beyond = np.flatnonzero(lengths > 8)  # one in ten
    second[beyond] |= words_at(data, chunks.starts.take(beyond) + 8) & _MASKS[1].take(lengths.take(beyond))
    return first, second


def entries_of(rows: Ragged) -> np.ndarray:
    """Start << 32 | length of each of ``rows``, uint64 ``(n,)``."""
    return rows.starts.astype(np.uint64) << _START | rows.lengths.astype(np.uint64)


def words_at(data: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The eight bytes of ``data`` from each of ``starts`` ``(n,)`` on as a number, the first one lowest: uint64."""
    return np.ndarray(max(0, len(data) - 7), "<u8", data, strides=(1,))[starts]  # `take` would copy all of it first


def _mixed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first ^ second * np.uint64(FACTORS[1])) * np.uint64(FACTORS[0])


def _hash(first: np.ndarray, second: np.ndarray, size: int) -> np.ndarray:
    return _mixed(first, second) >> np.uint64(64 - (size.bit_length() - 1))
