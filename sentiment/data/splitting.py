"""Remove duplicates, split a corpus and recognise tweets that a model has seen, by a stable hash of each text."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentiment.common.arrow_arrays import as_numpy, from_numpy
from sentiment.errors import InputError
from sentiment.settings import SplitSettings

TRAIN, VALIDATION, TEST, DROPPED = range(4)
PARTS = ("train", "validation", "test")
SEEN = "seen.npy"  # the hashes of the tweets that a model has seen; it is never scored on them
_LOOKED_FOR = 1000  # greatest number of missing rows that the error message can state
_IN_ORDER = np.array([TEST, VALIDATION, TRAIN, DROPPED], np.uint8)

# Links, mentions and a retweet's prefix (RE2 syntax, for lower-case text). Tweets that differ only in these, or in
# punctuation and white space, are duplicates.
_NOT_WORDS = r"(?:https?:/|www\.)[^ ]*|@[a-z0-9_]+|\brt\b"
# Happy and sad emoticons and question marks distinguish tweets with equal words. Capital letters stand for them,
# because lower-case text has none. An escaped ampersand or quotation mark is removed, because it is not a word.
_MARKS = (
    (r"&(?:amp|#38|quot|#34);", " "),
    (r"[:;=]['o*-]?(?:[)\]]+|[dp]\b)|<3|&lt;3", " G "),
    (r"[:;=]['o*-]?[(\[]+", " S "),
    (r"[?]+", " Q "),
)
_HAS_MARK = r"[&<?]|[:;=]['o*-]?[()\[\]dp]"  # one text in four, outside which no pattern of the marks matches
_BLANK = 0x20
_OF_WORDS = bytes(byte if byte > 127 or chr(byte).isalnum() else _BLANK for byte in range(256))


def duplicate_keys(texts: pa.Array) -> pa.Array:
    """Return a key for each text that is equal for duplicates: its lower-case words without mentions and links.

    Emoticons and question marks count as words. A text without words is its own key, because otherwise all texts of
    bare punctuation would be duplicates. ``texts`` and the result are string arrays ``(n,)``.
    """
    lowered = pc.ascii_lower(texts)
    marked = pc.replace_substring_regex(lowered, _NOT_WORDS, " ")
    has_mark = pc.match_substring_regex(marked, _HAS_MARK)
    some = marked.filter(has_mark)
    for pattern, mark in _MARKS:
        some = pc.replace_substring_regex(some, pattern, mark)
    keys = pc.ascii_trim(_between_blanks(pc.replace_with_mask(marked, has_mark, some)), " ")
    return pc.if_else(from_numpy(as_numpy(pc.binary_length(keys)) == 0), lowered, keys)


def _between_blanks(texts: pa.Array) -> pa.Array:
    """Replace each run of ASCII punctuation or white space by one blank. A regex would take three times as long."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32, len(texts) + 1, 4 * texts.offset)
    whole = memoryview(texts.buffers()[2] or b"")[offsets[0] : offsets[-1]]
    data = np.frombuffer(bytes(whole).translate(_OF_WORDS), np.uint8)
    blank = data == _BLANK
    kept, upto = np.ones(len(data), bool), np.zeros(len(data) + 1, np.int32)
    np.logical_not(blank[1:] & blank[:-1], out=kept[1:])
    np.cumsum(kept, out=upto[1:])
    ends = upto.take(offsets - offsets[0])
    return pa.Array.from_buffers(pa.string(), len(texts), [None, pa.py_buffer(ends), pa.py_buffer(data[kept])])


def hash_texts(texts: pa.Array) -> np.ndarray:
    """Return a BLAKE2b hash of each text, uint64 ``(n,)``, equal for duplicates (see :func:`duplicate_keys`)."""
    keys = duplicate_keys(texts).cast(pa.binary()).to_pylist()
    return np.frombuffer(b"".join(blake2b(key, digest_size=8).digest() for key in keys), "<u8")


def is_seen(texts: Sequence[str], seen: np.ndarray) -> np.ndarray:
    """Return whether a model has seen each text, bool ``(n,)``. ``seen`` is the sorted hashes of texts it has seen."""
    hashes = hash_texts(pa.array(texts, pa.string()))
    if not len(seen):
        return np.zeros(len(hashes), bool)
    places = np.minimum(np.searchsorted(seen, hashes), len(seen) - 1)
    return np.asarray(seen[places] == hashes)


class Distinct(NamedTuple):
    """The result of :func:`find_distinct`: which of ``n`` rows to keep. The rows are in the order of their hashes.

    Attributes:
        kept: whether each row is kept, bool ``(n,)``.
        label: class indices, integers ``(n,)``.
        duplicates: number of rows removed because an earlier row has the same hash.
        contradictions: number of rows removed because rows with the same hash have different labels.
    """

    kept: np.ndarray
    label: np.ndarray
    duplicates: int
    contradictions: int


