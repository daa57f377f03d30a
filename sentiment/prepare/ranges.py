"""Remove duplicates from a corpus on disk and split it. Each task takes the rows in one range of hashes.

Copies of a tweet have the same hash, so each task finds all duplicates in its range. Rows are assigned to parts by
rank, which is the number of rows in the same class with a lower hash. Lower ranges therefore need only be counted. A
worker process has at most one range in memory, and the main process has no rows.
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
    """The hashes from ``start`` to ``stop - 1``."""

    number: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Runs:
    """All runs (blocks of rows on disk) of a corpus, in the order of its rows. Their files are in ``folder``."""

    folder: Path
    runs: tuple[Run, ...]
    n_classes: int


@dataclass(frozen=True, slots=True)
class Counted:
    """The counts of one range of hashes.

    Attributes:
        sizes: number of rows from each run, int64 ``(n_runs,)``.
        kept: number of distinct rows in each class, int64 ``(n_classes,)``.
        duplicates, contradictions: numbers of rows left out as copies, and because copies have different labels.
    """

    sizes: np.ndarray
    kept: np.ndarray
    duplicates: int
    contradictions: int


class Dealing(NamedTuple):
    """A range to split. ``before`` is the number of rows of each class in lower ranges, int64 ``(n_classes,)``."""

    range: HashRange
    deal: Deal
    before: np.ndarray


class _Rows(NamedTuple):
    """Rows of a range, sorted by hash. ``order`` has their positions in the concatenated runs."""

    hashes: np.ndarray
    distinct: Distinct
    order: np.ndarray
    sizes: np.ndarray


def hash_ranges(rows: int) -> list[HashRange]:
    """Divide the 64-bit hashes into equal ranges, each with about ``ROWS_PER_RANGE`` of all ``rows`` rows."""
    count = max(1, round(rows / ROWS_PER_RANGE))
    borders = [i * _HASHES // count for i in range(count + 1)]
    return [HashRange(i, borders[i], borders[i + 1]) for i in range(count)]


def count_range(runs: Runs, which: HashRange) -> Counted:
    """Count the distinct rows, the duplicates, and the copies with different labels in a range of hashes."""
    rows = _read(runs, which)
    kept = rows.distinct.label[rows.distinct.kept]
    counts = np.bincount(kept, minlength=runs.n_classes)
    return Counted(rows.sizes, counts, rows.distinct.duplicates, rows.distinct.contradictions)


def deal_range(runs: Runs, dealing: Dealing) -> np.ndarray:
    """Write to files the part of each row in a range, and the hashes of its training and validation rows.

    Returns:
        The number of rows in each part and class, int64 ``(len(PARTS), n_classes)``.
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
    """Yield one array per run, uint8 ``(rows,)``, with the part of each row.

    ``sizes`` is the number of rows in each range and run, from :func:`count_range`, int64 ``(n_ranges, n_runs)``.
    """
    starts = np.cumsum(sizes, axis=1) - sizes
    noted = [np.load(_parts_file(runs, each), mmap_mode="r") for each in ranges]
    for i, run in enumerate(runs.runs):
        pieces = [parts[starts[r, i] : starts[r, i] + sizes[r, i]] for r, parts in enumerate(noted)]
        parts = np.empty(run.rows, np.uint8)
        parts[np.load(runs.folder / f"{run.name}.rows.npy")] = np.concatenate(pieces)
        yield parts


def write_seen(runs: Runs, ranges: Sequence[HashRange], target: Path) -> None:
    """Join the hashes of the training and validation rows in all ranges into one sorted file, uint64 ``(m,)``."""
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
