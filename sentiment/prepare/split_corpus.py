"""Remove duplicates from a corpus on disk, split it, and write the rows of training, validation and test to one file.

Each task takes the rows in one range of hashes. Copies of a tweet have the same hash, so a task finds all duplicates in
its range. A row's part (training, validation or test) depends on the number of rows in its class with a lower hash. A
task therefore needs only the row counts of lower ranges. A worker process has at most one range in memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sentiment.common.arrow_arrays import as_numpy, from_numpy
from sentiment.data.splitting import DROPPED, PARTS, TRAIN, VALIDATION, Deal, Distinct, find_distinct
from sentiment.prepare.spooling import Run, batches_of

ROWS_PER_RANGE = 1 << 20
_HASHES = 1 << 64
# Row groups do not depend on where files and runs end, so equal rows give an equal file.
ROWS_PER_GROUP = 65_536


class HashRange(NamedTuple):
    """A range of hashes for one task, from ``start`` to ``stop - 1``; ``number`` is its index among all ranges."""

    number: int
    start: int
    stop: int

    def file(self, runs: "Runs", kind: str) -> Path:
        """Return the path of a file: the ``parts`` of the rows, or the hashes of training and validation, ``seen``."""
        return runs.folder / f"range-{self.number:06d}.{kind}.npy"


@dataclass(frozen=True, slots=True)
class Runs:
    """All runs (blocks of rows on disk) of a corpus, in the order of its rows. Their files are in ``folder``."""

    folder: Path
    runs: tuple[Run, ...]
    n_classes: int


class Counted(NamedTuple):
    """Counts of the rows with hashes in one range.

    Attributes:
        sizes: the number of rows from each run (block of rows on disk), int64 ``(n_runs,)``.
        kept: the number of distinct rows in each class, int64 ``(n_classes,)``.
        duplicates: the number of rows that repeat an earlier row.
        contradictions: the number of rows left out because their copies differ in label.
    """

    sizes: np.ndarray
    kept: np.ndarray
    duplicates: int
    contradictions: int


def hash_ranges(rows: int) -> list[HashRange]:
    """Divide the 64-bit hashes into equal ranges, each with about ``ROWS_PER_RANGE`` of all ``rows`` rows."""
    count = max(1, round(rows / ROWS_PER_RANGE))
    borders = [i * _HASHES // count for i in range(count + 1)]
    return [HashRange(i, borders[i], borders[i + 1]) for i in range(count)]


def count_range(runs: Runs, which: HashRange) -> Counted:
    """Count the distinct rows, duplicates and contradictions (copies that differ in label) in a range of hashes."""
    _, distinct, _, sizes = _read(runs, which)
    counts = np.bincount(distinct.label[distinct.kept], minlength=runs.n_classes)
    return Counted(sizes, counts, distinct.duplicates, distinct.contradictions)


def deal_range(runs: Runs, deal: Deal, task: tuple[HashRange, np.ndarray]) -> np.ndarray:
    """Assign the rows in one range of hashes to training, validation or test, and write the result to files.

    ``deal`` decides by the number of rows in the same class with a lower hash. ``task`` therefore has the range, and
    the number of rows per class in lower ranges, int64 ``(n_classes,)``.

    Returns:
        The number of rows in each part and class, int64 ``(len(PARTS), n_classes)``.
    """
    which, before = task
    hashes, distinct, order, _ = _read(runs, which)
    parts = deal.parts(distinct, before)
    in_runs = np.empty_like(parts)
    in_runs[order] = parts
    np.save(which.file(runs, "parts"), in_runs)
    np.save(which.file(runs, "seen"), hashes[(parts == TRAIN) | (parts == VALIDATION)])
    return np.stack([np.bincount(distinct.label[parts == i], minlength=runs.n_classes) for i in range(len(PARTS))])


def parts_of_runs(runs: Runs, ranges: Sequence[HashRange], sizes: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the part of each row (training, validation, test or dropped), one uint8 array ``(rows,)`` per run.

    ``sizes``, from :func:`count_range`, is the number of rows in each range of hashes and each run (block of rows on
    disk), int64 ``(n_ranges, n_runs)``.
    """
    starts = np.cumsum(sizes, axis=1) - sizes
    noted = [np.load(each.file(runs, "parts"), mmap_mode="r") for each in ranges]
    for i, run in enumerate(runs.runs):
        pieces = [parts[starts[r, i] : starts[r, i] + sizes[r, i]] for r, parts in enumerate(noted)]
        parts = np.empty(run.rows, np.uint8)
        parts[np.load(runs.folder / f"{run.name}.rows.npy")] = np.concatenate(pieces)
        yield parts


