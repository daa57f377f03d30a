"""Read the answers that `sentiment score` wrote, in the order of the inputs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sentiment.common.parallel import ordered_map
from sentiment.common.stores import FileStore
from sentiment.data.reading import Reading
from sentiment.data.table_reader import read_batches, texts_of
from sentiment.errors import InputError
from sentiment.predict.score_file import PREFIX
from sentiment.score.records import Record, read_records
from sentiment.shares.dates import period_names, read_dates
from sentiment.shares.tally import ALL, Answered

_ROWS_PER_BATCH = 65_536


@dataclass(frozen=True, slots=True)
class ShareColumns:
    """Which columns of the tweets are read.

    Attributes:
        text: the tweet.
        groups: columns whose values divide the tweets into groups, joined by " / "; none makes one group.
        date: when the tweet was written; empty makes one period.
        period: one of :data:`sentiment.shares.dates.PERIODS`.
    """

    text: str = "text"
    groups: tuple[str, ...] = ()
    date: str = ""
    period: str = ""

    def names(self) -> list[str]:
        """Return the distinct columns, text first."""
        return [name for name in dict.fromkeys([self.text, *self.groups, self.date]) if name]


class AnswerColumns(NamedTuple):
    """Names of the model's answers in a table: the classes, and what stands before each name."""

    classes: list[str]
    prefix: str


def answer_columns(names: list[str], path: str) -> AnswerColumns:
    """Find the model's answers among the columns of a table.

    Raises:
        InputError: the table has none.
    """
    for prefix in (PREFIX, ""):
        if {f"{prefix}label", f"{prefix}probability", f"{prefix}known"} <= set(names):
            start = f"{prefix}p_"
            classes = [name.removeprefix(start) for name in names if name.startswith(start)]
            if len(classes) > 1:
                return AnswerColumns(classes, prefix)
    raise InputError(f"{path}: expected answers of `sentiment score` (label, probability, known, p_...); run it first")


def classes_of(store: FileStore) -> list[str]:
    """Return the classes of the model that scored the tweets, in its order.

    Raises:
        InputError: the folder has no answers.
    """
    record = _records(store)[0]
    for table in _tables(store, record.output, ShareColumns("")):
        return answer_columns(table.schema.names, record.output).classes
    return []


def scored_batches(store: FileStore, columns: ShareColumns) -> Iterator[Answered]:
    """Yield the answers of an output folder of `sentiment score`, batch by batch, in the order of the inputs.

    Raises:
        InputError: the folder has no answers, or a column is missing.
    """
    for record in _records(store):
        yield from ordered_map(
            partial(_answered, columns=columns, path=record.output), _tables(store, record.output, columns)
        )


def _records(store: FileStore) -> list[Record]:
    done = read_records(store)
    if not done:
        raise InputError(f"{store.root}: expected answers of `sentiment score`, found none; run it first")
    return done


def _tables(store: FileStore, name: str, columns: ShareColumns) -> Iterator[pa.RecordBatch]:
    path = store.path(name)
    if not name.endswith(".parquet"):
        with store.system.open_input_stream(path) as stream:
            yield from read_batches(stream, replace(Reading(), column=columns.text, kind=name.rpartition(".")[2]))
        return
    with store.system.open_input_file(path) as source, pq.ParquetFile(source) as file:
        names = file.schema_arrow.names
        found = answer_columns(names, name)
        for wanted in columns.names():
            _require(wanted, names, name)
        ours = [f"{found.prefix}{each}" for each in ("label", "probability", "known", "cut")]
        ours += [f"{found.prefix}p_{each}" for each in found.classes]
        yield from file.iter_batches(_ROWS_PER_BATCH, columns=[*columns.names(), *ours])


def _require(column: str, names: list[str], path: str) -> None:
    if column not in names:
        raise InputError(f"{path}: expected a column {column!r}, received {', '.join(names)[:200]}; set --by or --date")


def _answered(table: pa.RecordBatch, columns: ShareColumns, path: str) -> Answered:
    found = answer_columns(table.schema.names, path)
    for wanted in columns.names():
        _require(wanted, table.schema.names, path)
    numbers = [_numbers(table.column(f"{found.prefix}p_{name}")) for name in found.classes]
    return Answered(
        texts_of(table, columns.text, path),
        np.column_stack(numbers),
        _numbers(table.column(f"{found.prefix}known")),
        _groups(table, columns.groups),
        _periods(table, columns),
    )


def _numbers(column: pa.Array) -> np.ndarray:
    return pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy()


def _groups(table: pa.RecordBatch, names: tuple[str, ...]) -> pa.Array:
    if not names:
        return _repeated(ALL, table.num_rows)
    parts = [pc.fill_null(table.column(name).cast(pa.string()), "(none)") for name in names]
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, " / ")


def _periods(table: pa.RecordBatch, columns: ShareColumns) -> pa.Array:
    if not columns.date:
        return _repeated(ALL, table.num_rows)
    return period_names(read_dates(table.column(columns.date), columns.date), columns.period)


def _repeated(value: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(value), count)
