"""The first step of loading, a task some files: rows are read, checked and hashed, and put down in runs.

A run is some millions of rows at most, so that a task takes no more memory for a large file. Beside its texts lie
the hashes of its rows, sorted, so that any range of them can be read without the others.
"""

import itertools
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sentiment.common.checksums import sha256_of
from sentiment.common.parallel import ordered_map
from sentiment.data.corpus import CorpusReader, LabelledTexts, ReadingReport
from sentiment.data.opening import open_corpus
from sentiment.data.splitting import hash_texts
from sentiment.errors import InputError
from sentiment.prepare.corpus import CorpusFile, FileTask
from sentiment.settings import CorpusSettings

log = logging.getLogger("sentiment.prepare")
ROWS_PER_RUN = 1 << 22
SCHEMA = pa.schema({"text": pa.string(), "label": pa.uint8()})


class Run(NamedTuple):
    """Rows on disk: ``name`` of their files in the folder, and how many they are."""

    name: str
    rows: int


@dataclass(frozen=True, slots=True)
class Job:
    """What the tasks have in common: the ``folder`` they write into, and how the corpus is to be read."""

    folder: Path
    settings: CorpusSettings
    files: int


@dataclass(slots=True)
class Spooled:
    """What became of the files of one or more tasks: a report, runs, and a checksum a file, all in order."""

    report: ReadingReport = field(default_factory=ReadingReport)
    runs: list[Run] = field(default_factory=list)
    checksums: list[str] = field(default_factory=list)


class _Hashed(NamedTuple):
    """A batch: texts, their hashes uint64 ``(n,)`` and labels uint8 ``(n,)``."""

    texts: pa.Array
    hashes: np.ndarray
    labels: np.ndarray


def spool(job: Job, task: FileTask) -> Spooled:
    """Read the files of a task, and write its runs.

    Raises:
        InputError: a file is not what the settings say.
    """
    spooled = Spooled()
    batches = ordered_map(_hashed, itertools.chain.from_iterable(_batches(job, file, spooled) for file in task.files))
    for number in itertools.count():
        run = _write_run(job.folder, f"{task.number:06d}-{number:04d}", batches, spooled.report)
        if not run.rows:
            break
        spooled.runs.append(run)
    spooled.checksums = [sha256_of(file.path) for file in task.files]
    return spooled


def gather(job: Job, parts: Iterable[Spooled]) -> Spooled:
    """What all tasks came to.

    Raises:
        InputError: there are more bad rows, or fewer good ones, than there may be.
    """
    whole = Spooled()
    for part in parts:
        whole.report.add(part.report)
        whole.runs += part.runs
        whole.checksums += part.checksums
    limit = job.settings.max_bad_rows
    if whole.report.bad > limit:
        raise InputError(
            f"{whole.report.first_bad} ({whole.report.bad} bad rows in all files, this is the first); mend the files, "
            f"or allow more with corpus.max_bad_rows (now {limit})"
        )
    if not whole.runs:
        raise InputError(f"{job.folder}: expected labelled rows, received none: are they the right files?")
    return whole


def _batches(job: Job, file: CorpusFile, spooled: Spooled) -> Iterator[LabelledTexts]:
    with open_corpus(file.path, job.settings) as opened:
        reader = CorpusReader(opened, job.settings, file.shown, one_of_many=job.files > 1)
        yield from reader
    spooled.report.add(reader.report)


def _hashed(batch: LabelledTexts) -> _Hashed:
    texts = pa.array(batch.texts, pa.string())
    return _Hashed(texts, hash_texts(texts), batch.labels.astype(np.uint8))


def _write_run(folder: Path, name: str, batches: Iterator[_Hashed], report: ReadingReport) -> Run:
    """Put down the next ``ROWS_PER_RUN`` rows or so; none are left if the run has no rows."""
    hashes, labels, rows = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint8)], 0
    with pa.OSFile(str(folder / f"{name}.arrow"), "wb") as sink, pa.ipc.new_file(sink, SCHEMA) as writer:
        for batch in batches:
            writer.write_batch(pa.record_batch([batch.texts, pa.array(batch.labels)], schema=SCHEMA))
            hashes.append(batch.hashes)
            labels.append(batch.labels)
            rows += len(batch.labels)
            log.info("%d rows read", report.rows)
            if rows >= ROWS_PER_RUN:
                break
    _write_sorted(folder, name, np.concatenate(hashes), np.concatenate(labels))
    return Run(name, rows)


def _write_sorted(folder: Path, name: str, hashes: np.ndarray, labels: np.ndarray) -> None:
    order = np.argsort(hashes, kind="stable")
    np.save(folder / f"{name}.hashes.npy", hashes[order])
    np.save(folder / f"{name}.labels.npy", labels[order])
    np.save(folder / f"{name}.rows.npy", order.astype(np.uint32))