def write_seen(runs: Runs, ranges: Sequence[HashRange], target: Path) -> None:
    """Write the hashes of all training and validation rows, sorted, so that no model is tested on these rows."""
    pieces = [np.load(each.file(runs, "seen"), mmap_mode="r") for each in ranges]
    whole = np.lib.format.open_memmap(target, "w+", np.uint64, (sum(map(len, pieces)),))
    np.concatenate(pieces, out=whole)
    whole.flush()


def _read(runs: Runs, which: HashRange) -> tuple[np.ndarray, Distinct, np.ndarray, np.ndarray]:
    """Return the sorted hashes in a range, the distinct rows, each row's index before sorting, and the rows per run."""
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
    return together[order], distinct, order, sizes


def write_tweets(
    runs: Runs, parts: Iterable[np.ndarray], classes: Sequence[int], n_corpora: int, target: Path
) -> np.ndarray:
    """Write the text, label and part (training, validation or test) of each row, in the order of the corpus.

    Dropped rows are left out. If there are several corpora, the index of each row's corpus is written too.

    Args:
        runs: the blocks of rows on disk, from all corpora.
        parts: the part of each row, one uint8 array ``(rows,)`` per run.
        classes: the sorted indices of the classes that occur. Labels in the file are positions in this list.

    Returns:
        The number of rows in each corpus and part, int64 ``(n_corpora, len(PARTS))``.
    """
    names = ["text", "label", "part", *(["corpus"] if n_corpora > 1 else [])]
    schema = pa.schema([(name, pa.string() if name == "text" else pa.uint8()) for name in names])
    counts = np.zeros((n_corpora, len(PARTS)), np.int64)

    def kept() -> Iterator[pa.RecordBatch]:
        for run, part in zip(runs.runs, parts, strict=True):
            counts[run.corpus] += np.bincount(part, minlength=DROPPED + 1)[: len(PARTS)]
            yield from _kept(runs.folder, run, part, classes, schema)

    # Texts hardly repeat, and compressing them takes longer than writing and reading them again.
    with pq.ParquetWriter(target, schema, compression="none", use_dictionary=names[1:]) as writer:
        for table in _groups(kept(), schema):
            writer.write_table(table, ROWS_PER_GROUP)
    return counts


def _kept(
    folder: Path, run: Run, part: np.ndarray, classes: Sequence[int], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a run (block on disk) whose ``part`` is not ``DROPPED``, with the columns of ``schema``."""
    start = 0
    for batch in batches_of(folder, run):
        mine = part[start : start + batch.num_rows]
        start += batch.num_rows
        labels = np.searchsorted(classes, as_numpy(batch.column("label")))
        numbers = [labels, mine, np.full(batch.num_rows, run.corpus)][: len(schema) - 1]
        columns = [batch.column("text"), *(from_numpy(each.astype(np.uint8)) for each in numbers)]
        yield pa.record_batch(columns, schema=schema).filter(from_numpy(mine != DROPPED))


def _groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield the rows of ``batches``, ``ROWS_PER_GROUP`` at a time."""
    waiting = pa.Table.from_batches([], schema)
    for batch in batches:
        waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch])])
        while waiting.num_rows >= ROWS_PER_GROUP:
            yield waiting[:ROWS_PER_GROUP].combine_chunks()
            waiting = waiting[ROWS_PER_GROUP:]
    if waiting.num_rows:
        yield waiting.combine_chunks()
