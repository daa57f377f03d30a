"""Read the tweets and the model's answers that `sentiment score` wrote, in the order of the inputs."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sentiment.common.arrow_arrays import as_numpy, constant
from sentiment.common.messages import shown
from sentiment.common.parallel import keep_freed_memory, ordered_map
from sentiment.common.stores import FileStore
from sentiment.data.reading import RAW_LINE, Reading
from sentiment.data.table_reader import read_batches, texts_of
from sentiment.errors import InputError
from sentiment.predict.answers import PREFIX
from sentiment.score.records import Record, read_records
from sentiment.shares.dates import PERIODS, period_names, read_dates
from sentiment.shares.tally import ALL, Answered

_ROWS_PER_BATCH = 65_536


@dataclass(frozen=True, slots=True)
class ShareColumns:
    """The columns to read from a table of scored tweets.

    Attributes:
        text: the name of the column with the tweets.
        groups: the columns whose values, joined by " / ", name a tweet's group; if empty, all tweets are one group.
        date: the name of the date column; if empty, all tweets are in one period.
        period: the length of the periods, such as ``week``; empty without a date column.
    """

    text: str = "text"
    groups: tuple[str, ...] = ()
    date: str = ""
    period: str = ""

    def names(self) -> list[str]:
        """Return the distinct column names, beginning with the text column."""
        return [name for name in dict.fromkeys([self.text, *self.groups, self.date]) if name]


def share_columns(text: str, date: str, by: Sequence[str]) -> ShareColumns:
    """Return the columns to read: the column ``text`` and the columns given with ``--date`` and ``--by``.

    Raises:
        InputError: ``by`` has two period lengths (such as ``week``) or an empty name, or there is a date column without
            a period length, or a period length without a date column.
    """
    if "" in by:
        raise InputError("--by '': expected a period or the name of a column, received none; leave it out")
    periods = [each for each in by if each in PERIODS]
    if len(periods) > 1:
        raise InputError(f"--by: expected one period, received {' and '.join(periods)}")
    if bool(periods) != bool(date):
        received = f"--date {date}" if date else f"--by {periods[0]}"
        others = f" and --by {', '.join(by)}" if date and by else ""
        raise InputError(
            f"--date goes with a period (--by {'|'.join(PERIODS)}); give both or neither; received {received}{others}"
        )
    return ShareColumns(text, tuple(each for each in by if each not in PERIODS), date, "".join(periods))


def answer_columns(names: list[str], path: str) -> tuple[list[str], str]:
    """Find the columns with answers among ``names``, and return the model's classes and the prefix of these columns.

    Raises:
        InputError: the table has no answers of `sentiment score`.
    """
    for prefix in (PREFIX, ""):
        if f"{prefix}known" in names:
            start = f"{prefix}p_"
            classes = [name.removeprefix(start) for name in names if name.startswith(start)]
            if len(classes) > 1:
                return classes, prefix
    raise InputError(f"{path}: expected answers of `sentiment score` (known, p_...); run it first")


def classes_of(store: FileStore, columns: ShareColumns) -> list[str]:
    """Return the classes of the model that scored the tweets, in the model's order.

    Raises:
        InputError: the folder contains no scored tweets, or a column is missing.
    """
    for record in _records(store):
        for table in _tables(store, record.output, columns):
            return answer_columns(table.schema.names, record.output)[0]
    return []


def scored_batches(store: FileStore, columns: ShareColumns) -> Iterator[Answered]:
    """Yield the tweets and answers that `sentiment score` wrote into ``store``, in batches and in input order.

    Raises:
        InputError: the folder contains no scored tweets, or a column is missing.
    """
    keep_freed_memory()
    for record in _records(store):
        tables = _read_ahead(_tables(store, record.output, columns))
        yield from ordered_map(partial(answered, columns=columns, path=record.output), tables)


def _read_ahead(tables: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield ``tables``, and read the next one while the caller adds up this one, which saves a fifth of the time."""
    with ThreadPoolExecutor(1) as reader:
        table = reader.submit(next, tables, None)
        while (read := table.result()) is not None:
            table = reader.submit(next, tables, None)
            yield read


def _records(store: FileStore) -> list[Record]:
    done = read_records(store)
    if not done:
        raise InputError(f"{store.root}: expected answers of `sentiment score`, found none; run it first")
    return done


def _tables(store: FileStore, name: str, columns: ShareColumns) -> Iterator[pa.RecordBatch]:
    try:
        yield from _read_tables(store, name, columns)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{name}: not readable ({shown(error)}); run the command that wrote it again") from error


