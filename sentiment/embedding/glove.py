"""Read the vectors of the wanted words from GloVe files (Pennington, Socher and Manning, 2014).

Only the wanted vectors are parsed and kept, so the memory that is needed does not depend on the size of the file.
"""

import codecs
import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

import numpy as np

from sentiment.common.messages import shown
from sentiment.errors import InputError

_LEAST_COSINE = 0.2  # a form and a lemma with a lower cosine are no more similar than two random words


@dataclass(frozen=True, slots=True)
class WordVectors:
    """The wanted words that a GloVe file contains, with their vectors.

    Attributes:
        rows: a map from each word to the index of its row in ``matrix``.
        matrix: one vector per row, float32 ``(found, dimension)``.
        file_words: the number of words in the whole file.
    """

    rows: dict[str, int]
    matrix: np.ndarray
    file_words: int

    @property
    def dimension(self) -> int:
        """Return the number of components of a vector."""
        return int(self.matrix.shape[1])

    def get(self, word: str) -> np.ndarray | None:
        """Return the vector of ``word``, float32 ``(dimension,)``, or None if there is none."""
        row = self.rows.get(word)
        return None if row is None else self.matrix[row]


def read_vectors(lines: Iterable[bytes], wanted: Iterable[str], name: str, dimension: int = 0) -> WordVectors:
    """Read the vectors of the wanted words from GloVe's text format, which has a word and its numbers on each line.

    ``name`` is the file's name in error messages. ``dimension`` is the expected count of numbers per line; 0 means the
    count on the first line.

    Raises:
        InputError: the file is empty or not in GloVe's format, a line has the wrong length, no wanted word is found, or
            a wanted vector has a value that is not finite.
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
    """Yield the words of the first ``most`` lines of a GloVe file, which begins with the most frequent words.

    Words that are not UTF-8 are skipped. ``name`` and ``dimension`` are those of :func:`read_vectors`.

    Raises:
        InputError: a line is not in GloVe's format or has the wrong length.
    """
    for _, word, _ in islice(_entries(lines, name, dimension), most):
        with contextlib.suppress(UnicodeDecodeError):
            yield word.decode()


def select_vectors(words: Iterable[str], matrix: np.ndarray, wanted: Iterable[str], name: str) -> WordVectors:
    """Return the vectors of the wanted words. Row ``i`` of ``matrix``, float ``(n, dimension)``, belongs to word ``i``.

    Raises:
        InputError: ``matrix`` does not have one row per word, ``words`` contains no wanted word, or a wanted vector
            has a value that is not finite.
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
    """Return the word forms whose meaning differs from their lemma's, for example *worst* if its lemma is *wrong*.

    ``lemma_of`` contains pairs of form and lemma. The meaning differs if both have a vector, with a cosine below 0.2.
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
    """Yield the line number, the word and the unparsed numbers of each line that has a vector.

    Blank lines, a byte-order mark, trailing spaces and the header line of word2vec's text format are skipped.
    """
    for number, line in enumerate(lines, 1):
        line = line.rstrip(b" \r\n")
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        is_header = number == 1 and len(parts := line.split()) == 2 and b"".join(parts).isdigit()
        if line and not is_header:
            dimension = dimension or _first_dimension(line, f"{name}:{number}")
            word = _word(line, dimension, f"{name}:{number}")
            yield number, word, line[len(word) :]


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
    """Return the word of a line: all but the last ``dimension`` fields, because glove.840B has words with spaces."""
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
        with np.errstate(over="ignore"):  # a number that overflows becomes infinite and is refused below
            vector = np.array(text.split(), np.float32)
    except ValueError as error:
        raise InputError(f"{place}: expected {dimension} numbers ({shown(error)})") from error
    if vector.shape != (dimension,) or not np.isfinite(vector).all():
        raise InputError(f"{place}: expected {dimension} finite numbers, received {text[:60]!r}")
    return vector
