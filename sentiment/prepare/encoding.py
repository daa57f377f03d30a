"""Preprocessing: encode the tweets on disk as rows of token ids, in two steps.

A task is a block of tweets that one process encodes. In the first step, a task numbers its distinct tokens with integer
codes of its own, and writes its tweets to disk as rows of codes. It also counts the tokens of its training tweets.

The lexicon (the table from token to id) is made from the counts of all tasks. In the second step, a task replaces its
codes by ids, and writes its rows into arrays that have their full size from the beginning. The place of a row depends
only on the number of earlier rows in its part (training, validation or test). The files are therefore identical for any
number of processes and any order of tasks.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sentiment.common.arrow_arrays import as_numpy, from_numpy, from_strings, read_table, write_table
from sentiment.common.parallel import keep_freed_memory, ordered_map
from sentiment.common.ragged import Ragged
from sentiment.data.splitting import PARTS, TRAIN
from sentiment.text.lexicon import UNKNOWN
from sentiment.text.normalisation import Rule
from sentiment.text.preprocessor import Preprocessor
from sentiment.text.tokens import Tokens, tokenise

_ROWS_PER_BATCH = 65_536
_ROWS_PER_TASK = 262_144
_TABLES_AT_ONCE = 16


class RowTask(NamedTuple):
    """A block of tweets for one process: the row groups ``start`` to ``stop - 1`` of the Parquet file of tweets.

    The names of the files that the task writes begin with ``name``.
    """

    name: str
    start: int
    stop: int


class TypeCounter:
    """Assigns integer codes to distinct tokens in order of appearance, and counts the tokens of training tweets.

    Attributes:
        codes: code of each distinct token.
        counts: occurrences of each code in training tweets, int64 ``(len(codes),)``.
    """

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self.counts = np.zeros(0, np.int64)

    def add(self, tokens: Tokens, counted: np.ndarray) -> Ragged:
        """Return the codes of ``n`` tweets, and count the tokens of those that are ``counted``, bool ``(n,)``."""
        codes = self.codes
        types = np.array([codes.setdefault(token, len(codes)) for token in tokens.types], np.int32)
        common = types[tokens.codes.values]
        counts = np.bincount(common[np.repeat(counted, tokens.codes.lengths)], minlength=len(codes))
        counts[: len(self.counts)] += self.counts
        self.counts = counts
        return Ragged(common, tokens.codes.lengths)


def row_tasks(tweets: Path) -> list[RowTask]:
    """Divide the row groups of the Parquet file ``tweets`` into tasks, in the same way for any number of processes."""
    metadata = pq.read_metadata(tweets)
    tasks: list[RowTask] = []
    start = rows = 0
    for group in range(metadata.num_row_groups):
        rows += metadata.row_group(group).num_rows
        if rows >= _ROWS_PER_TASK or group == metadata.num_row_groups - 1:
            tasks.append(RowTask(f"{len(tasks):06d}", start, group + 1))
            start, rows = group + 1, 0
    return tasks


def _read_rows(tweets: Path, task: RowTask, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield ``columns`` of a task's tweets from the Parquet file ``tweets``, in batches."""
    with pq.ParquetFile(tweets) as source:
        yield from source.iter_batches(_ROWS_PER_BATCH, row_groups=[*range(task.start, task.stop)], columns=columns)


def tokenise_rows(tweets: Path, folder: Path, rules: tuple[Rule, ...], task: RowTask) -> np.ndarray:
    """Tokenise a task's tweets, and write their integer codes and the counts of the tokens to files in ``folder``.

    ``tweets`` is the Parquet file of all tweets. Return the number of tweets in each part, int64 ``(len(PARTS),)``.
    """

    def tokenised(batch: pa.RecordBatch) -> tuple[Tokens, np.ndarray]:
        return tokenise(batch.column("text"), rules), as_numpy(batch.column("part"))

    keep_freed_memory()
    counter = TypeCounter()
    sizes, lengths = np.zeros(len(PARTS), np.int64), [np.zeros(0, np.int32)]
    with (folder / f"{task.name}.codes.bin").open("wb") as sink:
        for tokens, parts in ordered_map(tokenised, _read_rows(tweets, task, ["text", "part"])):
            codes = counter.add(tokens, parts == TRAIN)
            codes.values.tofile(sink)
            lengths.append(codes.lengths)
            sizes += np.bincount(parts, minlength=len(PARTS))
    np.save(folder / f"{task.name}.lengths.npy", np.concatenate(lengths))
    types = from_strings(counter.codes)
    write_table(folder / f"{task.name}.types.arrow", pa.table({"token": types}))
    counted = pa.table({"token": types, "count": from_numpy(counter.counts)}).filter(from_numpy(counter.counts > 0))
    write_table(folder / f"{task.name}.counts.arrow", counted)
    return sizes


