"""Read the labelled files of a corpus, check and hash their rows, and write them to disk in blocks, called runs.

A run has about four million rows at most, which limits the memory of a task. The sorted hashes of a run are in a file
of their own, because the tasks that split the corpus later each read only one range of hashes.
"""

import itertools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sentiment.common.arrow_arrays import from_numpy
from sentiment.common.engines import grouped
from sentiment.common.file_checks import sha256_of
from sentiment.common.parallel import keep_freed_memory, ordered_map
from sentiment.data.corpus import CorpusReader, LabelledTexts, ReadingReport
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
    """The files of one corpus. ``name`` is the path that the user gave. ``weight`` is each row's weight in training."""

    name: str
    files: tuple[TableFile, ...]
    settings: CorpusSettings
    weight: float = 1.0


class FileTask(NamedTuple):
    """A task for one process, with the index ``number``: read ``files`` of the corpus with the index ``corpus``."""

    number: int
    corpus: int
    files: tuple[TableFile, ...]
    settings: CorpusSettings


def file_tasks(corpora: Sequence[Corpus]) -> list[FileTask]:
    """Divide reading into tasks: one per large file or group of small files. Processes then share the tasks."""
    groups = [
        (number, group)
        for number, corpus in enumerate(corpora)
        for group in grouped(corpus.files, lambda file: file.path.stat().st_size, _BYTES_PER_TASK, _FILES_PER_TASK)
    ]
    return [FileTask(i, number, tuple(group), corpora[number].settings) for i, (number, group) in enumerate(groups)]


class Run(NamedTuple):
    """A block of rows on disk: the ``name`` of its files, its number of ``rows``, and the index of its ``corpus``."""

    name: str
    rows: int
    corpus: int


@dataclass(slots=True)
class Spooled:
    """The results of reading tasks: counts of rows, the runs in the order of the rows, the SHA-256 of each file."""

    report: ReadingReport = field(default_factory=ReadingReport)
    runs: list[Run] = field(default_factory=list)
    checksums: list[str] = field(default_factory=list)

    def add(self, other: "Spooled") -> None:
        """Append the results ``other`` of later files to these results."""
        self.report.add(other.report)
        self.runs += other.runs
        self.checksums += other.checksums


def spool(folder: Path, classes: Sequence[str], task: FileTask) -> Spooled:
    """Read the files of a task, and write their rows to ``folder`` in runs. Labels become indices into ``classes``.

    A file that does not match the settings raises an `InputError`.
    """
    keep_freed_memory()
    spooled = Spooled()
    numbers = np.array([classes.index(name) for name in task.settings.labels], np.uint8)

    def hashed(batch: LabelledTexts) -> tuple[pa.Array, np.ndarray, np.ndarray]:
        return batch.texts, hash_texts(batch.texts), numbers[batch.labels]

    batches = ordered_map(hashed, (batch for file in task.files for batch in _batches(file, task, spooled.report)))
    for i in itertools.count():
        name = f"{task.number:06d}-{i:04d}"
        if not (count := _write_run(folder, name, batches)):
            break
        spooled.runs.append(Run(name, count, task.corpus))
    spooled.report.classes_seen = set(numbers[sorted(spooled.report.classes_seen)].tolist())
    spooled.checksums = [sha256_of(file.path) for file in task.files]
    return spooled


def gather(corpora: Sequence[Corpus], tasks: Sequence[FileTask], results: Sequence[Spooled]) -> list[Spooled]:
    """Combine the results of all tasks into one per corpus; refuse a corpus of too many bad or no labelled rows."""
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
            asked = "is it the right file" if len(corpus.files) == 1 else "are they the right files"
            raise InputError(f"{corpus.name}: expected labelled rows, received none: {asked}?")
    return found


def _batches(file: TableFile, task: FileTask, report: ReadingReport) -> Iterator[LabelledTexts]:
    told = report.rows
    for batch in CorpusReader(file.path, task.settings, file.shown, report):
        yield batch
        if report.rows >= told + _ROWS_TOLD:
            told = report.rows
            log.info("%d rows read", told)
    if report.rows != told:
        log.info("%d rows read", report.rows)


def _write_run(folder: Path, name: str, batches: Iterator[tuple[pa.Array, np.ndarray, np.ndarray]]) -> int:
    """Write about ``ROWS_PER_RUN`` rows of ``batches`` (texts, hashes, labels) as one block; return their number."""
    hashes, labels, rows = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint8)], 0
    with pa.OSFile(str(folder / f"{name}.arrow"), "wb") as sink, pa.ipc.new_file(sink, SCHEMA) as writer:
        for texts, some_hashes, some_labels in batches:
            writer.write_batch(pa.record_batch([texts, from_numpy(some_labels)], schema=SCHEMA))
            hashes.append(some_hashes)
            labels.append(some_labels)
            rows += len(texts)
            if rows >= ROWS_PER_RUN:
                break
    write_sorted(folder, name, np.concatenate(hashes), np.concatenate(labels))
    return rows


def batches_of(folder: Path, run: Run) -> Iterator[pa.RecordBatch]:
    """Yield the texts and labels of a run (block of rows) in their order. The columns are those of ``SCHEMA``."""
    with pa.memory_map(str(folder / f"{run.name}.arrow")) as source, pa.ipc.open_file(source) as reader:
        for i in range(reader.num_record_batches):
            yield reader.get_batch(i)


def write_sorted(folder: Path, name: str, hashes: np.ndarray, labels: np.ndarray) -> None:
    """Write three files about a block of rows: its sorted hashes, the labels in this order, each row's old index."""
    order = np.argsort(hashes, kind="stable")
    np.save(folder / f"{name}.hashes.npy", hashes[order])
    np.save(folder / f"{name}.labels.npy", labels[order])
    np.save(folder / f"{name}.rows.npy", order.astype(np.uint32))
