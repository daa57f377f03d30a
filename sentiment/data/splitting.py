"""Deduplicating and splitting a corpus by a stable hash of each text, before anything is fitted."""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentiment.errors import InputError
from sentiment.settings import SplitSettings

TRAIN, VALIDATION, TEST, DROPPED = range(4)
PARTS = ("train", "validation", "test")

# Tweets that differ in these only are one tweet sent twice: whom it is to, which link it carries, a retweet's
# prefix, punctuation and white space. RE2 syntax; applied to lower-cased text.
_NOT_WORDS = r"(?:(?:https?:/|www\.)[^ ]*|@[a-z0-9_]+|\brt\b|[\x00-\x2f:-@\[-`{-\x7f])+"


def duplicate_keys(texts: pa.Array) -> pa.Array:
    """What the copies of a tweet have in common: its words in lower case, without mentions and links.

    ``texts`` and the result are string arrays ``(n,)``. A text without any word is its own key, so that bare
    punctuation is not all one tweet.
    """
    lowered = pc.ascii_lower(texts)
    keys = pc.utf8_trim(pc.replace_substring_regex(lowered, _NOT_WORDS, " "), " ")
    return pc.if_else(pc.equal(keys, ""), lowered, keys)


def hash_texts(texts: pa.Array) -> np.ndarray:
    """A 64-bit hash of each text's duplicate key, uint64 ``(n,)``: BLAKE2b, the same on every machine."""
    keys = duplicate_keys(texts).cast(pa.binary()).to_pylist()
    return np.frombuffer(b"".join(blake2b(key, digest_size=8).digest() for key in keys), "<u8")


@dataclass(frozen=True, slots=True)
class Split:
    """Which part each row belongs to.

    Attributes:
        part: uint8 ``(n,)``: ``TRAIN``, ``VALIDATION``, ``TEST`` or ``DROPPED``.
        duplicates: rows dropped because an earlier one has the same key and label.
        contradictions: rows dropped because rows of the same key have different labels.
        settings: the shares, as settled for the number of rows that are left.
    """

    part: np.ndarray
    duplicates: int
    contradictions: int
    settings: SplitSettings


def split(hashes: np.ndarray, labels: np.ndarray, settings: SplitSettings) -> Split:
    """Drop duplicates and deal the other rows out, each class in the same shares.

    Within a class rows are ranked by their hash: the lowest become the test part, the next the validation part,
    and training takes as many of the others as it is given. The side a row falls on does not depend on its place
    in the file, nor (but at the borders) on other rows.

    Args:
        hashes: uint64 ``(n,)``.
        labels: integer ``(n,)``.
        settings: the shares; those that follow the rows are settled for the distinct rows.

    Raises:
        InputError: fewer than two classes are left, or too few rows of a class for every part to have one.
    """
    order = np.lexsort((np.arange(len(hashes)), hashes))
    first = np.ones(len(order), bool)
    first[1:] = hashes[order[1:]] != hashes[order[:-1]]
    group = np.cumsum(first) - 1
    highest, lowest = _extremes(labels[order], first)
    contradicted = (highest != lowest)[group]
    part = np.full(len(labels), DROPPED, np.uint8)
    kept = order[first & ~contradicted]
    settings = settings.for_rows(len(kept))
    for label in _classes(labels[kept]):
        rows = kept[labels[kept] == label]
        part[rows] = _deal(len(rows), len(kept), settings)
    return Split(part, int((~first & ~contradicted).sum()), int(contradicted.sum()), settings)


def _extremes(labels: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    starts = np.flatnonzero(first)
    return np.maximum.reduceat(labels, starts), np.minimum.reduceat(labels, starts)


def _classes(labels: np.ndarray) -> np.ndarray:
    classes = np.unique(labels)
    if len(classes) < 2:
        raise InputError(
            f"expected at least two classes among the distinct tweets, received {len(classes)}; "
            "check corpus.label_column, corpus.labels and corpus.ignored_labels"
        )
    return classes


def _deal(n: int, total: int, settings: SplitSettings) -> np.ndarray:
    """Parts of the ``n`` rows of one class among ``total``, in the order of their hashes, uint8 ``(n,)``."""
    start = round(n * settings.test * settings.fold)
    test = round(n * settings.test * (settings.fold + 1)) - start
    validation = max(1, round(n * settings.validation))
    train = n - test - validation
    if settings.train_rows:
        train = min(train, round(settings.train_rows * n / total))
    if train < 1 or (settings.test and not test):
        raise InputError(f"expected enough tweets of every class for each part, received {n} of one class")
    unused = n - test - validation - train
    parts = np.repeat(np.array([TEST, VALIDATION, TRAIN, DROPPED], np.uint8), [test, validation, train, unused])
    return np.roll(parts, start)
