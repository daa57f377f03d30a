"""Scoring files of any size: CSV, JSON lines and Parquet, a batch at a time."""

import argparse
import contextlib
import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.json as pa_json
import pyarrow.parquet as pq

from sentiment.common.parallel import ordered_map
from sentiment.errors import InputError
from sentiment.predict.answers import labels_of

if TYPE_CHECKING:
    from sentiment.predict.classifier import SentimentClassifier

_BLOCK_BYTES = 4 << 20
_ROWS_PER_BATCH = 32_768
_SUFFIXES = (".csv", ".jsonl", ".parquet")

Write = Callable[[pa.RecordBatch], None]


def read_texts(path: str, column: str, encoding: str) -> Iterator[list[str | None]]:
    """The text column of a file, in batches; None for a cell that is missing.

    Raises:
        InputError: as :func:`read_batches`.
    """
    for batch in read_batches(Path(path), column, encoding):
        yield _texts(batch, column, path).to_pylist()


def score_file(model: "SentimentClassifier", arguments: argparse.Namespace) -> int:
    """Write ``arguments.input`` with label and probabilities added to ``arguments.output``; returns 0.

    The output grows under a temporary name, ``<output>.part``, whole rows at a time; it gets its own name when it is
    complete. An interrupt leaves the rows written so far under the temporary name, an error leaves none.
    """
    source, target = Path(arguments.input), Path(arguments.output)
    _suffix(target, "--output")
    if target.exists() and source.exists() and target.samefile(source):
        raise InputError(f"--output {target}: is the input itself; give another name")

    def scored(batch: pa.RecordBatch) -> pa.RecordBatch:
        texts = _texts(batch, arguments.column, source)
        return _with_answers(batch, answer_columns(model, texts, arguments.threshold, arguments.answer_unknown), source)

    batches = read_batches(source, arguments.column, arguments.encoding)
    temporary = target.with_name(target.name + ".part")
    try:
        _write(ordered_map(scored, batches), temporary, target.suffix, source)
        temporary.replace(target)
    except Exception:  # after Ctrl-C, though, what has been written stays
        temporary.unlink(missing_ok=True)
        raise
    return 0


def _write(batches: Iterator[pa.RecordBatch], path: Path, suffix: str, source: Path) -> None:
    from tqdm import tqdm

    with tqdm(unit=" tweets", unit_scale=True, disable=None) as bar, contextlib.ExitStack() as stack:
        write: Write | None = None
        for batch in batches:
            write = write or stack.enter_context(_writer(path, suffix, batch.schema))
            write(batch)
            bar.update(batch.num_rows)
    if write is None:
        raise InputError(f"{source}: the file holds no tweets")


def read_batches(path: Path, column: str, encoding: str) -> Iterator[pa.RecordBatch]:
    """Rows of a ``.csv``, ``.jsonl`` or ``.parquet``.

    Raises:
        InputError: the file is missing, not in the format its name says, or lacks the column.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    readers = {".csv": _read_csv, ".jsonl": _read_jsonl, ".parquet": _read_parquet}
    try:
        yield from readers[_suffix(path, "--input")](path, column, encoding)
    except MemoryError:  # Arrow's is an ArrowException too, but no fault of the file
        raise
    except (OSError, pa.ArrowException, csv.Error, UnicodeError, LookupError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # Arrow has one without for a damaged file
            raise
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"{path}: not readable as {path.suffix[1:]} ({reason}); look there, or set --encoding"
        ) from error


def _suffix(path: Path, option: str) -> str:
    if path.suffix not in _SUFFIXES:
        raise InputError(f"{option} {path}: expected a name that ends in {', '.join(_SUFFIXES)}")
    return path.suffix


def _read_csv(path: Path, column: str, encoding: str) -> Iterator[pa.RecordBatch]:
    names, header = _csv_names(path, column, encoding)
    _require_column(names, column, path)
    read = pa_csv.ReadOptions(
        block_size=_BLOCK_BYTES, encoding=encoding, column_names=names, skip_rows_after_names=1 if header else 0
    )
    parse = pa_csv.ParseOptions(newlines_in_values=True)
    convert = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=[""],
    )
    with pa_csv.open_csv(path, read, parse, convert) as reader:
        yield from reader


def _csv_names(path: Path, column: str, encoding: str) -> tuple[list[str], bool]:
    """Names of the columns, and whether the first line gives them; a numeric ``column`` means that it does not."""
    with path.open(encoding=encoding, newline="") as file:
        first = next(csv.reader(file), None)
    if not first:
        raise InputError(f"{path}: the file is empty")
    first[0] = first[0].removeprefix("\ufeff")
    if column.isdecimal() and column not in first:
        return [str(i) for i in range(len(first))], False
    return first, True


def _read_jsonl(path: Path, column: str, encoding: str) -> Iterator[pa.RecordBatch]:
    read = pa_json.ReadOptions(block_size=_BLOCK_BYTES)
    with pa_json.open_json(path, read) as reader:
        yield from (_validated(batch, column, path) for batch in reader)


def _read_parquet(path: Path, column: str, encoding: str) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        yield from (_validated(batch, column, path) for batch in file.iter_batches(_ROWS_PER_BATCH))


def _validated(batch: pa.RecordBatch, column: str, path: Path) -> pa.RecordBatch:
    """``batch``, if it has the column, and all its text and names are UTF-8, which neither format's reader sees to."""
    batch.validate(full=True)
    _require_column(batch.schema.names, column, path)
    return batch


