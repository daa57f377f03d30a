"""Search the lexicon of a model folder directly in the bytes of its file.

The lines are sorted by surface form (a token as written), so binary search finds a form. The search saves a third of a
process's start-up time, because 100,000 lines need not be read into a dictionary. The dictionary is only made for a
batch of many texts.
"""

from bisect import bisect_left
from typing import NamedTuple

import numpy as np

from sentiment.common.lazy import LazyProperty
from sentiment.errors import ArtefactError
from sentiment.text.lexicon import RESERVED, UNKNOWN, Lexicon
from sentiment.text.normalisation import LONG

_TAB, _NEW_LINE, _ZERO = 9, 10, 48
_MOST_DIGITS = 9
_WIDTH = 8
_TOP_BYTES = np.array([(1 << 64) - (1 << 8 * (_WIDTH - n)) for n in range(_WIDTH + 1)], np.uint64)


class _Lines(NamedTuple):
    """The lines of the lexicon's file, each with a surface form (a token as written) and its id.

    Attributes:
        starts, ends: the positions in bytes where the form of each line begins and ends, int64 ``(forms,)``.
        heads: the first eight bytes of each form, as a number that sorts like the bytes, uint64 ``(forms,)``.
        numbers: the id of each form, int32 ``(forms,)``.
    """

    starts: np.ndarray
    ends: np.ndarray
    heads: np.ndarray
    numbers: np.ndarray


class MappedLexicon(Lexicon):
    """A lexicon that searches the bytes of its file. :func:`map_lexicon` makes it.

    ``content`` is ``lexicon.tsv``, followed by eight zero bytes. ``vocabulary`` is the content of ``vocabulary.txt``.
    """

    def __init__(self, content: bytes, lines: _Lines, vocabulary: str) -> None:
        self._content, self._lines, self._vocabulary = content, lines, vocabulary
        self._buffers = [each.data for each in lines]  # a single number is read faster than from an array

    def __reduce__(self) -> tuple:
        """Pickle the arguments of the constructor, because buffers cannot be pickled."""
        return MappedLexicon, (self._content, self._lines, self._vocabulary)

    @property
    def size(self) -> int:
        """Return the number of ids."""
        return self._vocabulary.count("\n")

    @LazyProperty
    def vocabulary(self) -> tuple[str, ...]:
        """Return the lemma of each id."""
        return tuple(self._vocabulary.split("\n")[:-1])

    @LazyProperty
    def ids(self) -> dict[str, int]:
        """Return the dictionary from surface form (a token as written) to id."""
        forms = [line.partition("\t")[0] for line in self.to_tsv().split("\n")[:-1]]
        return dict(zip(forms, self._lines.numbers.tolist(), strict=True))

    def id_of(self, token: str) -> int:
        """Return the id of one token, with or without its mark of elongation; ``UNKNOWN`` if the file has neither."""
        number = self._find(token)
        if number is None and token.startswith(LONG):
            number = self._find(token.removeprefix(LONG))
        return UNKNOWN if number is None else number

    def _find(self, token: str) -> int | None:
        """Return the id of one token, found by binary search; None if the file lacks it."""
        form, (starts, ends, heads, numbers) = token.encode(), self._buffers
        head = int.from_bytes(form[:_WIDTH].ljust(_WIDTH, b"\0"))
        line = bisect_left(heads, head)
        while line < len(heads) and heads[line] == head:
            if self._content[starts[line] : ends[line]] == form:
                return numbers[line]
            line += 1
        return None

    def to_tsv(self) -> str:
        """Return the content of ``lexicon.tsv``."""
        return self._content[:-_WIDTH].decode(errors="replace")  # no token matches a form that is not UTF-8


def map_lexicon(content: bytes, vocabulary: str, name: str = "lexicon.tsv") -> MappedLexicon:
    """Make a lexicon from the bytes of ``lexicon.tsv`` and the text of ``vocabulary.txt``.

    Raises:
        ArtefactError: a line is not ``token<TAB>id``, an id is outside the vocabulary, or the tokens are not sorted and
            distinct. The message names the file ``name``.
    """
    padded, size = content + bytes(_WIDTH), vocabulary.count("\n")
    lines = _find_lines(content, np.frombuffer(padded, np.uint8), size)
    if lines is None or not (vocabulary.startswith("\n".join([*RESERVED, ""])) and vocabulary.endswith("\n")):
        raise ArtefactError(
            f"{name}:{_first_bad_line(content, size)}: expected sorted lines `token<TAB>id`, with ids of a vocabulary "
            f"of {size}: run `make preprocess`, or export the model again"
        )
    return MappedLexicon(padded, lines, vocabulary)


def _first_bad_line(content: bytes, size: int) -> int:
    """Return the number of the first damaged line, from 1, or of the last line if all are good."""
    before, lines = b"", content.removesuffix(b"\n").split(b"\n")
    for number, (form, _, of_form) in enumerate((line.partition(b"\t") for line in lines), 1):
        if form <= before or not of_form.isdigit() or len(of_form) > _MOST_DIGITS or int(of_form) >= size:
            return number
        before = form
    return len(lines)


def _find_lines(content: bytes, data: np.ndarray, size: int) -> _Lines | None:
    """Find the form (token) and id in each line of ``content``; None if a line is damaged or an id is ``size`` or more.

    ``data``, uint8, consists of the bytes of ``content`` and eight further bytes.
    """
    ends, tabs = np.flatnonzero(data == _NEW_LINE), np.flatnonzero(data == _TAB)
    if not content.endswith(b"\n") or len(ends) != len(tabs):
        return None
    starts = np.concatenate(([0], ends[:-1] + 1))
    if not ((starts < tabs) & (tabs + 1 < ends)).all():
        return None
    numbers = _numbers(data, tabs + 1, ends)
    if numbers is None or numbers.max() >= size:
        return None
    lines = _Lines(starts, tabs, _heads(data, starts, tabs - starts), numbers)
    return lines if _are_sorted(content, lines) else None


def _numbers(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray | None:
    """Return the decimal numbers in the bytes ``data`` from ``starts`` to ``ends``, int32; None if any is invalid."""
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


def _are_sorted(content: bytes, lines: _Lines) -> bool:
    """Return whether the forms are sorted and distinct. All bytes are compared only where the heads do not ascend."""
    starts, ends, heads, _ = lines
    return all(
        content[starts[i] : ends[i]] < content[starts[i + 1] : ends[i + 1]]
        for i in np.flatnonzero(heads[1:] <= heads[:-1]).tolist()
    )


def _heads(data: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the first eight bytes of each form, padded with zeros, as uint64 numbers that sort like the bytes."""
    words = np.ndarray(len(data) - _WIDTH + 1, ">u8", data, strides=(1,))
    return words[starts].astype(np.uint64) & _TOP_BYTES[np.minimum(lengths, _WIDTH)]
