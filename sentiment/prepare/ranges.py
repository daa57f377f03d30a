"""Remove duplicates and split a corpus that is in files; each task takes the rows in one range of hashes.

Rows of one tweet have one hash, so they meet in one range, and duplicates are found there. A class's rows are dealt out
by rank: by how many of its rows have a lower hash in the same range, and in all ranges before, which need only be
counted. No worker process has more than one range in memory, and the main process has no rows at all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sentiment.data.splitting import PARTS, TRAIN, VALIDATION, Deal, Distinct, find_distinct
from sentiment.prepare.spooling import Run

ROWS_PER_RANGE = 1 << 20
_HASHES = 1 << 64


class HashRange(NamedTuple):
    """Hashes from ``start`` up to, not including, ``stop``."""

    number: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Runs:
    """All runs of the corpus, in its order, in ``folder``, with labels below ``n_classes``."""

    folder: Path
    runs: tuple[Run, ...]
    n_classes: int


@dataclass(frozen=True, slots=True)
class Counted:
    """The counts of one range of hashes.

    Attributes:
        sizes: rows of each run, int64 ``(n_runs,)``.
        kept: distinct rows of each class, int64 ``(n_classes,)``.
        duplicates, contradictions: rows left out.
    """

    sizes: np.ndarray
    kept: np.ndarray
    duplicates: int
    contradictions: int


class Dealing(NamedTuple):
    """A range whose rows get their parts; ``before``: rows of each class in lower ranges, int64 ``(n_classes,)``."""

    range: HashRange
    deal: Deal
    before: np.ndarray


class _Rows(NamedTuple):
    """Rows of a range, sorted by hash; ``order``: their places in the concatenated runs; ``sizes``: as in Counted."""

    hashes: np.ndarray
    distinct: Distinct
    order: np.ndarray
    sizes: np.ndarray


def hash_ranges(rows: int) -> list[HashRange]:
    """Return equal ranges of hashes, each of about ``ROWS_PER_RANGE`` of all ``rows``."""
    count = max(1, round(rows / ROWS_PER_RANGE))
    borders = [i * _HASHES // count for i in range(count + 1)]
    return [HashRange(i, borders[i], borders[i + 1]) for i in range(count)]


def count_range(runs: Runs, which: HashRange) -> Counted:
    """Count the rows, duplicates and contradictions of a range."""
    rows = _read(runs, which)
    kept = rows.distinct.label[rows.distinct.kept]
    counts = np.bincount(kept, minlength=runs.n_classes)
    return Counted(rows.sizes, counts, rows.distinct.duplicates, rows.distinct.contradictions)


def deal_range(runs: Runs, dealing: Dealing) -> np.ndarray:
    """Write the part of each row of a range to a file, and the hashes of the training and validation rows to another.

    Returns:
        Rows of each part and class, int64 ``(len(PARTS), n_classes)``.
    """
    rows = _read(runs, dealing.range)
    parts = dealing.deal.parts(rows.distinct, dealing.before)
    in_runs = np.empty_like(parts)
    in_runs[rows.order] = parts
    np.save(_parts_file(runs, dealing.range), in_runs)
    np.save(_seen_file(runs, dealing.range), rows.hashes[(parts == TRAIN) | (parts == VALIDATION)])
    label = rows.distinct.label
    counts = [np.bincount(label[parts == part], minlength=runs.n_classes) for part in range(len(PARTS))]
    return np.stack(counts)


def parts_of_runs(runs: Runs, ranges: Sequence[HashRange], sizes: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the part of each row, uint8 ``(rows,)``, one run after the other.

    ``sizes`` ``(n_ranges, n_runs)`` are the numbers of rows that :func:`count_range` found.
    """
    starts = np.cumsum(sizes, axis=1) - sizes
    noted = [np.load(_parts_file(runs, each), mmap_mode="r") for each in ranges]
    for i, run in enumerate(runs.runs):
        pieces = [parts[starts[r, i] : starts[r, i] + sizes[r, i]] for r, parts in enumerate(noted)]
        parts = np.empty(run.rows, np.uint8)
        parts[np.load(runs.folder / f"{run.name}.rows.npy")] = np.concatenate(pieces)
        yield parts


def write_seen(runs: Runs, ranges: Sequence[HashRange], target: Path) -> None:
    """Write the sorted hashes of training and validation, uint64 ``(m,)``, as one file."""
    pieces = [np.load(_seen_file(runs, each), mmap_mode="r") for each in ranges]
    whole = np.lib.format.open_memmap(target, "w+", np.uint64, (sum(map(len, pieces)),))
    start = 0
    for piece in pieces:
        whole[start : start + len(piece)] = piece
        start += len(piece)
    whole.flush()


def _read(runs: Runs, which: HashRange) -> _Rows:
    hashes, labels = [], []
    for run in runs.runs:
        sorted_hashes = np.load(runs.folder / f"{run.name}.hashes.npy", mmap_mode="r")
        start = np.searchsorted(sorted_hashes, np.uint64(which.start))
        stop = np.searchsorted(sorted_hashes, np.uint64(which.stop)) if which.stop < _HASHES else run.rows
        hashes.append(sorted_hashes[start:stop])
        labels.append(np.load(runs.folder / f"{run.name}.labels.npy", mmap_mode="r")[start:stop])
    together, sizes = np.concatenate(hashes), np.array([len(each) for each in hashes], np.int64)
    order = np.argsort(together, kind="stable")  # ties stay in the order of the corpus
    distinct = find_distinct(together[order], np.concatenate(labels)[order])
    return _Rows(together[order], distinct, order, sizes)


def _parts_file(runs: Runs, which: HashRange) -> Path:
    return runs.folder / f"range-{which.number:06d}.parts.npy"


def _seen_file(runs: Runs, which: HashRange) -> Path:
    return runs.folder / f"range-{which.number:06d}.seen.npy"