def _read_tables(store: FileStore, name: str, columns: ShareColumns) -> Iterator[pa.RecordBatch]:
    path, kind = store.path(name), name.rpartition(".")[2]
    if kind == "parquet":
        with store.system.open_input_file(path) as source, pq.ParquetFile(source) as file:
            names = file.schema_arrow.names
            wanted = [*columns.names(), *_answers_among(names, name)]
            require_columns(columns.names(), names, name)
            yield from file.iter_batches(_ROWS_PER_BATCH, columns=wanted, use_threads=False)
        return
    reading = Reading(columns.text, kind=kind)
    if kind == "jsonl":  # of a post in a known layout, fields that are not requested are not read
        with store.system.open_input_stream(path) as stream:
            lines = next(read_batches(stream, replace(reading, columns=(columns.text,), raw_lines=True), name))
        if not lines.num_rows:
            return
        names = list(dict.fromkeys(key for line in lines.column(RAW_LINE).to_pylist() for key in json.loads(line)))
        if columns.text in names:  # otherwise the layout has paths for the text and other columns
            require_columns([columns.text, *(each for each in columns.names() if "." not in each)], names, name)
        reading = replace(reading, columns=(*columns.names(), *_answers_among(names, name)))
    with store.system.open_input_stream(path) as stream:
        yield from read_batches(stream, reading, name)


def _answers_among(names: list[str], path: str) -> list[str]:
    """Return the names of the columns with the answers that shares are made of."""
    classes, prefix = answer_columns(names, path)
    return [f"{prefix}known", *(f"{prefix}p_{each}" for each in classes)]


def require_columns(wanted: Sequence[str], names: Sequence[str], path: str) -> None:
    """Raise InputError if a column of ``wanted`` (the text column first) is not among ``names``, a file's columns."""
    if missing := [name for name in wanted if name not in names]:
        option = "--column" if missing[0] == wanted[0] else "--by or --date"
        paths = "; for a path into JSON, give the output of `sentiment score`" if "." in missing[0] else ""
        received = shown(", ".join(names))
        raise InputError(f"{path}: expected a column {missing[0]!r}, received {received}; set {option}{paths}")


def answered(table: pa.RecordBatch, columns: ShareColumns, path: str) -> Answered:
    """Return the model's answers in a batch of scored tweets, with the group and the period of each tweet.

    Raises:
        InputError: a column is missing, or the type of a column cannot be read as dates or as names of groups.
    """
    classes, prefix = answer_columns(table.schema.names, path)
    require_columns(columns.names(), table.schema.names, path)
    texts = texts_of(table, columns.text, path)
    periods, unread = _periods(table, columns, as_numpy(texts.is_valid()))
    numbers = [_numbers(table.column(f"{prefix}p_{name}")) for name in classes]
    return Answered(
        texts,
        np.column_stack(numbers),
        _numbers(table.column(f"{prefix}known")),
        groups_of(table, columns.groups),
        periods,
        unread,
    )


def _numbers(column: pa.Array) -> np.ndarray:
    return as_numpy(pc.fill_null(column.cast(pa.float64()), constant(0.0)))


def groups_of(table: pa.RecordBatch, names: tuple[str, ...]) -> pa.DictionaryArray:
    """Return the name of each row's group, from the columns ``names``; ``all`` if there are none.

    Raises:
        InputError: the type of a column cannot be read as names of groups.
    """
    if not names:
        return pa.repeat(constant(ALL), table.num_rows).dictionary_encode()
    parts = [_group_names(table.column(name), name) for name in names]
    if len(parts) > 1:  # " / " in a value becomes " // ", or "a / b" and "c" would be the group of "a" and "b / c"
        parts = [pc.replace_substring_regex(part, r" (/+)", r" \1\1") for part in parts]
    return pc.binary_join_element_wise(*parts, constant(" / ")).dictionary_encode()


def _group_names(column: pa.Array, name: str) -> pa.Array:
    """Trim values to get names of groups. Empty becomes "(none)"; "all", which names the total, becomes "(all)".

    A value that is one of these names already gets further parentheses, so that different values have different names.
    """
    try:
        texts = column.cast(pa.string())
    except pa.ArrowException as error:
        raise InputError(
            f"--by {name}: holds {shown(column.type)}, expected texts or numbers in UTF-8 ({shown(error)})"
        ) from error
    names = pc.utf8_trim_whitespace(pc.fill_null(texts, constant("")))
    names = pc.replace_substring_regex(names, rf"^(\(*{ALL}\)*|\(+none\)+)$", r"(\1)")
    return pc.if_else(pc.equal(names, constant("")), constant("(none)"), names)


def _periods(table: pa.RecordBatch, columns: ShareColumns, there: np.ndarray) -> tuple[pa.DictionaryArray, str]:
    """Return the name of each row's period, and the first unreadable date of a tweet (empty if all are readable).

    ``there`` tells which rows have a tweet. Unreadable dates in other rows are not reported.
    """
    if not columns.date:
        return pa.repeat(constant(ALL), table.num_rows).dictionary_encode(), ""
    column = table.column(columns.date)
    dates = read_dates(column, columns.date)
    unread = np.flatnonzero(np.isnat(dates) & there)
    first = column[int(unread[0])].cast(pa.string()).as_py() if len(unread) else ""  # Python's dates end in 9999
    return period_names(dates, columns.period), first or ""