def sum_counts(folder: Path, tasks: Sequence[RowTask]) -> dict[str, int]:
    """Return how often each token occurs in the training tweets of all tasks."""
    tokens, counts = from_strings([]), np.zeros(0, np.int64)
    for start in range(0, len(tasks), _TABLES_AT_ONCE):
        some = [read_table(folder / f"{task.name}.counts.arrow") for task in tasks[start : start + _TABLES_AT_ONCE]]
        more = pa.concat_tables(some)
        distinct = pa.concat_arrays([tokens, *more["token"].chunks]).dictionary_encode()
        counts = np.concatenate([counts, *(as_numpy(chunk) for chunk in more["count"].chunks)])
        tokens, counts = distinct.dictionary, np.bincount(as_numpy(distinct.indices), counts).astype(np.int64)
    return dict(zip(tokens.to_pylist(), counts.tolist(), strict=True))


def encode_rows(
    tweets: Path, folder: Path, target: Path, treatment: str, task: tuple[RowTask, np.ndarray]
) -> np.ndarray:
    """Write the ids and labels of a task's rows into the arrays in ``target``.

    Args:
        tweets: the file of tweets.
        folder: the folder with the output of :func:`tokenise_rows`.
        target: the folder of the arrays and of the saved preprocessor.
        treatment: checksum of the saved preprocessor. A process loads the preprocessor again when the checksum changes.
        task: the task, and the number of earlier rows in each part, int64 ``(len(PARTS),)``.

    Returns:
        The numbers of rows, of tokens, of unknown tokens, and of rows with ``max_tokens`` tokens, int64 ``(4,)``.
    """
    row_task, before = task
    preprocessor = _preprocessor(target, treatment)
    batches = list(_read_rows(tweets, row_task, ["label", "part"]))
    labels, parts = (np.concatenate([as_numpy(batch.column(i)) for batch in batches]) for i in range(2))
    arrays = [[np.load(target / f"{name}.{kind}.npy", mmap_mode="r+") for kind in ("ids", "labels")] for name in PARTS]
    filled, tokens, unknown, cut, start = before.tolist(), 0, 0, 0, 0
    for block, ids in _blocks(folder, row_task, preprocessor):
        stop = start + len(block.lengths)
        for i, (ids_of_part, labels_of_part) in enumerate(arrays):
            mine = parts[start:stop] == i
            place = slice(filled[i], filled[i] + int(mine.sum()))
            ids_of_part[place], labels_of_part[place] = ids[mine], labels[start:stop][mine]
            filled[i] = place.stop
        tokens, unknown = tokens + len(block.values), unknown + int((block.values == UNKNOWN).sum())
        cut += int((block.lengths == preprocessor.max_tokens).sum())
        start = stop
    return np.array([start, tokens, unknown, cut], np.int64)


@lru_cache(1)
def _preprocessor(folder: Path, treatment: str) -> Preprocessor:
    return Preprocessor.load(folder)


def _blocks(folder: Path, task: RowTask, preprocessor: Preprocessor) -> Iterator[tuple[Ragged, np.ndarray]]:
    """Yield the ids of a task's tweets, ``_ROWS_PER_BATCH`` at a time, as rows without and with padding."""
    types = read_table(folder / f"{task.name}.types.arrow")["token"].to_pylist()
    ids_of_codes = preprocessor.lexicon.lookup(types)
    lengths = np.load(folder / f"{task.name}.lengths.npy")
    codes = Ragged(np.fromfile(folder / f"{task.name}.codes.bin", np.int32), lengths)

    def encoded(block: Ragged) -> tuple[Ragged, np.ndarray]:
        rows = preprocessor.shorten(Ragged(ids_of_codes.take(block.values), block.lengths))
        return rows, preprocessor.pad(rows)

    return ordered_map(encoded, codes.blocks(_ROWS_PER_BATCH))
