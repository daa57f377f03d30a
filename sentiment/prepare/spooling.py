"""Read, check and hash the rows of some files, and write them in runs; this is the first step of loading.

A run is some millions of rows at most, so that a task takes no more memory for a large file. Beside its texts lie
the hashes of its rows, sorted, so that any range of them can be read without the others.
"""

import itertools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sentiment.common.arrow_arrays import from_numpy
from sentiment.common.checksums import sha256_of
from sentiment.common.grouping import grouped
from sentiment.common.parallel import ordered_map
from sentiment.data.corpus import ArrowTexts, CorpusReader, ReadingReport
from sentiment.data.splitting import hash_texts
from sentiment.data.table_files import TableFile
from sentiment.errors import InputError
from sentiment.settings import CorpusSettings

log = logging.getLogger("sentiment.prepare")
ROWS_PER_RUN = 1 << 22
_ROWS_TOLD = 1 << 18  # progress is logged after each further 262,144 rows
# Small files share a task.
_BYTES_PER_TASK = 4 << 20
_FILES_PER_TASK = 256
SCHEMA = pa.schema({"text": pa.string(), "label": pa.uint8()})


class Corpus(NamedTuple):
    """Files of one format, and what a row of them counts; ``name`` is what the user named, ``-`` standard input."""

    name: str
    files: tuple[TableFile, ...]
    settings: CorpusSettings
    weight: float = 1.0


class FileTask(NamedTuple):
    """Files of one corpus that one task reads, one after the other; tasks are numbered in the order of the rows.

    ``corpus`` is which of the corpora, and ``alone`` says that it has no other file.
    """

    number: int
    corpus: int
    files: tuple[TableFile, ...]
    alone: bool


def file_tasks(corpora: Sequence[Corpus]) -> list[FileTask]:
    """Return the tasks of reading: a large file alone, small ones together. They depend on the files only."""
    groups = [
        (number, group)
        for number, corpus in enumerate(corpora)
        for group in grouped(corpus.files, lambda file: file.path.stat().st_size, _BYTES_PER_TASK, _FILES_PER_TASK)
    ]
    return [
        FileTask(i, number, tuple(group), len(corpora[number].files) == 1) for i, (number, group) in enumerate(groups)
    ]


class Run(NamedTuple):
    """Rows on disk: ``name`` of their files in the folder, how many they are, and of which corpus."""

    name: str
    rows: int
    corpus: int


@dataclass(frozen=True, slots=True)
class SpoolingJob:
    """What the tasks have in common.

    Attributes:
        folder: that they write into.
        formats: how each corpus is read.
        classes: of all corpora, which labels are numbered by.
    """

    folder: Path
    formats: tuple[CorpusSettings, ...]
    classes: tuple[str, ...]


@dataclass(slots=True)
class Spooled:
    """What became of the files of one or more tasks.

    Attributes:
        report: of all of them.
        classes: numbers of those that occur.
        runs: in the order of the rows.
        checksums: of the files, in order.
    """

    report: ReadingReport = field(default_factory=ReadingReport)
    classes: set[int] = field(default_factory=set)
    runs: list[Run] = field(default_factory=list)
    checksums: list[str] = field(default_factory=list)

    def add(self, other: "Spooled") -> None:
        """Take in what became of files that come after."""
        self.report.add(other.report)
        self.classes |= other.classes
        self.runs += other.runs
        self.checksums += other.checksums


class _Hashed(NamedTuple):
    """A batch: texts, their hashes uint64 ``(n,)`` and labels uint8 ``(n,)``."""

    texts: pa.Array
    hashes: np.ndarray
    labels: np.ndarray


def spool(job: SpoolingJob, task: FileTask) -> Spooled:
    """Read the files of a task, and write its runs.

    Raises:
        InputError: a file is not what the settings say.
    """
    settings, spooled = job.formats[task.corpus], Spooled()
    numbers = np.array([job.classes.index(name) for name in settings.labels], np.uint8)
    rows = itertools.chain.from_iterable(_batches(file, settings, task, spooled.report) for file in task.files)
    batches = ordered_map(partial(_hashed, numbers), rows)
    for i in itertools.count():
        name = f"{task.number:06d}-{i:04d}"
        if not (count := _write_run(job.folder, name, batches)):
            break
        spooled.runs.append(Run(name, count, task.corpus))
    spooled.classes = set(numbers[sorted(spooled.report.classes_seen)].tolist())
    spooled.checksums = [sha256_of(file.path) for file in task.files]
    return spooled


def gather(corpora: Sequence[Corpus], tasks: Sequence[FileTask], results: Sequence[Spooled]) -> list[Spooled]:
    """Return the result for each corpus, from the results of its tasks.

    Raises:
        InputError: it has more bad rows, or fewer good ones, than it may have.
    """
    found = [Spooled() for _ in corpora]
    for task, result in zip(tasks, results, strict=True):
        found[task.corpus].add(result)
    for corpus, each in zip(corpora, found, strict=True):
        limit = corpus.settings.max_bad_rows
        if each.report.bad > limit:
            raise InputError(
                f"{each.report.first_bad} ({each.report.bad} bad rows, this is the first); mend the files, or allow "
                f"more with corpus.max_bad_rows (now {limit})"
            )
        if not each.runs:
            raise InputError(f"{corpus.name}: expected labelled rows, received none: are they the right files?")
    return found


def _batches(file: TableFile, settings: CorpusSettings, task: FileTask, report: ReadingReport) -> Iterator[ArrowTexts]:
    before, told = report.rows, 0
    reader = CorpusReader(file.path, settings, file.shown, one_of_many=not task.alone)
    for batch in reader.in_arrow():
        yield batch
        if reader.report.rows >= told + _ROWS_TOLD:
            told = reader.report.rows
            log.info("%d rows read", before + told)
    if reader.report.rows != told:
        log.info("%d rows read", before + reader.report.rows)
    report.add(reader.report)


def _hashed(numbers: np.ndarray, batch: ArrowTexts) -> _Hashed:
    return _Hashed(batch.texts, hash_texts(batch.texts), numbers[batch.labels])


def _write_run(folder: Path, name: str, batches: Iterator[_Hashed]) -> int:
    """Write the next ``ROWS_PER_RUN`` or so rows to a file. Return their number, which is 0 where none were left."""
    hashes, labels, rows = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint8)], 0
    with pa.OSFile(str(folder / f"{name}.arrow"), "wb") as sink, pa.ipc.new_file(sink, SCHEMA) as writer:
        for batch in batches:
            writer.write_batch(pa.record_batch([batch.texts, from_numpy(batch.labels)], schema=SCHEMA))
            hashes.append(batch.hashes)
            labels.append(batch.labels)
            rows += len(batch.labels)
            if rows >= ROWS_PER_RUN:
                break
    write_sorted(folder, name, np.concatenate(hashes), np.concatenate(labels))
    return rows


def write_sorted(folder: Path, name: str, hashes: np.ndarray, labels: np.ndarray) -> None:
    """Write the hashes and labels of a run, ``(n,)`` each, in the order of the hashes, and the places of its rows."""
    order = np.argsort(hashes, kind="stable")
    np.save(folder / f"{name}.hashes.npy", hashes[order])
    np.save(folder / f"{name}.labels.npy", labels[order])
    np.save(folder / f"{name}.rows.npy", order.astype(np.uint32))
