"""Run `sentiment share` and `sentiment draw`: score tweets, estimate shares of classes, and draw rows to label."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from pyarrow.fs import LocalFileSystem

import sentiment
from sentiment.common.arrow_arrays import as_numpy, from_numpy
from sentiment.common.engines import Engine
from sentiment.common.messages import counted
from sentiment.common.stores import FileStore, open_store
from sentiment.data.reading import BadRows, Reading
from sentiment.data.table_names import is_table
from sentiment.data.table_reader import read_batches
from sentiment.errors import InputError
from sentiment.predict.answers import AnswerOptions
from sentiment.score.parts import find_inputs
from sentiment.score.records import RUN, SUCCESS, read_records
from sentiment.score.run import Request, failures_of, require_outside, score, succeed
from sentiment.shares.answer import ShareAnswer
from sentiment.shares.dates import periods_between, read_dates
from sentiment.shares.estimates import BOTH, LEAST_LABELS, HandLabels, ShareRow, changes, share_rows
from sentiment.shares.sample import FilledIn, chances_of, doubt, draw, label_names, read_labels, require_same_input
from sentiment.shares.scored import ShareColumns, classes_of, groups_of, require_columns, scored_batches
from sentiment.shares.tally import ALL, Cell, ShareTally, cells_of

SCORED = "scored"  # folder of the scored tweets inside the output
_SUSPECT = 0.01  # a labels file whose gap at the end had at most this probability gets a note


@dataclass(frozen=True, slots=True)
class ShareRequest:
    """The inputs and options of `sentiment share`.

    Attributes:
        inputs: files, folders or glob patterns, or one folder that `sentiment score` wrote.
        output: the folder for the answer.
        model: the model folder; not used if the inputs are already scored.
        reading: the settings for reading the inputs.
        columns: the names of the columns with the text, the groups and the date.
        labels: a file from `sentiment draw` with labels filled in, the file that it is going to write, or None.
        also: labels that are not classes of the model.
        force: whether to replace answers in the output folder that belong to other inputs or another model.
    """

    inputs: tuple[str, ...]
    output: Path
    model: Path
    reading: Reading = field(default_factory=Reading)
    columns: ShareColumns = field(default_factory=ShareColumns)
    labels: Path | None = None
    also: tuple[str, ...] = ()
    force: bool = False


def share(request: ShareRequest, engine: Engine, show_progress: bool = False) -> ShareAnswer:
    """Estimate the shares that ``request`` asks for, and write them into its output folder.

    ``engine`` (the worker processes) must be inside its ``with`` block. The progress bar is shown only on a terminal.

    Raises:
        SentimentError: an input, the model, the labels or the output folder is not usable. No answer is written then.
    """
    if request.also and not request.labels:
        raise InputError("--also: has no use without --labels, the file in which such labels are; leave it out")
    store = open_store(scored_folder(request, engine, show_progress))
    classes = classes_of(store, request.columns)
    names = label_names(classes, request.also)
    filled = read_labels(request.labels, names, request.columns.text) if request.labels else None
    tally = ShareTally(classes, filled.rows if filled else np.zeros(0, np.int64))
    for batch in scored_batches(store, request.columns):
        tally.add(batch)
    if not tally.cells:
        raise InputError(f"{', '.join(request.inputs)}: expected tweets, found none")
    if not any(cell.period for cell in tally.cells):
        raise InputError(
            f"--date {request.columns.date}: expected dates, received none that can be read; the first is "
            f"{tally.first_undated[1][:40]!r} (docs/shares.md lists the forms)"
        )
    answer = _answer(request, tally, names, filled, read_records(store)[0].model)
    answer.write(request.output)
    return answer


def scored_folder(request: ShareRequest, engine: Engine, show_progress: bool) -> str:
    """Score the inputs unless they are scored already, and return the folder of the scored tweets.

    Raises:
        InputError: a file or row could not be scored, the labels are among the inputs, or the input is a folder of an
            unfinished `sentiment score`.
    """
    inputs, output = request.inputs, str(request.output / SCORED)
    if len(inputs) == 1 and "://" not in inputs[0] and (Path(inputs[0]) / SCORED / RUN).is_file():  # made by `share`
        inputs = (f"{inputs[0]}/{SCORED}",)
    if len(inputs) == 1 and _is_scored(inputs[0]):
        if open_store(inputs[0]).read(SUCCESS) is None:
            raise InputError(
                f"{inputs[0]}: its scoring was not completed; run the same `sentiment score` again, with "
                "--max-errors N to leave out up to N files and rows that cannot be scored"
            )
        return inputs[0]
    if request.labels and is_table(request.labels.name):
        require_outside(open_store(str(request.labels)), inputs)
    _require_columns(request)
    options = AnswerOptions(force=True)
    wanted = Request(inputs, output, request.model, request.reading, options, "parquet", request.force)
    summary = score(wanted, engine, show_progress)
    if failures := failures_of(summary):
        raise InputError(
            f"{failures}; mend them, or run `sentiment score` with --max-errors N, and give its output here"
        )
    succeed(output)
    return output


def drawn_rows(
    store: FileStore, columns: ShareColumns, count: int, seed: int, even: bool
) -> Iterator[tuple[int, str, float]]:
    """Draw ``count`` tweets; yield each one's row number, text and drawing probability (equal for all if ``even``)."""
    doubts, codes, rows = [], [], []
    numbered: dict[Cell, int] = {}
    start = 0
    for batch in scored_batches(store, columns):
        there = np.flatnonzero(as_numpy(batch.texts.is_valid()))
        places, cells = cells_of(batch)
        doubts.append(doubt(batch.probabilities[there]).astype(np.float32))
        codes.append(np.array([numbered.setdefault(cell, len(numbered)) for cell in cells], np.int32)[places[there]])
        rows.append((there + start + 1).astype(np.int64))
        start += len(batch.texts)
    if not rows or not sum(map(len, rows)):
        raise InputError("expected tweets to draw from, found none")
    numbers = np.concatenate(rows)
    count = min(count, len(numbers))
    chances = chances_of(None if even else np.concatenate(doubts).astype(np.float64), count, len(numbers))
    chosen = draw(chances, np.concatenate(codes), np.random.default_rng(seed))
    yield from _with_texts(store, columns, numbers[chosen], chances[chosen])


