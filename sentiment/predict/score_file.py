"""Scoring files of any size: CSV, JSON lines and Parquet, a batch at a time."""

import contextlib
import io
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from sentiment.common.parallel import ordered_map
from sentiment.data.batches import Reading, read_batches, texts_of
from sentiment.data.tables import STANDARD, kind_of
from sentiment.errors import InputError
from sentiment.predict.answers import labels_of

if TYPE_CHECKING:
    from sentiment.predict.classifier import SentimentClassifier

PREFIX = "predicted_"

Write = Callable[[pa.RecordBatch], None]


@dataclass(frozen=True, slots=True)
class Answering:
    """What is made of the model's answers.

    Attributes:
        threshold: an answer of lower probability is ``uncertain``.
        force: give a text without a known token the most probable class, not ``unknown``.
        prefix: of the names of the columns added; None is none, or ``PREFIX`` where the table has such columns.
    """

    threshold: float = 0.0
    force: bool = False
    prefix: str | None = None


@dataclass(slots=True)
class Scored:
    """What scoring a file came to.

    Attributes:
        rows: of the table.
        labels: how often each was given; None is a missing cell.
        seconds: from the first row to the last.
    """

    rows: int = 0
    labels: Counter[str | None] = field(default_factory=Counter)
    seconds: float = 0.0

    def summary(self) -> str:
        """One line."""
        counts = [f"{label or 'missing'} {count:,}" for label, count in self.labels.most_common()]
        return f"{self.rows:,} tweets in {self.seconds:.1f} s: {', '.join(counts) or 'none'}"


def read_texts(path: str | Path, reading: Reading) -> Iterator[list[str | None]]:
    """The text column of a table, in batches; None for a cell that is missing.

    Raises:
        InputError: as :func:`sentiment.data.batches.read_batches`.
    """
    for batch in read_batches(path, reading):
        yield texts_of(batch, reading.column, path).to_pylist()


def score_file(
    model: "SentimentClassifier",
    source: str | Path,
    target: str | Path,
    reading: Reading,
    answering: Answering,
    overwrite: bool = False,
    progress: bool = True,
) -> Scored:
    """Write the table ``source`` with label, probabilities and share of known tokens added to ``target``.

    A file grows under a temporary name, ``<target>.part``, whole rows at a time; it gets its own name when it is
    complete. An interrupt leaves the rows written so far under the temporary name, an error leaves none.

    Args:
        model: what answers.
        source: a file, or ``-`` for standard input.
        target: a file, whose name says which kind it becomes, or ``-`` for standard output, which gets the kind of
            ``source``.
        reading: how ``source`` is read.
        answering: what is made of the answers.
        overwrite: whether an existing ``target`` may be replaced.
        progress: whether it is shown on a terminal.

    Raises:
        InputError: ``source`` cannot be read, or ``target`` cannot be written.
    """
    scored = Scored()

    def answered(batch: pa.RecordBatch) -> _Answered:
        columns = answer_columns(model, texts_of(batch, reading.column, source), answering)
        return _Answered(_joined(batch, columns, answering.prefix, source), columns["label"])

    batches = ordered_map(answered, read_batches(source, reading))
    kind = (kind_of(target) if target != STANDARD else reading.kind or kind_of(source)) or "csv"
    if str(target) == STANDARD:
        _write(batches, lambda: contextlib.nullcontext(sys.stdout.buffer), kind, source, scored, progress)
        return scored
    path = _writable(Path(target), source, overwrite)
    temporary = path.with_name(path.name + ".part")
    try:
        _write(batches, lambda: _opened(temporary, path), kind, source, scored, progress)
        temporary.replace(path)
    except Exception:  # after Ctrl-C, though, what has been written stays
        temporary.unlink(missing_ok=True)
        raise
    return scored


def _opened(temporary: Path, path: Path) -> Any:
    """``temporary``, which becomes ``path``, to write to."""
    try:
        return pa.output_stream(str(temporary), compression="gzip" if path.suffix == ".gz" else None)
    except OSError as error:  # whose text Arrow makes of the temporary name
        if error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def _writable(path: Path, source: str | Path, overwrite: bool) -> Path:
    if not kind_of(path):
        raise InputError(f"--output {path}: expected a name that ends in .csv, .tsv, .jsonl, .parquet (.gz), or -")
    if path.is_dir():
        raise InputError(f"--output {path}: is a folder, expected the name of a file")
    if not path.parent.is_dir():
        raise InputError(f"--output {path}: there is no folder {path.parent}; make it first")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"--output {path}: the folder {path.parent} cannot be written to; give a file in another")
    if path.exists() and Path(source).exists() and path.samefile(source):
        raise InputError(f"--output {path}: is the input itself; give another name")
    if path.exists() and not overwrite:
        raise InputError(f"--output {path}: exists already; give --force to replace it")
    return path


class _Answered(NamedTuple):
    batch: pa.RecordBatch
    labels: pa.Array


