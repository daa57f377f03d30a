"""Write a table batch by batch as CSV, JSON lines or Parquet."""

import contextlib
import io
import json
import math
from collections.abc import Callable, Iterator
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from sentiment.common.arrow_arrays import constant, from_strings
from sentiment.common.messages import shown
from sentiment.errors import InputError

Write = Callable[[pa.RecordBatch], None]
_ESCAPED_IN_JSON = r'["\\\x00-\x1f]'
_VIEWED = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}  # types that Arrow cannot write as CSV
_TEXTS = (pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view())
_WHOLE_NUMBER = r"^(-?\d+)$"


@contextlib.contextmanager
def table_writer(stream: IO[bytes], kind: str, schema: pa.Schema) -> Iterator[Write]:
    """Yield a function that writes Arrow batches of ``schema`` to ``stream``.

    ``kind`` is ``csv``, ``tsv``, ``jsonl``, ``parquet``, or ``lines``: the values of the only column become the lines.
    """
    if kind == "parquet":
        # Nearly every tweet is distinct, so dictionaries would take half as long again and make the file larger.
        with pq.ParquetWriter(stream, schema, use_dictionary=False) as writer:
            yield writer.write_batch
    elif kind == "jsonl":
        yield lambda batch: write_lines(stream, _joined("{", _members(batch), "}"))
    elif kind == "lines":
        yield lambda batch: write_lines(stream, batch.column(0))
    else:
        options = pa_csv.WriteOptions(delimiter="\t" if kind == "tsv" else ",")
        schema = pa.schema([each.with_type(_VIEWED.get(each.type, each.type)) for each in schema])
        with pa_csv.CSVWriter(stream, schema, write_options=options) as writer:
            yield lambda batch: writer.write_batch(batch.cast(schema))


@contextlib.contextmanager
def naming_the_column(batch: pa.RecordBatch, kind: str, source: str) -> Iterator[None]:
    """Turn an Arrow error in the ``with`` block, which writes ``batch``, into one that names the column and a remedy.

    Raises:
        InputError: the format ``kind`` does not support a column's type, for instance a list.
    """
    try:
        yield
    except MemoryError:  # Arrow's MemoryError is an ArrowException too
        raise
    except pa.ArrowException as error:
        column = next((column for column in batch.schema if not _can_hold(kind, batch.select([column.name]))), None)
        if column is None:
            raise
        others = [f".{other}" for other in ("jsonl", "parquet") if _can_hold(other, batch.select([column.name]))]
        remedy = f"write {' or '.join(others)} instead" if others else "leave it out"
        raise InputError(
            f"{source}: column {shown(column.name)!r} holds {shown(column.type)}, which a .{kind} cannot hold; {remedy}"
        ) from error


def _can_hold(kind: str, batch: pa.RecordBatch) -> bool:
    try:
        with table_writer(io.BytesIO(), kind, batch.schema) as write:
            write(batch)
    except pa.ArrowException:
        return False
    return True


def write_lines(stream: IO[bytes], lines: pa.Array) -> None:
    """Write Arrow strings ``(n,)`` to ``stream``, one per line."""
    content = _joined(lines, "\n")
    size = pc.sum(pc.binary_length(content)).as_py() or 0
    stream.write(content.buffers()[2].slice(0, size) if size else b"")


def extended_objects(objects: pa.Array, batch: pa.RecordBatch) -> pa.Array:
    """Add the columns of ``batch`` to JSON objects, Arrow strings ``(n,)``, whose own text stays exactly as it is."""
    whole = pc.ascii_rtrim_whitespace(objects).cast(pa.binary())
    opened = pc.ascii_rtrim_whitespace(pc.binary_slice(whole, 0, -1).cast(pa.string()))  # without the last brace
    comma = pc.if_else(pc.ends_with(opened, "{"), constant(""), constant(", "))
    return _joined(opened, comma, _members(batch), "}")


def _members(batch: pa.RecordBatch) -> pa.Array:
    """Return each row of ``batch`` as the text between the braces of a JSON object: column names and values."""
    parts: list[Any] = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        parts += [f"{', ' if parts else ''}{json.dumps(name, ensure_ascii=False)}: ", as_json(column)]
    return _joined(*parts)


def _joined(*parts: pa.Array | str) -> pa.Array:
    """Join strings row by row. A part is an Arrow array ``(n,)``, or a string that is the same in each row."""
    return pc.binary_join_element_wise(*(constant(each) if isinstance(each, str) else each for each in (*parts, "")))


def as_json(column: pa.Array) -> pa.Array:
    """Return each value as JSON text. Dates and decimals become strings; NaN and infinity become null.

    Raises:
        pyarrow.ArrowInvalid: the values are bytes that are not UTF-8, or times that Python does not support.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_json(column.dictionary_decode())
    if kind in _TEXTS:
        return as_json(column.cast(pa.string()))
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        text = column.cast(pa.string())
    elif pa.types.is_floating(kind):
        text = pc.if_else(pc.is_finite(column), column, pa.nulls(1, column.type)[0]).cast(pa.string())
        text = pc.replace_substring_regex(text, _WHOLE_NUMBER, r"\1.0")
    elif pa.types.is_timestamp(kind):
        text = _quoted(pc.replace_substring(column.cast(pa.string()), " ", "T"))
    elif pa.types.is_string(kind) or pa.types.is_date(kind) or pa.types.is_time(kind) or pa.types.is_decimal(kind):
        text = _quoted(column.cast(pa.string()))
    else:
        try:
            values = column.to_pylist()
        except (OverflowError, ValueError) as error:  # a time outside Python's range, or finer than it
            raise pa.ArrowInvalid(str(error)) from error
        text = from_strings(json.dumps(_plain(value), ensure_ascii=False) for value in values)
    return text.fill_null(constant("null"))


def _quoted(texts: pa.Array) -> pa.Array:
    """Return Arrow strings as JSON strings. Only strings with characters to escape take the slow way through Python."""
    quoted = _joined('"', texts, '"')
    special = pc.match_substring_regex(texts, _ESCAPED_IN_JSON).fill_null(constant(False))
    if not pc.any(special).as_py():
        return quoted
    escaped = from_strings(json.dumps(text, ensure_ascii=False) for text in texts.filter(special).to_pylist())
    return pc.replace_with_mask(quoted, special, escaped)


def _plain(value: Any) -> Any:
    """Convert a Python value to one that JSON supports."""
    if isinstance(value, bytes):
        raise pa.ArrowInvalid("JSON cannot hold bytes")
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | None) else str(value)
