"""The lexicon as a model folder has it, searched where it lies: nothing is made of its lines before one is asked for.

The lines are sorted by surface form, so a form is found by halving. Reading 100,000 lines into a dictionary would take
longer than the rest of a start.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from sentiment.text.lexicon import RESERVED, UNKNOWN, Lexicon

_TAB, _NEW_LINE, _ZERO = 9, 10, 48
_MOST_DIGITS = 9
_MET_AT_MOST = 1 << 16  # forms that a running process remembers
_FEW = 100  # more than so many are searched for side by side
_WIDTH = 8
_TOP_BYTES = np.array([(1 << 64) - (1 << 8 * (_WIDTH - n)) for n in range(_WIDTH + 1)], np.uint64)


class MappedLexicon:
    """What :class:`sentiment.text.lexicon.Lexicon` is, made from its file by :func:`map_lexicon`.

    Args:
        content: of ``lexicon.tsv``, with 16 bytes more behind it.
        bounds: where each line's form begins and ends, int64 ``(2, forms)``.
        numbers: id of each, int32 ``(forms,)``.
        vocabulary: content of ``vocabulary.txt``.
    """

    def __init__(self, content: bytes, bounds: np.ndarray, numbers: np.ndarray, vocabulary: str) -> None:
        self._content = content
        self._starts, self._ends = (side.data for side in bounds)  # as buffers: quick to read one number of
        self._numbers = numbers
        self._vocabulary = vocabulary
        self._met: dict[str, int] = {}

    def __eq__(self, other: object) -> bool:
        """Whether ``other``, of either kind, says the same of every form."""
        if not isinstance(other, Lexicon | MappedLexicon):
            return NotImplemented
        return (self.ids, self.vocabulary) == (other.ids, other.vocabulary)

    __hash__ = None  # type: ignore[assignment]  # like a dictionary

    def __reduce__(self) -> tuple:
        """Buffers cannot be pickled; what they are made of can."""
        bounds = np.stack([np.asarray(self._starts), np.asarray(self._ends)])
        return MappedLexicon, (self._content, bounds, self._numbers, self._vocabulary)

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """The lemma of each id."""
        return tuple(self._vocabulary.split("\n")[:-1])

    @property
    def size(self) -> int:
        """Ids there are."""
        return self._vocabulary.count("\n")

    @cached_property
    def ids(self) -> dict[str, int]:
        """Surface form -> id."""
        forms = [line.partition("\t")[0] for line in self.to_tsv().split("\n")[:-1]]
        return dict(zip(forms, self._numbers.tolist(), strict=True))

    def lookup(self, types: Sequence[str]) -> np.ndarray:
        """Ids of ``types`` ``(n,)`` as int32 ``(n,)``; ``UNKNOWN`` for what the table lacks."""
        if len(types) <= _FEW:
            return np.fromiter(map(self.id_of, types), np.int32, len(types))
        encoded = [token.encode() for token in types]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        data = np.frombuffer(b"".join(encoded) + bytes(2 * _WIDTH), np.uint8)
        return self.ids_at(data, np.cumsum(lengths) - lengths, lengths)

    def id_of(self, token: str) -> int:
        """Id of one token; ``UNKNOWN`` for what the table lacks."""
        if (met := self._met.get(token)) is not None:
            return met
        if len(self._met) >= _MET_AT_MOST:
            self._met = {}
        number = self._met[token] = self._find(token.encode())
        return number

    def ids_at(self, data: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Ids of the words ``(n,)`` that lie in the text ``data``, as int32 ``(n,)``; found side by side.

        Args:
            data: uint8 ``(bytes,)`` with 16 bytes more behind the last word.
            starts: where each word begins.
            lengths: bytes of each.
        """
        own, begin, end = np.frombuffer(self._content, np.uint8), np.asarray(self._starts), np.asarray(self._ends)
        first, second = _heads(data, starts, lengths)
        below = np.zeros(len(first), np.int64)  # forms that are surely less than the word

        def heads(form: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return _heads(own, begin.take(form), end.take(form) - begin.take(form))

        for bit in reversed(range(len(begin).bit_length())):
            further = below + (1 << bit)
            one, two = heads(np.minimum(further, len(begin)) - 1)
            less = (one < first) | ((one == first) & (two < second))
            below = np.where(less & (further <= len(begin)), further, below)
        form = np.minimum(below, len(begin) - 1)
        one, two = heads(form)
        ids = np.where((one == first) & (two == second), self._numbers.take(form), UNKNOWN).astype(np.int32)
        for i in np.flatnonzero(lengths >= 2 * _WIDTH).tolist():  # few are so long that later bytes decide
            ids[i] = self._find(data[starts[i] : starts[i] + lengths[i]].tobytes())
        return ids

    def to_tsv(self) -> str:
        """What it was made from."""
        return self._content[: -2 * _WIDTH].decode()

    def _find(self, form: bytes) -> int:
        content, starts, ends = self._content, self._starts, self._ends
        low, high = 0, len(starts)
        while low < high:
            middle = (low + high) // 2
            if content[starts[middle] : ends[middle]] < form:
                low = middle + 1
            else:
                high = middle
        if low < len(starts) and content[starts[low] : ends[low]] == form:
            return int(self._numbers[low])
        return UNKNOWN


def map_lexicon(content: bytes, vocabulary: str) -> MappedLexicon | None:
    """A lexicon out of the contents of its files.

    Returns:
        None where a line is not ``token<TAB>id``, an id is outside the vocabulary, or the forms are not sorted and
        different: then :meth:`sentiment.text.lexicon.Lexicon.from_tsv` says what is wrong, or reads them as they are.
    """
    padded = content + bytes(2 * _WIDTH)
    data = np.frombuffer(padded, np.uint8)
    ends, tabs = np.flatnonzero(data == _NEW_LINE), np.flatnonzero(data == _TAB)
    if not content.endswith(b"\n") or len(ends) != len(tabs) or not vocabulary.endswith("\n"):
        return None
    starts = np.concatenate(([0], ends[:-1] + 1))
    if not ((starts < tabs) & (tabs + 1 < ends)).all() or not vocabulary.startswith("\n".join([*RESERVED, ""])):
        return None
    numbers = _numbers(data, tabs + 1, ends)
    if numbers is None or numbers.max() >= vocabulary.count("\n") or not _are_sorted(content, data, starts, tabs):
        return None
    return MappedLexicon(padded, np.stack([starts, tabs]).astype(np.int64), numbers, vocabulary)


def _numbers(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray | None:
    """The numbers that stand from ``starts`` to ``ends``, int32; None if one is none."""
    widths = ends - starts
    if widths.max() > _MOST_DIGITS:
        return None
    numbers = np.zeros(len(starts), np.int32)
    for place in range(int(widths.max())):
        has = widths > place
        digits = data[ends[has] - 1 - place] - np.uint8(_ZERO)  # below zero wraps round, above nine
        if (digits > _MOST_DIGITS).any():
            return None
        numbers[has] += digits * np.int32(10**place)
    return numbers


def _are_sorted(content: bytes, data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> bool:
    """Whether each form is greater, byte by byte, than the one before it: their first 16 bytes decide nearly all."""
    first, second = _heads(data, starts, ends - starts)
    rises = (first[1:] > first[:-1]) | ((first[1:] == first[:-1]) & (second[1:] > second[:-1]))
    return all(
        content[starts[i] : ends[i]] < content[starts[i + 1] : ends[i + 1]] for i in np.flatnonzero(~rises).tolist()
    )


def _heads(data: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first 16 bytes of each form, zeros behind its end, as two numbers that sort like them."""
    words = np.ndarray(len(data) - _WIDTH + 1, ">u8", data, strides=(1,))
    first = words[starts].astype(np.uint64) & _TOP_BYTES[np.minimum(lengths, _WIDTH)]
    second = words[starts + _WIDTH].astype(np.uint64) & _TOP_BYTES[np.clip(lengths - _WIDTH, 0, _WIDTH)]
    return first, second


AnyLexicon = Lexicon | MappedLexicon
