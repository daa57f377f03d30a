"""Remove duplicates and split a corpus by a stable hash of each text, before anything is fitted."""

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
_LOOKED_FOR = 1000  # rows more than there are, when it is said how many would do
_IN_ORDER = np.array([TEST, VALIDATION, TRAIN, DROPPED], np.uint8)

# Tweets that differ in these only are one tweet sent twice: whom it is to, which link it carries, a retweet's
# prefix (RE2 syntax, applied to lower-cased text); and what no byte of a word is: punctuation and white space.
_NOT_WORDS = r"(?:https?:/|www\.)[^ ]*|@[a-z0-9_]+|\brt\b"
# What distinguishes tweets of the same words: glad and sad emoticons, and whether something is asked. Capitals stand
# for them, which no lower-cased text has. An ampersand that is escaped is none of the words.
_MARKS = (
    (r"&(?:amp|#38|quot|#34);", " "),
    (r"[:;=]['o*-]?(?:[)\]]+|[dp]\b)|<3|&lt;3", " G "),
    (r"[:;=]['o*-]?[(\[]+", " S "),
    (r"[?]+", " Q "),
)
_BLANK = 0x20
_OF_WORDS = np.arange(256, dtype=np.uint8)
_OF_WORDS[[byte for byte in range(128) if not chr(byte).isalnum()]] = _BLANK


def duplicate_keys(texts: pa.Array) -> pa.Array:
    """Return what the copies of a tweet have in common: its words in lower case, without mentions and links.

    Emoticons and question marks count as words.

    ``texts`` and the result are string arrays ``(n,)``. A text without any word is its own key, so that bare
    punctuation is not all one tweet.
    """
    lowered = pc.ascii_lower(texts)
    marked = pc.replace_substring_regex(lowered, _NOT_WORDS, " ")
    for pattern, mark in _MARKS:
        marked = pc.replace_substring_regex(marked, pattern, mark)
    keys = pc.ascii_trim(_between_blanks(marked), " ")
    return pc.if_else(from_numpy(as_numpy(pc.binary_length(keys)) == 0), lowered, keys)


def _between_blanks(texts: pa.Array) -> pa.Array:
    """Return ``texts`` ``(n,)`` with one blank for each stretch without words, in a third of the time of a rule."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32, len(texts) + 1, 4 * texts.offset)
    whole = np.frombuffer(texts.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    data, offsets = _OF_WORDS.take(whole), offsets - offsets[0]
    blank = data == _BLANK
    kept = np.ones(len(data), bool)
    np.logical_not(blank[1:] & blank[:-1], out=kept[1:])
    upto = np.concatenate(([0], np.cumsum(kept, dtype=np.int32)))[offsets].astype(np.int32)
    return pa.Array.from_buffers(pa.string(), len(texts), [None, pa.py_buffer(upto), pa.py_buffer(data[kept])])


def hash_texts(texts: pa.Array) -> np.ndarray:
    """Return a 64-bit hash of the duplicate key of each text, uint64 ``(n,)``.

    The hash is BLAKE2b, which is the same on every machine.
    """
    keys = duplicate_keys(texts).cast(pa.binary()).to_pylist()
    return np.frombuffer(b"".join(blake2b(key, digest_size=8).digest() for key in keys), "<u8")


class Distinct(NamedTuple):
    """Rows in the order of their hashes: ``kept`` bool and ``label`` integer ``(n,)``, and why the others are not."""

    kept: np.ndarray
    label: np.ndarray
    duplicates: int
    contradictions: int


def find_distinct(hashes: np.ndarray, labels: np.ndarray) -> Distinct:
    """Keep the first of all rows that share a hash, or none of them if their labels differ.

    Args:
        hashes: uint64 ``(n,)``, sorted; all rows of a hash are there, in the order of the corpus.
        labels: integer ``(n,)``.
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
    """Assignment of the rows of each class to parts, by their ranks in the order of the hashes.

    Attributes:
        shifts: of each class the rank with which the test part begins; int64 ``(n_classes,)``.
        borders: of each class where, counted from there, the test, the validation and the training part end; int64
            ``(n_classes, 3)``.
        counts: distinct rows of each class, int64 ``(n_classes,)``.
        settings: the shares, as settled for the number of rows.
    """

    shifts: np.ndarray
    borders: np.ndarray
    counts: np.ndarray
    settings: SplitSettings

    @classmethod
    def settle(cls, counts: np.ndarray, settings: SplitSettings, names: Sequence[str] = ()) -> "Deal":
        """Choose the deal for ``counts`` distinct rows per class, integer ``(n_classes,)``, of the classes ``names``.

        Raises:
            InputError: fewer than two classes have rows, or too few rows of a class for every part to have one.
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
                raise InputError(_too_few(names[int(label)] if names else str(label), int(counts[label]), total, asked))
            borders[label] = np.cumsum(sizes)
        return cls(shifts, borders, counts.astype(np.int64), settings)

    def parts(self, rows: Distinct, before: np.ndarray) -> np.ndarray:
        """Return the part of each row, uint8 ``(n,)``.

        ``before``, ``(n_classes,)``, counts the rows of each class with lower hashes than these.
        """
        parts = np.full(len(rows.label), DROPPED, np.uint8)
        for label in np.flatnonzero(self.counts):
            mine = np.flatnonzero(rows.kept & (rows.label == label))
            ranks = before[label] + np.arange(len(mine))
            place = (ranks - self.shifts[label]) % self.counts[label]
            parts[mine] = _IN_ORDER[np.searchsorted(self.borders[label], place, side="right")]
        return parts


def _sizes(n: int, total: int, settings: SplitSettings) -> tuple[int, int, int, int]:
    """Return where the test part begins, and the sizes of test, validation and training.

    They are those of a class with ``n`` of all ``total`` rows.
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
    """Return the error message for class ``name`` with only ``n`` of ``total`` rows: how many it needs, what to do."""

    def would_do(rows: int) -> bool:
        settled = settings.for_rows(total - n + rows)
        return _fill_every_part(_sizes(rows, total - n + rows, settled)[1:], settled)

    least = next((rows for rows in range(n + 1, n + _LOOKED_FOR) if would_do(rows)), None)
    return (
        f"expected {f'at least {least}' if least else 'enough'} distinct tweets of every class for each part to have "
        f"one, received {n} of {name!r}; add some, leave the class out (corpus.labels, corpus.ignored_labels), or "
        "change split.test, split.validation or split.train_rows"
    )
