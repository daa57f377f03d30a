"""A hash table from frequent chunks (stretches of text between spaces) to token ids, for many look-ups at once.

Nearly all chunks of a tweet are among the most frequent chunks of the training corpus. The normalisation rules are
applied to these chunks once, at export, and the table is stored with the model. The table halves the time that a batch
of texts needs. A chunk's key, two 64-bit numbers, consists of its bytes (15 at most) and its length, so no two chunks
have the same key.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sentiment.common.ragged import Ragged
from sentiment.text.lexicon import PADDING

LONGEST = 15  # bytes of a chunk in the table; the sixteenth byte of a key is the length
MOST_IDS = 4  # ids of a chunk in the table
_PROBES = 8
_EMPTY = 0
_FACTORS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))  # odd, with well-mixed bits
# The bytes of the first and of the second number that a chunk of each length fills.
_MASKS = np.array(
    [
        [(1 << 8 * min(8, n)) - 1 for n in range(LONGEST + 1)],
        [(1 << 8 * max(0, n - 8)) - 1 for n in range(LONGEST + 1)],
    ],
    np.uint64,
)


class Chunks(NamedTuple):
    """Start and length in bytes of ``n`` chunks (stretches of text between spaces) in a buffer, each int64 ``(n,)``."""

    starts: np.ndarray
    lengths: np.ndarray

    def take(self, which: np.ndarray) -> "Chunks":
        """Return the chunks with the indices ``which``."""
        return Chunks(self.starts.take(which), self.lengths.take(which))


class ChunkTable(NamedTuple):
    """A hash table, with linear probing, from chunks to their token ids. Slot 0 is reserved for the empty chunk.

    Attributes:
        keys: the chunk in each slot as two numbers, uint64 ``(2 ** bits, 2)``. The second number is 0 in an unused slot
            and in slot 0, and nowhere else.
        ids: int32 ``(2 ** bits, MOST_IDS)``: the ids of the chunk in that slot, without dropped tokens, then zeros.
    """

    keys: np.ndarray
    ids: np.ndarray

    def find(self, data: np.ndarray, chunks: Chunks) -> tuple[np.ndarray, np.ndarray]:
        """Return the slot of each of ``n`` chunks, int64 ``(n,)``, and whether the chunk was found, bool ``(n,)``.

        The buffer ``data``, uint8, contains the chunks, and ``LONGEST + 1`` or more bytes after the last chunk. A chunk
        that is longer than ``LONGEST`` is never found.
        """
        first, second = _keys_of(data, chunks)
        slot = _hash(first, second, len(self.keys))
        held = self.keys.take(slot, axis=0)
        found = (held[:, 0] == first) & (held[:, 1] == second)
        left = np.flatnonzero(~found & (held[:, 1] != _EMPTY))
        for _ in range(_PROBES - 1):
            if not len(left):
                break
            slot[left] = (slot[left] + 1) & (len(self.keys) - 1)
            held = self.keys.take(slot[left], axis=0)
            hit = (held[:, 0] == first[left]) & (held[:, 1] == second[left])
            found[left[hit]] = True
            left = left[~hit & (held[:, 1] != _EMPTY)]
        return slot, found & (chunks.lengths <= LONGEST)

    def contents(self) -> tuple[list[bytes], list[int]]:
        """Return the chunks in the table, except the empty one, and their slots, both in the order of the slots."""
        slots = np.flatnonzero(self.keys[:, 1] != _EMPTY)
        keys = self.keys[slots].astype("<u8").tobytes()
        keyed = (keys[start : start + 16] for start in range(0, len(keys), 16))
        return [key[: key[LONGEST]] for key in keyed], slots.tolist()

    def is_sound(self, vocabulary: int) -> bool:
        """Return whether a table from a file is valid: dtypes, shapes, empty slot 0, and ids below ``vocabulary``."""
        size = len(self.keys)
        if size < 2 or size & size - 1 or self.keys.shape != (size, 2) or self.keys.dtype != np.uint64:
            return False
        if self.ids.shape != (size, MOST_IDS) or self.ids.dtype != np.int32 or self.ids[0].any():
            return False
        return bool(not self.keys[0].any() and self.ids.min() >= PADDING and self.ids.max() < vocabulary)


def build_table(chunks: Sequence[bytes], ids: Ragged) -> ChunkTable:
    """Return a hash table from ``chunks``, sorted from frequent to rare, to their token ids, one row of ``ids`` each.

    A chunk is left out if it is empty, is longer than ``LONGEST`` bytes, has more than ``MOST_IDS`` ids, or if more
    frequent chunks use all its possible slots.
    """
    lengths = np.array([len(chunk) for chunk in chunks], np.int64)
    data = np.frombuffer(b"".join(chunks) + bytes(LONGEST + 1), np.uint8)
    first, second = _keys_of(data, Chunks(np.cumsum(lengths) - lengths, lengths))
    size = 1 << max(4, int(2 * len(chunks)).bit_length())
    keys, rows = np.zeros((size, 2), np.uint64), np.zeros((size, MOST_IDS), np.int32)
    hashes, starts = _hash(first, second, size).tolist(), ids.starts.tolist()
    for i in np.flatnonzero((lengths > 0) & (lengths <= LONGEST) & (ids.lengths <= MOST_IDS)).tolist():
        probed = ((hashes[i] + distance) & (size - 1) for distance in range(_PROBES))
        slot = next((slot for slot in probed if slot and keys[slot, 1] == _EMPTY), None)
        if slot is not None:
            keys[slot] = first[i], second[i]
            rows[slot, : ids.lengths[i]] = ids.values[starts[i] : starts[i] + ids.lengths[i]]
    return ChunkTable(keys, rows)


def _keys_of(data: np.ndarray, chunks: Chunks) -> tuple[np.ndarray, np.ndarray]:
    """Return the key of each chunk as two uint64 arrays ``(n,)``. Only the first ``LONGEST`` bytes of a chunk count."""
    lengths = np.minimum(chunks.lengths, LONGEST)
    first = _words_at(data, chunks.starts) & _MASKS[0].take(lengths)
    second = lengths.astype(np.uint64) << np.uint64(56)
    beyond = np.flatnonzero(lengths > 8)  # one chunk in ten
    second[beyond] |= _words_at(data, chunks.starts.take(beyond) + 8) & _MASKS[1].take(lengths.take(beyond))
    return first, second


def _words_at(data: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Read an unsigned 64-bit number, little-endian, at each of the byte positions ``starts`` ``(n,)`` of ``data``."""
    return np.ndarray(max(0, len(data) - 7), "<u8", data, strides=(1,))[starts]  # `take` would copy all of it first


def _hash(first: np.ndarray, second: np.ndarray, size: int) -> np.ndarray:
    mixed = (first ^ second * _FACTORS[1]) * _FACTORS[0]
    return (mixed >> np.uint64(64 - (size.bit_length() - 1))).astype(np.int64)