def _write(
    batches: Iterator[_Answered],
    opened: Callable[[], Any],
    kind: str,
    source: str | Path,
    scored: Scored,
    progress: bool,
) -> None:
    """Write to what ``opened`` gives as soon as there is something to write, and count into ``scored``."""
    from tqdm import tqdm

    start = time.monotonic()
    with (
        tqdm(unit=" tweets", unit_scale=True, disable=None if progress else True) as bar,
        contextlib.ExitStack() as stack,
    ):
        write: Write | None = None
        for batch, labels in batches:
            with _naming_the_column(batch, kind, source):
                if write is None:
                    write = stack.enter_context(_writer(stack.enter_context(opened()), kind, batch.schema))
                write(batch)
            bar.update(batch.num_rows)
            scored.rows += batch.num_rows
            for count in pc.value_counts(labels).to_pylist():
                scored.labels[count["values"]] += count["counts"]
    scored.seconds = time.monotonic() - start


@contextlib.contextmanager
def _naming_the_column(batch: pa.RecordBatch, kind: str, source: str | Path) -> Iterator[None]:
    """Have the file format's refusal of a column, such as a nested one in CSV, say which, and what would hold it."""
    try:
        yield
    except MemoryError:  # Arrow's is an ArrowException too
        raise
    except pa.ArrowException as error:
        column = next((column for column in batch.schema if not _holds(kind, batch.select([column.name]))), None)
        if column is None:
            raise
        others = [f".{other}" for other in ("jsonl", "parquet") if _holds(other, batch.select([column.name]))]
        remedy = f"write {' or '.join(others)} instead" if others else "leave it out"
        raise InputError(
            f"{source}: column {column.name!r} holds {column.type}, which a .{kind} cannot hold; {remedy}"
        ) from error


def _holds(kind: str, batch: pa.RecordBatch) -> bool:
    try:
        with _writer(io.BytesIO(), kind, batch.schema) as write:
            write(batch)
    except pa.ArrowException:
        return False
    return kind != "jsonl" or not pa.types.is_binary(batch.schema.types[0])  # JSON lines get Python's notation of bytes


def answer_columns(model: "SentimentClassifier", texts: pa.Array, answering: Answering) -> dict[str, pa.Array]:
    """``label``, ``probability``, ``known`` and ``p_<class>`` of Arrow strings ``(n,)``; null where the text is."""
    probabilities, known = model.answer(texts.drop_null())
    labels = labels_of(model.classes_, probabilities, known, answering.threshold, answering.force)
    columns = {"label": labels, "probability": probabilities.max(axis=1), "known": known}
    columns |= {f"p_{name}": probabilities[:, i] for i, name in enumerate(model.classes_)}
    if not texts.null_count:
        return {name: pa.array(values) for name, values in columns.items()}
    valid = texts.is_valid()
    position = pc.if_else(valid, pc.subtract(pc.cumulative_sum(valid.cast(pa.int64())), 1), None)
    return {name: pa.array(values).take(position) for name, values in columns.items()}


def column_names(names: Sequence[str], taken: Sequence[str], prefix: str | None, path: str | Path) -> list[str]:
    """Names of the columns added, beside the table's own.

    Args:
        names: of the answers, without prefix.
        taken: the table's own.
        prefix: None uses ``PREFIX``, but only where a name is taken.
        path: of the table, for the message.

    Raises:
        InputError: with the prefix too, a name is taken.
    """
    if prefix is None:
        prefix = PREFIX if set(names) & set(taken) else ""
    added = [prefix + name for name in names]
    if clash := [name for name in added if name in taken]:
        raise InputError(f"{path}: has columns {', '.join(clash)} already; set --prefix to something else")
    return added


def _joined(
    batch: pa.RecordBatch, answers: dict[str, pa.Array], prefix: str | None, path: str | Path
) -> pa.RecordBatch:
    names = column_names(list(answers), batch.schema.names, prefix, path)
    for name, values in zip(names, answers.values(), strict=True):
        batch = batch.append_column(name, values)
    return batch


@contextlib.contextmanager
def _writer(stream: IO[bytes], kind: str, schema: pa.Schema) -> Iterator[Write]:
    if kind == "parquet":
        with pq.ParquetWriter(stream, schema) as writer:
            yield writer.write_batch
    elif kind == "jsonl":

        def write(batch: pa.RecordBatch) -> None:
            rows = (json.dumps(row, ensure_ascii=False, default=_plain) + "\n" for row in batch.to_pylist())
            stream.write("".join(rows).encode())

        yield write
    else:
        options = pa_csv.WriteOptions(delimiter="\t" if kind == "tsv" else ",")
        with pa_csv.CSVWriter(stream, schema, write_options=options) as writer:
            yield writer.write_batch


def _plain(value: Any) -> str:
    """Dates and the like, which JSON lacks, as text."""
    return str(value)
