"""Replace token codes by ids and write each row to its place. This is the last step of preprocessing.

Each task encodes the rows of one tokenising task. The arrays of ids are allocated before the first task begins. The
position of a row depends only on the number of earlier rows in its part. The files are therefore identical for any
number of processes and any order of tasks.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sentiment.common.arrow_arrays import as_numpy, read_table
from sentiment.common.parallel import ordered_map
from sentiment.common.ragged import Ragged
from sentiment.data.splitting import PARTS
from sentiment.prepare.counting import ROWS_PER_BATCH, RowTask, read_rows
from sentiment.text.lexicon import UNKNOWN
from sentiment.text.preprocessor import Preprocessor


@dataclass(frozen=True, slots=True)
class EncodingJob:
    """Inputs that all tasks of encoding share.

    Attributes:
        tweets: the file of tweets.
        folder: the folder that the counting tasks wrote into.
        target: the folder of the arrays and of the saved preprocessor.
        treatment: checksum of the saved preprocessor, used as the key of the cache in each process.
    """

    tweets: Path
    folder: Path
    target: Path
    treatment: str


class EncodeTask(NamedTuple):
    """Rows to encode. ``before`` is the number of earlier rows in each part, int64 ``(len(PARTS),)``."""

    rows: RowTask
    before: np.ndarray


class Tally(NamedTuple):
    """Numbers of rows, tokens and unknown tokens, and of rows that reach the greatest length (``cut``)."""

    rows: int
    tokens: int
    unknown: int
    cut: int


def encode_rows(job: EncodingJob, task: EncodeTask) -> Tally:
    """Write the ids and labels of a task's rows into the arrays in ``job.target``, and count them."""
    preprocessor = _preprocessor(job.target, job.treatment)
    labels, parts = _labels_and_parts(job, task.rows)
    arrays = [_open_part(job.target, name) for name in PARTS]
    filled, tokens, unknown, cut, start = task.before.tolist(), 0, 0, 0, 0
    for block, ids in _blocks(job.folder, task.rows, preprocessor):
        stop = start + len(block.lengths)
        for i, (ids_of_part, labels_of_part) in enumerate(arrays):
            mine = parts[start:stop] == i
            place = slice(filled[i], filled[i] + int(mine.sum()))
            ids_of_part[place], labels_of_part[place] = ids[mine], labels[start:stop][mine]
            filled[i] = place.stop
        tokens, unknown = tokens + len(block.values), unknown + int((block.values == UNKNOWN).sum())
        cut += int((block.lengths == preprocessor.max_tokens).sum())
        start = stop
    return Tally(start, tokens, unknown, cut)


@functools.lru_cache(1)
def _preprocessor(folder: Path, treatment: str) -> Preprocessor:
    return Preprocessor.load(folder)


def _labels_and_parts(job: EncodingJob, task: RowTask) -> tuple[np.ndarray, np.ndarray]:
    batches = list(read_rows(job.tweets, task, ["label", "part"]))
    labels, parts = ([as_numpy(batch.column(i)) for batch in batches] for i in range(2))
    return np.concatenate(labels), np.concatenate(parts)


def _open_part(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    ids, labels = (np.load(folder / f"{name}.{kind}.npy", mmap_mode="r+") for kind in ("ids", "labels"))
    return ids, labels


def _blocks(folder: Path, task: RowTask, preprocessor: Preprocessor) -> Iterator[tuple[Ragged, np.ndarray]]:
    """Yield the ids of ``ROWS_PER_BATCH`` rows at a time, as ragged rows and as padded rows."""
    types = read_table(folder / f"{task.name}.types.arrow")["token"].to_pylist()
    ids_of_codes = preprocessor.lexicon.lookup(types)
    codes, lengths = (
        np.fromfile(folder / f"{task.name}.codes.bin", np.int32),
        np.load(folder / f"{task.name}.lengths.npy"),
    )
    ends = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))

    def block_from(start: int) -> tuple[Ragged, np.ndarray]:
        bounds = ends[start : start + ROWS_PER_BATCH + 1]
        block = ids_of_codes.take(codes[bounds[0] : bounds[-1]])
        rows = preprocessor.shorten(Ragged(block, lengths[start : start + ROWS_PER_BATCH]))
        return rows, preprocessor.pad(rows)

    return ordered_map(block_from, range(0, len(lengths), ROWS_PER_BATCH))