def _require_column(names: list[str], column: str, path: Path | str) -> None:
    if column not in names:
        raise InputError(f"{path}: expected a column {column!r}, received {', '.join(names)[:200]}; set --column")


def _texts(batch: pa.RecordBatch, column: str, path: Path | str) -> pa.Array:
    """The tweets of a batch, null where one is missing."""
    values = batch.column(column)
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type) or pa.types.is_null(values.type)):
        raise InputError(f"{path}: column {column!r} holds {values.type}, expected text")
    return values.cast(pa.string())


def answer_columns(model: "SentimentClassifier", texts: pa.Array, threshold: float, force: bool) -> dict[str, pa.Array]:
    """``label``, ``probability``, ``known`` and ``p_<class>`` of ``texts`` ``(n,)``; null where the text is.

    Args:
        model: what answers.
        texts: Arrow strings.
        threshold: as :func:`sentiment.predict.answers.labels_of` has it.
        force: as there.
    """
    probabilities, known = model.answer(texts.drop_null())
    labels = labels_of(model.classes_, probabilities, known, threshold, force)
    columns = {"label": labels, "probability": probabilities.max(axis=1), "known": known}
    columns |= {f"p_{name}": probabilities[:, i] for i, name in enumerate(model.classes_)}
    if not texts.null_count:
        return {name: pa.array(values) for name, values in columns.items()}
    valid = texts.is_valid()
    position = pc.if_else(valid, pc.subtract(pc.cumulative_sum(valid.cast(pa.int64())), 1), None)
    return {name: pa.array(values).take(position) for name, values in columns.items()}


def _with_answers(batch: pa.RecordBatch, added: dict[str, pa.Array], path: Path) -> pa.RecordBatch:
    if taken := [name for name in added if name in batch.schema.names]:
        raise InputError(f"{path}: has columns {', '.join(taken)} already, which the answers need: rename them")
    for name, values in added.items():
        batch = batch.append_column(name, values)
    return batch


@contextlib.contextmanager
def _writer(path: Path, suffix: str, schema: pa.Schema) -> Iterator[Write]:
    if suffix == ".parquet":
        with pq.ParquetWriter(path, schema) as writer:
            yield writer.write_batch
    elif suffix == ".csv":
        with pa_csv.CSVWriter(path, schema) as writer:
            yield writer.write_batch
    else:
        with path.open("w", encoding="utf-8") as file:

            def write(batch: pa.RecordBatch) -> None:
                file.writelines(json.dumps(row, ensure_ascii=False, default=_plain) + "\n" for row in batch.to_pylist())

            yield write


def _plain(value: Any) -> str:
    """Dates and the like, which JSON lacks, as text."""
    return str(value)
