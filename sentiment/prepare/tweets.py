"""The last step of loading: the rows that are kept, in the order of the corpus, as one Parquet file."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sentiment.data.splitting import DROPPED
from sentiment.prepare.ranges import Runs

# Wherever files and runs end, so that the same rows make the same bytes.
ROWS_PER_GROUP = 65_536
SCHEMA = pa.schema({"text": pa.string(), "label": pa.uint8(), "part": pa.uint8()})


def write_tweets(runs: Runs, parts: Iterable[np.ndarray], classes: Sequence[int], target: Path) -> None:
    """Write text, label and part of all rows that have one.

    Args:
        runs: of the corpus.
        parts: of the rows of each run, uint8 ``(rows,)``.
        classes: that occur, sorted; labels are counted over them.
        target: the file.
    """
    with pq.ParquetWriter(target, SCHEMA) as writer:
        for table in _groups(_kept(runs, parts, classes)):
            writer.write_table(table, ROWS_PER_GROUP)


def _kept(runs: Runs, parts: Iterable[np.ndarray], classes: Sequence[int]) -> Iterator[pa.RecordBatch]:
    for run, part in zip(runs.runs, parts, strict=True):
        with pa.memory_map(str(runs.folder / f"{run.name}.arrow")) as mapped:
            batches, start = pa.ipc.open_file(mapped), 0
            for i in range(batches.num_record_batches):
                batch = batches.get_batch(i)
                mine = part[start : start + batch.num_rows]
                start += batch.num_rows
                labels = np.searchsorted(classes, batch.column("label").to_numpy()).astype(np.uint8)
                rows = pa.record_batch([batch.column("text"), pa.array(labels), pa.array(mine)], schema=SCHEMA)
                yield rows.filter(pa.array(mine != DROPPED))


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The rows of ``batches``, ``ROWS_PER_GROUP`` at a time."""
    waiting = pa.Table.from_batches([], SCHEMA)
    for batch in batches:
        waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch])])
        while waiting.num_rows >= ROWS_PER_GROUP:
            yield waiting[:ROWS_PER_GROUP].combine_chunks()
            waiting = waiting[ROWS_PER_GROUP:]
    if waiting.num_rows:
        yield waiting.combine_chunks()
