"""Estimate shares from sums and labels: per class, group, period and method, with intervals and differences."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sentiment.shares.estimators import (
    LEAST_LABELS,
    Labels,
    ShareInterval,
    difference,
    interval,
    labels_alone,
    tuned_slopes,
    with_model,
)
from sentiment.shares.tally import ALL, Cell, Sums, margins

MODEL, LABELS, BOTH = METHODS = ("model", "labels", "both")
_PAIRS = 45  # differences between groups are made for at most ten groups, each with each


class ShareRow(NamedTuple):
    """A row of ``shares.csv``; ``low`` and ``high`` are None where there is no interval."""

    group: str
    period: str
    class_: str
    method: str
    tweets: int
    labelled: int
    share: float
    low: float | None
    high: float | None


class Change(NamedTuple):
    """By how much a class's share differs between two cells, by labels and model together."""

    class_: str
    first: Cell
    second: Cell
    by: ShareInterval


@dataclass(frozen=True, slots=True)
class HandLabels:
    """The hand-labelled rows.

    Attributes:
        classes: of the model, then those that only the labels have.
        labels: position of each label among ``classes``, int64 ``(m,)``.
        chances: of each row to be drawn, float64 ``(m,)``.
        probabilities: what the model says of each row, float64 ``(m, model classes)``.
        cells: group and period of each row.
    """

    classes: Sequence[str]
    labels: np.ndarray
    chances: np.ndarray
    probabilities: np.ndarray
    cells: Sequence[Cell]


def model_rows(classes: Sequence[str], cells: Mapping[Cell, Sums]) -> Iterator[ShareRow]:
    """Yield what the model alone says: mean probabilities, without an interval."""
    for cell, sums in cells.items():
        for position, name in enumerate(classes):
            share = float(sums.probabilities[position]) / max(1, sums.tweets)
            yield ShareRow(cell.group, cell.period, name, MODEL, sums.tweets, 0, share, None, None)


class CellEstimate(NamedTuple):
    """Estimates of one class in a cell.

    Attributes:
        labelled: how many labels the cell has.
        alone: by these labels alone; None where there are too few.
        both: by labels and model; None where there are too few labels. Where the model is of no use, it is ``alone``,
            because the slopes are those of the cell's own labels.
        borrowed: the model's share, corrected as the whole is; this assumes that the model errs alike everywhere.
    """

    labelled: int
    alone: ShareInterval | None
    both: ShareInterval | None
    borrowed: float


def estimate_cells(hand: HandLabels, position: int, cells: Mapping[Cell, Sums]) -> dict[Cell, CellEstimate]:
    """Estimate the share of the class at ``position`` of ``hand.classes`` in every cell."""
    whole = Labels(hand.probabilities[:, :-1], (hand.labels == position).astype(np.float64), hand.chances)
    slopes_of_all, rows = tuned_slopes(whole), _rows_by_cell(hand.cells)
    found = {}
    for cell, sums in cells.items():
        means = sums.probabilities[:-1] / max(1, sums.tweets)
        borrowed = min(1.0, max(0.0, with_model(whole, slopes_of_all, means, 0).value))
        mine, alone, both = rows.get(cell, []), None, None
        if len(mine) >= LEAST_LABELS:
            labels = whole.take(np.array(mine))
            slopes = tuned_slopes(labels)
            alone, both = interval(labels_alone(labels)), interval(with_model(labels, slopes, means, len(slopes)))
        found[cell] = CellEstimate(len(mine), alone, both, borrowed)
    return found


def labelled_rows(hand: HandLabels, cells: Mapping[Cell, Sums]) -> Iterator[ShareRow]:
    """Yield the shares by labels alone and by both, in every cell; none where there are too few labels in all."""
    if len(hand.labels) < LEAST_LABELS:
        return
    for position, name in enumerate(hand.classes):
        for cell, found in estimate_cells(hand, position, cells).items():
            methods = [(LABELS, found.alone)] if found.alone else []
            for method, share in [*methods, (BOTH, found.both or (found.borrowed, None, None))]:
                yield ShareRow(*cell, name, method, cells[cell].tweets, found.labelled, *share)


def in_order(rows: Sequence[ShareRow], cells: Iterable[Cell], classes: Sequence[str]) -> list[ShareRow]:
    """Return the rows by cell, then by class, then by method."""
    order = {cell: position for position, cell in enumerate(cells)}

    def place(row: ShareRow) -> tuple[int, int, int]:
        return order[Cell(row.group, row.period)], classes.index(row.class_), METHODS.index(row.method)

    return sorted(rows, key=place)


def changes(hand: HandLabels, cells: Mapping[Cell, Sums]) -> Iterator[Change]:
    """Yield the differences between neighbouring periods, the first and the last period, and pairs of groups."""
    for position, name in enumerate(hand.classes):
        found = estimate_cells(hand, position, cells)
        for first, second in _compared(cells):
            before, after = found[first].both, found[second].both
            if before is not None and after is not None:
                yield Change(name, first, second, difference(before, after))


def _compared(cells: Mapping[Cell, Sums]) -> Iterator[tuple[Cell, Cell]]:
    periods = [cell for cell in cells if cell.group == ALL and cell.period != ALL]
    yield from pairwise(periods)
    if len(periods) > 2:
        yield periods[0], periods[-1]
    groups = [cell for cell in cells if cell.period == ALL and cell.group != ALL]
    pairs = [(first, second) for i, first in enumerate(groups) for second in groups[i + 1 :]]
    yield from pairs if len(pairs) <= _PAIRS else ()


def _rows_by_cell(cells: Sequence[Cell]) -> dict[Cell, list[int]]:
    rows: dict[Cell, list[int]] = {}
    for row, cell in enumerate(cells):
        for each in dict.fromkeys(margins(cell)):
            rows.setdefault(each, []).append(row)
    return rows
