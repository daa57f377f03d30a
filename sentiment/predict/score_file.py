"""Score a table of any size: read it in batches, and write each batch with the model's answers as further columns."""

import contextlib
import itertools
import json
import os
import re
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from sentiment.common.arrow_arrays import from_numpy, from_strings
from sentiment.common.file_checks import require_writable
from sentiment.common.messages import counted
from sentiment.common.parallel import one_matrix_thread, ordered_map
from sentiment.data.reading import RAW_LINE, Reading
from sentiment.data.table_files import kind_inside
from sentiment.data.table_names import STANDARD, kind_of
from sentiment.data.table_reader import read_batches, texts_of
from sentiment.errors import InputError
from sentiment.predict.answers import PREFIX, AnswerOptions, labels_of
from sentiment.predict.table_writer import extended_objects, naming_the_column, table_writer

if TYPE_CHECKING:
    from sentiment.predict.classifier import SentimentClassifier

_Answered = tuple[pa.RecordBatch, pa.Array, int]


@dataclass(slots=True)
class Scored:
    """The result of scoring a table.

    Attributes:
        rows: number of rows in the table.
        labels: number of rows per label; the label None stands for a missing text.
        seconds: time from the first row to the last, in seconds.
        ellipses: number of texts that end in an ellipsis, perhaps because another program cut them.
    """

    rows: int = 0
    labels: Counter[str | None] = field(default_factory=Counter)
    seconds: float = 0.0
    ellipses: int = 0

    def summary(self) -> str:
        """Return the summary of the run in one line."""
        cut = f"; ending in an ellipsis, perhaps cut: {self.ellipses:,}" if self.ellipses else ""
        return labels_in_words(self.rows, self.seconds, self.labels) + cut


def labels_in_words(rows: int, seconds: float, labels: Mapping[str | None, int]) -> str:
    """Return one line: the number of rows, the time that they took, and the number of rows per label."""
    counts = [f"{label or 'missing'} {count:,}" for label, count in Counter(labels).most_common()]
    return f"{counted(rows, 'tweet')} in {seconds:.1f} s: {', '.join(counts) or 'none'}"


def read_texts(path: str | Path, reading: Reading) -> Iterator[list[str | None]]:
    """Yield the texts of a table in batches; None is a missing text. An unreadable table raises an `InputError`."""
    for batch in read_batches(path, replace(reading, columns=(reading.column,))):
        yield texts_of(batch, reading.column, path).to_pylist()


def score_file(
    model: "SentimentClassifier",
    source: str | Path,
    target: str | Path,
    reading: Reading,
    options: AnswerOptions,
    overwrite: bool = False,
    progress: bool = True,
) -> Scored:
    """Write the table ``source`` to ``target``, with the model's answers as further columns.

    The write is atomic: rows go to a temporary file, ``<target>.<random>.part``, which is renamed at the end. An error
    removes the temporary file; an interrupt (Ctrl-C) does not.

    Args:
        model: the classifier.
        source: path of a table, or ``-`` for standard input.
        target: path whose suffix gives the format, or ``-`` for standard output in the format of ``source``.
        reading, options: how ``source`` is read, and how probabilities become labels and columns.
        overwrite: replace an existing ``target``.
        progress: show a progress bar, if on a terminal.

    Raises:
        InputError: ``source`` cannot be read, or ``target`` cannot be written.
        KeyboardInterrupt: the run was interrupted; the message names the temporary file.
    """
    kind = (reading.kind or kind_inside(source) or "csv") if str(target) == STANDARD else kind_of(target)
    keeps_lines = kind == "jsonl" and (reading.kind or kind_inside(source)) == "jsonl"
    with _opened(target, source, overwrite) as stream, one_matrix_thread():
        if keeps_lines:
            reading = replace(reading, raw_lines=True, columns=(reading.column,))
        batches = read_batches(source, reading)
        first = next(batches)
        taken = keys_taken(first.column(RAW_LINE), model) if keeps_lines else first.schema.names
        prefix = (PREFIX if {*answer_names(model)} & {*taken} else "") if options.prefix is None else options.prefix
        names = [prefix + name for name in answer_names(model)]
        _refuse_taken(taken, names, source, reading.option)

        def answered(batch: pa.RecordBatch) -> _Answered:
            """Return the batch with its answers, the labels, and the number of texts that end in an ellipsis."""
            texts = texts_of(batch, reading.column, source)
            columns, ellipses = answer_columns(model, texts, options), pc.sum(pc.ends_with(texts, "…")).as_py() or 0
            answers = pa.record_batch(list(columns.values()), names)
            if keeps_lines:
                lines = batch.column(RAW_LINE)
                _refuse_taken(keys_taken(lines, model), names, source, reading.option)
                return pa.record_batch([extended_objects(lines, answers)], [RAW_LINE]), columns["label"], ellipses
            for name, values in zip(names, columns.values(), strict=True):
                batch = batch.append_column(name, values)
            return batch, columns["label"], ellipses

        results = ordered_map(answered, itertools.chain([first], batches))
        return _write(results, stream, "lines" if keeps_lines else kind, str(source), progress)


