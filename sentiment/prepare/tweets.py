"""Write the rows of training, validation and test to one Parquet file. This is the last step of loading."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sentiment.common.arrow_arrays import as_numpy, from_numpy
from sentiment.data.splitting import DROPPED, PARTS
from sentiment.prepare.ranges import Runs
from sentiment.prepare.spooling import Run

# Row groups do not depend on where files and runs end, so equal rows give an equal file.
ROWS_PER_GROUP = 65_536


def write_tweets(
    runs: Runs, parts: Iterable[np.ndarray], classes: Sequence[int], n_corpora: int, target: Path
) -> np.ndarray:
    """Write the text, label and part (training, validation or test) of each row, in the order of the corpus.

    Dropped rows are left out. If there are several corpora, the index of each row's corpus is written too.

    Args:
        runs: the runs of all corpora.
        parts: the part of each row, one uint8 array ``(rows,)`` per run.
        classes: the sorted indices of the classes that occur. Labels in the file are positions in this list.
        n_corpora: the number of corpora.
        target: the output file.

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
    """Yield the rows of a run that are in training, validation or test."""
    with pa.memory_map(str(folder / f"{run.name}.arrow")) as mapped:
        batches, start = pa.ipc.open_file(mapped), 0
        for i in range(batches.num_record_batches):
            batch = batches.get_batch(i)
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
