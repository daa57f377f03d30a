"""Read the vectors of the wanted words from GloVe files (Pennington, Socher and Manning, 2014).

A file of 2 GB passes in the memory of the wanted rows, since every other line is only checked for its length.
"""

import codecs
import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

import numpy as np

from sentiment.errors import InputError

_LEAST_COSINE = 0.2  # below it, form and lemma are as far apart as two words drawn at random


@dataclass(frozen=True, slots=True)
class WordVectors:
    """Vectors found for wanted words.

    Attributes:
        rows: word -> row of ``matrix``.
        matrix: float32 ``(found, dimension)``.
        file_words: how many words the file holds.
    """

    rows: dict[str, int]
    matrix: np.ndarray
    file_words: int

    @property
    def dimension(self) -> int:
        """Return the length of a vector."""
        return int(self.matrix.shape[1])

    def get(self, word: str) -> np.ndarray | None:
        """Return the vector of ``word``, float32 ``(dimension,)``, or None."""
        row = self.rows.get(word)
        return None if row is None else self.matrix[row]


def read_vectors(lines: Iterable[bytes], wanted: Iterable[str], name: str, dimension: int = 0) -> WordVectors:
    """Read GloVe's text format: a word and its numbers on a line, single spaces between.

    Args:
        lines: of the file, in bytes.
        wanted: words to keep.
        name: of the file, for messages.
        dimension: numbers expected on a line; 0 takes the first line's count.

    Raises:
        InputError: the file is empty or not GloVe text, a line has the wrong length, a wanted word's vector is
            not made of finite numbers, or none of the wanted words is there.
    """
    wanted_bytes = {word.encode() for word in wanted}
    rows: dict[str, int] = {}
    vectors: list[np.ndarray] = []
    words = 0
    for number, word, numbers in _entries(lines, name, dimension):
        words += 1
        if word in wanted_bytes and (text := word.decode()) not in rows:
            rows[text] = len(vectors)
            vectors.append(_numbers(numbers, f"{name}:{number}"))
    if not vectors:
        raise InputError(f"{name}: none of the words wanted is among its {words} lines: is it a GloVe file?")
    return WordVectors(rows, np.stack(vectors), words)


def first_words(lines: Iterable[bytes], most: int, name: str, dimension: int = 0) -> Iterator[str]:
    """Yield the first ``most`` words of a file in GloVe's text format, without those that are not UTF-8.

    The first words are the most frequent.

    Raises:
        InputError: as :func:`read_vectors`, but for the numbers, which are not read.
    """
    for _, word, _ in islice(_entries(lines, name, dimension), most):
        with contextlib.suppress(UnicodeDecodeError):
            yield word.decode()


def select_vectors(words: Iterable[str], matrix: np.ndarray, wanted: Iterable[str], name: str) -> WordVectors:
    """Pick the wanted words from vectors that are an array already (``matrix`` float ``(words, dimension)``).

    Raises:
        InputError: the shapes do not match, or none of the wanted words is there.
    """
    words = list(words)
    if matrix.ndim != 2 or len(words) != len(matrix):
        raise InputError(f"{name}: expected a row for each of {len(words)} words, received shape {matrix.shape}")
    known = {word: i for i, word in enumerate(words)}
    found = sorted({word for word in wanted if word in known}, key=known.__getitem__)
    if not found:
        raise InputError(f"{name}: none of the words wanted is among its {len(words)}")
    picked = np.asarray(matrix[[known[word] for word in found]], np.float32)
    if not np.isfinite(picked).all():
        raise InputError(f"{name}: holds values that are not finite numbers")
    return WordVectors({word: i for i, word in enumerate(found)}, picked, len(words))


def unlike_lemmas(lemma_of: Iterable[tuple[str, str]], vectors: WordVectors) -> set[str]:
    """Return the forms that mean something else than their lemma, as *worst* is no form of *wrong*.

    Their vector has a cosine below ``_LEAST_COSINE`` with the vector of their lemma.

    Args:
        lemma_of: pairs of form and lemma; pairs without two vectors are left out.
        vectors: of forms and lemmas.
    """
    unlike = set()
    for form, lemma in lemma_of:
        one, other = vectors.get(form), vectors.get(lemma)
        if one is None or other is None:
            continue
        if one @ other < _LEAST_COSINE * np.linalg.norm(one) * np.linalg.norm(other):
            unlike.add(form)
    return unlike


def _entries(lines: Iterable[bytes], name: str, dimension: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield the number of each line that has a vector, its word, and its numbers with a blank before each.

    Left out are blank lines, the two sizes that word2vec's text format begins with, a byte-order mark, and the blanks
    that fastText and word2vec write at the ends of lines.
    """
    for number, line in enumerate(lines, 1):
        line = line.rstrip(b" \r\n")
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if line and not (number == 1 and _is_header(line)):
            dimension = dimension or _first_dimension(line, f"{name}:{number}")
            word = _word(line, dimension, f"{name}:{number}")
            yield number, word, line[len(word) :]


def _is_header(line: bytes) -> bool:
    return len(parts := line.split()) == 2 and all(part.isdigit() for part in parts)


def _first_dimension(line: bytes, place: str) -> int:
    dimension = sum(1 for _ in takewhile(_is_number, reversed(line.split(b" ")[1:])))
    if dimension < 1:
        raise InputError(f"{place}: expected a word and its numbers, received {line[:60]!r}: not a GloVe file")
    return dimension


def _is_number(part: bytes) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return True


def _word(line: bytes, dimension: int, place: str) -> bytes:
    """Return the word of a line. A few words of glove.840B contain spaces, so numbers are counted from the right."""
    spaces = line.count(b" ")
    if spaces == dimension:
        return line[: line.index(b" ")]
    word = line.rsplit(b" ", dimension)[0] if spaces > dimension else line
    if spaces < dimension or _is_number(word.rsplit(b" ", 1)[-1]):
        raise InputError(
            f"{place}: expected {dimension} numbers, received {spaces}: "
            "the file is damaged, or embedding.dimension is not the file's"
        )
    return word


def _numbers(text: bytes, place: str) -> np.ndarray:
    dimension = text.count(b" ")
    try:
        with np.errstate(over="ignore"):  # too large a number becomes infinite, and is refused below
            vector = np.array(text.split(), np.float32)
    except ValueError as error:
        raise InputError(f"{place}: expected {dimension} numbers ({error})") from error
    if vector.shape != (dimension,) or not np.isfinite(vector).all():
        raise InputError(f"{place}: expected {dimension} finite numbers, received {text[:60]!r}")
    return vector