@contextlib.contextmanager
def _opened(target: str | Path, source: str | Path, overwrite: bool) -> Iterator[IO[bytes]]:
    """Yield the stream to write: standard output, or a temporary file that is renamed to ``target`` at the end."""
    path = Path(target)
    if str(path) == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.flush()
        return
    if not kind_of(path):
        raise InputError(f"--output {path}: expected a name that ends in .csv, .tsv, .jsonl, .parquet (.gz), or -")
    if path.is_file() and Path(source).exists() and path.samefile(source):
        raise InputError(f"--output {path}: is the input itself; give another name")
    require_writable(path, overwrite)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        file = pa.output_stream(str(temporary), compression="gzip" if path.suffix == ".gz" else None)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error  # not the temporary file's name
    try:
        with file:
            yield file
        temporary.replace(path)
    except Exception:
        temporary.unlink(missing_ok=True)
        raise
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"rows written so far are in {temporary}") from None


def _write(results: Iterator[_Answered], stream: IO[bytes], kind: str, source: str, progress: bool) -> Scored:
    from tqdm import tqdm

    scored, start = Scored(), time.monotonic()
    with (
        tqdm(unit=" tweets", unit_scale=True, disable=None if progress else True) as bar,
        contextlib.ExitStack() as stack,
    ):
        write: Callable[[pa.RecordBatch], None] | None = None
        for batch, labels, ellipses in results:
            with naming_the_column(batch, kind, source):
                if write is None:
                    write = stack.enter_context(table_writer(stream, kind, batch.schema))
                write(batch)
            bar.update(batch.num_rows)
            scored.rows += batch.num_rows
            scored.ellipses += ellipses
            for count in pc.value_counts(labels).to_pylist():
                scored.labels[count["values"]] += count["counts"]
    scored.seconds = time.monotonic() - start
    return scored


def answer_names(model: "SentimentClassifier") -> list[str]:
    """Return the names of the columns that :func:`answer_columns` returns, in the same order."""
    return ["label", "probability", "known", "cut", *(f"p_{name}" for name in model.classes_)]


def answer_columns(model: "SentimentClassifier", texts: pa.Array, options: AnswerOptions) -> dict[str, pa.Array]:
    """Return the columns ``label``, ``probability``, ``known``, ``cut`` and ``p_<class>`` for Arrow strings ``(n,)``.

    A null text has null in every column. ``known`` is the share of tokens that the model knows, and
    ``cut`` tells whether it did not read a tweet's end (see `Answers`).
    """
    probabilities, known, cut = model.answer(texts.drop_null())
    labels = labels_of(model.classes_, probabilities, known, options.threshold, options.force).tolist()
    numbers = probabilities.max(axis=1), known, cut, *probabilities.T
    answers = [from_strings(labels), *map(from_numpy, numbers)]
    if texts.null_count:
        valid = texts.is_valid()
        answers = [pc.replace_with_mask(pa.nulls(len(texts), each.type), valid, each) for each in answers]
    return dict(zip(answer_names(model), answers, strict=True))


def _refuse_taken(taken: Sequence[str], added: Sequence[str], source: str | Path, option: str) -> None:
    if clash := [name for name in added if name in taken]:
        remedy = " or set --prefix" if option == "--" else ""  # a request has no such option
        raise InputError(f"{source}: has columns {', '.join(clash)} already; rename them{remedy}")


def keys_taken(objects: pa.Array, model: "SentimentClassifier") -> list[str]:
    """Return the keys of JSON objects, Arrow strings ``(n,)``, that may be equal to the name of a new column.

    They end in such a name, which a prefix may precede. For speed, only objects with a possible match are parsed.
    """
    names = answer_names(model)
    ends, letters = "|".join(map(re.escape, names)), "".join(names)
    escapes = [f"u(?i:{unit})" for unit in sorted({*letters.encode("utf-16-be").hex(" ", 2).split()})]
    escapes += [re.escape(mark) for mark in '"/\\' if mark in letters]
    possible = pc.match_substring_regex(objects, rf'({ends})"\s*:|\\({"|".join(escapes)})')
    keys = {key for text in objects.filter(possible).to_pylist() for key in json.loads(text)}
    return [key for key in keys if key.endswith(tuple(names))]