def _with_texts(
    store: FileStore, columns: ShareColumns, numbers: np.ndarray, chances: np.ndarray
) -> Iterator[tuple[int, str, float]]:
    start = 0
    for batch in scored_batches(store, columns):
        first, last = np.searchsorted(numbers, (start + 1, start + len(batch.texts) + 1))
        at = numbers[first:last] - start - 1
        texts = batch.texts.take(from_numpy(at)).to_pylist()
        yield from zip(numbers[first:last].tolist(), texts, chances[first:last].tolist(), strict=True)
        start += len(batch.texts)


def _require_columns(request: ShareRequest) -> None:
    """Raise InputError if the first file lacks a usable column, so that no time is spent on scoring first."""
    system, files = find_inputs(request.inputs)
    if isinstance(system, LocalFileSystem):
        path = files[0].path
        for batch in read_batches(path, replace(request.reading, bad_rows=BadRows(sys.maxsize))):
            require_columns(request.columns.names(), batch.schema.names, path)
            groups_of(batch, request.columns.groups)
            if request.columns.date:
                read_dates(batch.column(request.columns.date), request.columns.date)
            return


def _is_scored(place: str) -> bool:
    return open_store(place).read(RUN) is not None if "://" in place else (Path(place) / RUN).is_file()


def _answer(
    request: ShareRequest, tally: ShareTally, names: list[str], filled: FilledIn | None, model: str
) -> ShareAnswer:
    cells, period, hand = tally.with_margins(), request.columns.period, None
    periods = sorted({cell.period for cell in cells} - {ALL})
    gaps = [name for name in periods_between(periods[0], periods[-1], period) if name not in periods] if periods else []
    if filled is not None:
        found = tally.labelled
        require_same_input(filled, found.rows, found.texts, tally.rows)
        hand = HandLabels(names, filled.labels, filled.chances, np.array(found.probabilities), found.cells)
    rows = list(share_rows(tally.classes, cells, hand))
    made: dict[str, Any] = {
        "inputs": ", ".join(request.inputs), "rows": tally.rows, "date": request.columns.date,
        "period": period, "groups": ", ".join(request.columns.groups), "time zone": "UTC",
        "labels": str(request.labels or ""), "model": f"{model[:12]} (checksum)", "version": sentiment.__version__,
    }  # fmt: skip
    labelled = 0 if filled is None else len(filled.rows)
    return ShareAnswer(
        [Path(name).name or name for name in request.inputs], names, rows, list(changes(rows, cells)), cells,
        tally.examples, tally.words, gaps, labelled, _notes(tally, filled, rows, gaps), made,
    )  # fmt: skip


def _notes(tally: ShareTally, filled: FilledIn | None, rows: Sequence[ShareRow], gaps: Sequence[str]) -> list[str]:
    notes = []
    if gaps:
        notes.append(f"{counted(len(gaps), 'period')} without a tweet, the first {gaps[0]}.")
    if tally.undated:
        row, date = tally.first_undated
        first = f"the first in row {row:,} ({repr(date[:40]) if date else 'an empty cell'})"
        tweets = counted(tally.undated, "tweet")
        notes.append(f"{tweets} without a date that can be read, {first}: counted in no period.")
    if filled is not None and filled.empty:
        notes.append(f"{counted(filled.empty, 'row')} of the labels file without a label: left out.")
    if filled is not None and filled.chance_of_gap(tally.rows) < _SUSPECT:
        first = f"The labels file has no row after {filled.last:,} of {tally.rows:,}"
        notes.append(f"{first}. If later rows were added after the draw, no interval holds for them: draw again.")
    if filled is not None and not any(row.method == BOTH for row in rows):
        found = counted(len(filled.rows), "label")
        notes.append(f"{found}, too few to correct the model, so these are the model's shares alone.")
    if any(row.method == BOTH and row.low is None for row in rows):
        notes.append(
            f"A group or period with fewer than {LEAST_LABELS} labels has no interval. Its share is corrected as the "
            "whole is, which assumes that the model errs alike everywhere."
        )
    return notes
