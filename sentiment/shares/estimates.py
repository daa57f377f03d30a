"""Estimate shares from sums and labels: per class, group, period and method, with intervals and differences."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sentiment.shares.estimators import (
    LEAST_LABELS,
    Estimate,
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


class Estimator:
    """Estimates of one class in every cell."""

    def __init__(self, hand: HandLabels, position: int, cells: Mapping[Cell, Sums]) -> None:
        """Take the labels; ``position`` is that of the class among ``hand.classes``."""
        indicators = (hand.labels == position).astype(np.float64)
        self._labels = Labels(hand.probabilities[:, :-1], indicators, hand.chances)
        self._slopes_of_all = tuned_slopes(self._labels)
        self._cells = cells
        self._rows = _rows_by_cell(hand.cells)

    def labelled(self, cell: Cell) -> int:
        """Return how many labels the cell has."""
        return len(self._rows.get(cell, ()))

    def by_labels(self, cell: Cell) -> Estimate | None:
        """Return the estimate from the labels alone; None where there are too few."""
        return labels_alone(self._labels_of(cell)) if self.labelled(cell) >= LEAST_LABELS else None

    def by_both(self, cell: Cell) -> Estimate | None:
        """Return the estimate from labels and model; None where there are too few labels.

        The slopes are those of the cell's own labels: where the model is of no use, the estimate is that of the labels.
        """
        if self.labelled(cell) < LEAST_LABELS:
            return None
        labels = self._labels_of(cell)
        slopes = tuned_slopes(labels)
        return with_model(labels, slopes, self._means(cell), len(slopes))

    def borrowed(self, cell: Cell) -> float:
        """Return the model's share, corrected as the whole is; this assumes that the model errs alike everywhere."""
        whole = with_model(self._labels, self._slopes_of_all, self._means(cell), 0).value
        return min(1.0, max(0.0, whole))

    def _labels_of(self, cell: Cell) -> Labels:
        chosen = np.zeros(len(self._labels.indicators), dtype=bool)
        chosen[self._rows[cell]] = True
        return self._labels.where(chosen)

    def _means(self, cell: Cell) -> np.ndarray:
        sums = self._cells[cell]
        return sums.probabilities[:-1] / max(1, sums.tweets)


def labelled_rows(hand: HandLabels, cells: Mapping[Cell, Sums]) -> Iterator[ShareRow]:
    """Yield the shares by labels alone and by both, in every cell; none where there are too few labels in all."""
    if len(hand.labels) < LEAST_LABELS:
        return
    for position, name in enumerate(hand.classes):
        estimator = Estimator(hand, position, cells)
        for cell, sums in cells.items():
            count = estimator.labelled(cell)
            if (alone := estimator.by_labels(cell)) is not None:
                yield _row(cell, name, LABELS, sums, count, interval(alone))
            both = estimator.by_both(cell)
            found = interval(both) if both else None
            if found is not None:
                yield _row(cell, name, BOTH, sums, count, found)
            else:
                share = estimator.borrowed(cell)
                yield ShareRow(cell.group, cell.period, name, BOTH, sums.tweets, count, share, None, None)


def in_order(rows: Sequence[ShareRow], cells: Iterable[Cell], classes: Sequence[str]) -> list[ShareRow]:
    """Return the rows by cell, then by class, then by method."""
    order = {cell: position for position, cell in enumerate(cells)}

    def place(row: ShareRow) -> tuple[int, int, int]:
        return order[Cell(row.group, row.period)], classes.index(row.class_), METHODS.index(row.method)

    return sorted(rows, key=place)


def changes(hand: HandLabels, cells: Mapping[Cell, Sums]) -> Iterator[Change]:
    """Yield the differences between neighbouring periods, the first and the last period, and pairs of groups."""
    for position, name in enumerate(hand.classes):
        estimator = Estimator(hand, position, cells)
        for first, second in _compared(cells):
            before, after = estimator.by_both(first), estimator.by_both(second)
            if before is not None and after is not None:
                yield Change(name, first, second, difference(interval(before), interval(after)))


def _compared(cells: Mapping[Cell, Sums]) -> Iterator[tuple[Cell, Cell]]:
    periods = [cell for cell in cells if cell.group == ALL and cell.period != ALL]
    yield from pairwise(periods)
    if len(periods) > 2:
        yield periods[0], periods[-1]
    groups = [cell for cell in cells if cell.period == ALL and cell.group != ALL]
    pairs = [(first, second) for i, first in enumerate(groups) for second in groups[i + 1 :]]
    yield from pairs if len(pairs) <= _PAIRS else ()


def _row(cell: Cell, name: str, method: str, sums: Sums, count: int, found: ShareInterval) -> ShareRow:
    return ShareRow(cell.group, cell.period, name, method, sums.tweets, count, found.value, found.low, found.high)


def _rows_by_cell(cells: Sequence[Cell]) -> dict[Cell, list[int]]:
    rows: dict[Cell, list[int]] = {}
    for row, cell in enumerate(cells):
        for each in dict.fromkeys(margins(cell)):
            rows.setdefault(each, []).append(row)
    return rows
