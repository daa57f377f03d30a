"""Which chunks are evidently a mention or a link, found for many at once: they are nearly all different."""

import numpy as np

from sentiment.text.chunk_table import Chunks, words_at

OTHER, MENTION, LINK = range(3)
_LINKS = (b"http:/", b"https:/", b"www.")
_LETTER, _VISIBLE = 1, 2


def _bits_of_bytes() -> np.ndarray:
    """What each byte is: part of a name (a to z, digits, underscore), and visible in ASCII."""
    bits = np.zeros(256, np.uint8)
    bits[ord("!") : ord("~") + 1] = _VISIBLE
    bits[np.frombuffer(b"abcdefghijklmnopqrstuvwxyz0123456789_", np.uint8)] |= _LETTER
    return bits


_BITS = _bits_of_bytes()


def kinds(data: np.ndarray, chunks: Chunks) -> np.ndarray:
    """What each of ``chunks`` evidently is, uint8 ``(n,)``: the whole of it a name behind an @, or visible after http.

    Args:
        data: lower-case text, uint8, as :meth:`sentiment.text.chunk_table.ChunkTable.find` takes it; a blank after
            each chunk.
        chunks: ``n`` of them.
    """
    result = np.zeros(len(chunks.starts), np.uint8)
    head = words_at(data, chunks.starts)
    result[(head & np.uint64(0xFF)) == ord("@")] = MENTION
    for link in _LINKS:
        result[head & np.uint64((1 << 8 * len(link)) - 1) == int.from_bytes(link, "little")] = LINK
    result[chunks.lengths < 2] = OTHER
    begun = np.flatnonzero(result)
    if not len(begun):
        return result
    rest = chunks.lengths[begun] - 1
    starts = np.cumsum(rest) - rest
    where = np.repeat(chunks.starts[begun] + 1 - starts, rest) + np.arange(rest.sum())
    common = np.bitwise_and.reduceat(_BITS.take(data.take(where)), starts)  # of all bytes but the first
    wanted = np.where(result[begun] == MENTION, _LETTER, _VISIBLE)
    result[begun[common & wanted == 0]] = OTHER
    return result