def find_distinct(hashes: np.ndarray, labels: np.ndarray) -> Distinct:
    """Keep the first row of all rows that share a hash, or none of these rows if their labels differ.

    ``hashes``, uint64 ``(n,)``, are sorted, and equal ones are in the order of the corpus. ``labels`` are class
    indices, integers ``(n,)``.
    """
    first = np.ones(len(hashes), bool)
    first[1:] = hashes[1:] != hashes[:-1]
    starts = np.flatnonzero(first)
    contradicted = np.zeros(len(hashes), bool)
    if len(starts):
        differ = np.maximum.reduceat(labels, starts) != np.minimum.reduceat(labels, starts)
        contradicted = differ[np.cumsum(first) - 1]
    duplicates = int((~first & ~contradicted).sum())
    return Distinct(first & ~contradicted, labels, duplicates, int(contradicted.sum()))


@dataclass(frozen=True, slots=True)
class Deal:
    """A split: which rows of each class are for test, validation and training.

    The rows of a class are ranked by hash, from 0. The first part, test, begins at a rank that depends on the fold. The
    other parts follow. After the last rank, counting goes on at rank 0. Rows in no part are dropped.

    Attributes:
        shifts: rank of each class's first test row, int64 ``(n_classes,)``.
        borders: where the test, validation and training rows of each class end, int64 ``(n_classes, 3)``. These
            positions are counted from the class's first test row.
        counts: number of distinct rows in each class, int64 ``(n_classes,)``.
        settings: the settings of the split, with defaults resolved for the number of rows.
    """

    shifts: np.ndarray
    borders: np.ndarray
    counts: np.ndarray
    settings: SplitSettings

    @classmethod
    def settle(cls, counts: np.ndarray, settings: SplitSettings, names: Sequence[str]) -> "Deal":
        """Make a split from the number of distinct rows in each class, integers ``(n_classes,)``, and their ``names``.

        Raises:
            InputError: fewer than two classes have rows, or a class has too few rows to have one in every part.
        """
        present = np.flatnonzero(counts)
        if len(present) < 2:
            raise InputError(
                f"expected at least two classes among the distinct tweets, received {len(present)}; "
                "check corpus.label_column, corpus.labels and corpus.ignored_labels"
            )
        total = int(counts.sum())
        asked, settings = settings, settings.for_rows(total)
        shifts, borders = np.zeros(len(counts), np.int64), np.zeros((len(counts), 3), np.int64)
        for label in present:
            shifts[label], *sizes = _sizes(int(counts[label]), total, settings)
            if not _fill_every_part(sizes, settings):
                raise InputError(_too_few(names[int(label)], int(counts[label]), total, asked))
            borders[label] = np.cumsum(sizes)
        return cls(shifts, borders, counts.astype(np.int64), settings)

    def parts(self, rows: Distinct, before: np.ndarray) -> np.ndarray:
        """Return the part of each row, uint8 ``(n,)``: ``TRAIN``, ``VALIDATION``, ``TEST`` or ``DROPPED``.

        ``rows`` is a section of the corpus, sorted by hash. ``before`` is the number of rows in each class that the
        earlier sections keep, integers ``(n_classes,)``.
        """
        parts = np.full(len(rows.label), DROPPED, np.uint8)
        for label in np.flatnonzero(self.counts):
            mine = np.flatnonzero(rows.kept & (rows.label == label))
            ranks = before[label] + np.arange(len(mine))
            place = (ranks - self.shifts[label]) % self.counts[label]
            parts[mine] = _IN_ORDER[np.searchsorted(self.borders[label], place, side="right")]
        return parts


def _sizes(n: int, total: int, settings: SplitSettings) -> tuple[int, int, int, int]:
    """Return the rank of the first test row in a class of ``n`` rows, and its rows for test, validation and training.

    ``total`` is the number of rows in all classes.
    """
    start = round(n * settings.test * settings.fold)
    test = round(n * settings.test * (settings.fold + 1)) - start
    validation = max(1, round(n * settings.validation))
    train = n - test - validation
    if settings.train_rows:
        train = min(train, round(settings.train_rows * n / total))
    return start, test, validation, train


def _fill_every_part(sizes: Sequence[int], settings: SplitSettings) -> bool:
    test, _, train = sizes
    return train >= 1 and (not settings.test or test >= 1)


def _too_few(name: str, n: int, total: int, settings: SplitSettings) -> str:
    """Return the error message for a class with too few rows for the split: ``n`` of ``total`` rows in all classes."""

    def would_do(rows: int) -> bool:
        settled = settings.for_rows(total - n + rows)
        return _fill_every_part(_sizes(rows, total - n + rows, settled)[1:], settled)

    least = next((rows for rows in range(n + 1, n + _LOOKED_FOR) if would_do(rows)), None)
    return (
        f"expected {f'at least {least}' if least else 'enough'} distinct tweets of every class for each part to have "
        f"one, received {n} of {name!r}; add some, leave the class out (corpus.labels, corpus.ignored_labels), or "
        "change split.test, split.validation or split.train_rows"
    )
