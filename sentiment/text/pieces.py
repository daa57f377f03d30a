r"""Cutting chunks into pieces that the rules treat each for itself, for many chunks at once.

A rare chunk is mostly a word with marks behind it ("manchester!!!") or words with marks between ("video...here"). In a
chunk of nothing but small letters and the marks below, no rule looks from one stretch of letters to the next: the
emoticons need one of ``:=;^<``, the entities a ``;``, numbers a digit, clitics an apostrophe, and what is left are the
rules for links, for ``-.-``, and for single words, whose ``\b`` means the same beside a mark as at the end of a chunk.
So the ids of such a chunk are those of its pieces one after the other, and tests hold that. Any other chunk is one
piece.
"""

from typing import NamedTuple

import numpy as np

from sentiment.text.chunk_table import Chunks, words_at

_OTHER, _MARK, _LETTER, _EXCLAMATION, _QUESTION = range(5)
_DOT = ord(".")
_ENDINGS = (b"com", b"org", b"net", b"ly", b"fm", b"tv")  # of the names that the rule for links knows


def _kinds_of_bytes() -> np.ndarray:
    kinds = np.full(256, _OTHER, np.uint8)
    kinds[np.frombuffer(b'"#$%&()*+,-./[\\]{|}~', np.uint8)] = _MARK
    kinds[ord("a") : ord("z") + 1] = _LETTER
    kinds[ord("!")], kinds[ord("?")] = _EXCLAMATION, _QUESTION
    return kinds


_KINDS = _kinds_of_bytes()


class Pieces(NamedTuple):
    """What chunks were cut into.

    Attributes:
        chunks: where the ``m`` pieces lie.
        ends: how many of them there are up to the end of each of the ``n`` chunks, int64 ``(n,)``.
        words: whether a piece is letters that no rule changes, bool ``(m,)``: it is a token as it stands.
    """

    chunks: Chunks
    ends: np.ndarray
    words: np.ndarray


def cut(data: np.ndarray, chunks: Chunks) -> Pieces:
    """The pieces of each of ``chunks`` in their order; there may be none.

    Args:
        data: lower-case text, uint8, as :meth:`sentiment.text.chunk_table.ChunkTable.find` takes it; a blank after
            each chunk.
        chunks: ``n`` of them, none of them empty.
    """
    sizes = chunks.lengths + 1  # with the blank, which keeps the pieces of two chunks apart
    ends = np.cumsum(sizes)
    where = np.repeat(chunks.starts - (ends - sizes), sizes) + np.arange(sizes.sum())
    held = data.take(where)
    kinds = _KINDS.take(held)
    kinds[ends - 1] = _MARK
    plain = np.minimum.reduceat(kinds, ends - sizes) > _OTHER if len(ends) else np.zeros(0, bool)
    dots = np.flatnonzero(held == _DOT)
    plain[np.searchsorted(ends, dots[_matter(data, where[dots])], side="right")] = False
    kinds[~np.repeat(plain, sizes)] = _LETTER
    kinds[ends - 1] = _MARK
    starts, stops = _stretches(kinds)
    lengths = np.where(kinds[starts] == _LETTER, stops - starts, 1)  # of several ! or ? the rules make one
    pieces = Chunks(where[starts], lengths)
    words = plain[np.searchsorted(ends, starts, side="right")] & (kinds[starts] == _LETTER) & _stay(data, pieces)
    words[np.searchsorted(starts, _threes(held, kinds), side="right") - 1] = False
    return Pieces(pieces, np.searchsorted(starts, ends), words)


def _matter(data: np.ndarray, dots: np.ndarray) -> np.ndarray:
    """Which of the ``dots`` (where they lie) may be part of a link or of ``-.-``."""
    behind = words_at(data, dots + 1)
    matter = (data[dots - 1] == ord("-")) | ((data[dots - 1] == ord("w")) & (data[dots - 2] == ord("w")))
    for ending in _ENDINGS:
        matter |= behind & np.uint64((1 << 8 * len(ending)) - 1) == int.from_bytes(ending, "little")
    return matter


def _stretches(kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where stretches of one kind begin and end, but for marks; the last byte is one."""
    changes = np.flatnonzero(np.diff(kinds, prepend=_MARK))
    wanted = kinds[changes] != _MARK
    return changes[wanted], changes[1:][wanted[:-1]]


def _threes(held: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Where three equal letters follow one another; the rules shorten them."""
    return np.flatnonzero((held[:-2] == held[1:-1]) & (held[1:-1] == held[2:]) & (kinds[:-2] == _LETTER))


def _stay(data: np.ndarray, letters: Chunks) -> np.ndarray:
    """Which stretches of letters are surely neither ``xd`` nor ``cant``."""
    last = letters.starts + letters.lengths - 1
    laugh = (data[letters.starts] == ord("x")) & (data[last] == ord("d"))
    negated = (data[last] == ord("t")) & (data[last - 1] == ord("n"))
    return ~(laugh | negated)
