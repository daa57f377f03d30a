"""Estimate the share of each class in each group and period, with intervals and differences."""

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
_PAIRS = 45  # the number of pairs of ten groups; more groups are not compared


class ShareRow(NamedTuple):
    """The share of a class in a group and period by one method; ``low`` and ``high`` are None without an interval."""

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
    """The difference (``second`` minus ``first``) of a class's share in two cells, estimated from labels and model."""

    class_: str
    first: Cell
    second: Cell
    by: ShareInterval


@dataclass(frozen=True, slots=True)
class HandLabels:
    """The ``m`` hand-labelled rows.

    Attributes:
        classes: the model's classes, then the classes that ``--also`` adds.
        labels: the index of each label in ``classes``, int64 ``(m,)``.
        chances: the probability with which each row was drawn, float64 ``(m,)``.
        probabilities: the model's class probabilities, float64 ``(m, model classes)``.
        cells: the group and period of each row.
    """

    classes: Sequence[str]
    labels: np.ndarray
    chances: np.ndarray
    probabilities: np.ndarray
    cells: Sequence[Cell]


def model_rows(classes: Sequence[str], cells: Mapping[Cell, Sums]) -> Iterator[ShareRow]:
    """Yield the shares that the model alone gives in each cell: mean probabilities, without an interval."""
    for cell, sums in cells.items():
        for position, name in enumerate(classes):
            share = float(sums.probabilities[position]) / max(1, sums.tweets)
            yield ShareRow(cell.group, cell.period, name, MODEL, sums.tweets, 0, share, None, None)


class CellEstimate(NamedTuple):
    """Estimates of the share of one class in a cell (a group in a period).

    Attributes:
        labelled: the number of labels in the cell.
        alone: the estimate from these labels alone; None if there are fewer than ``LEAST_LABELS``.
        both: the estimate from labels and model; None if there are too few labels. The slopes are fitted to the cell's
            own labels, so a model without information gives nearly the estimate ``alone``.
        borrowed: the model's share, corrected with the labels of all cells. It assumes that the model's errors are the
            same in every cell.
    """

    labelled: int
    alone: ShareInterval | None
    both: ShareInterval | None
    borrowed: float


def estimate_cells(hand: HandLabels, position: int, cells: Mapping[Cell, Sums]) -> dict[Cell, CellEstimate]:
    """Estimate the share of the class ``hand.classes[position]`` in every cell (a group in a period)."""
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
    """Yield shares by labels alone and by labels and model, for every class and cell; nothing with too few labels."""
    if len(hand.labels) < LEAST_LABELS:
        return
    for position, name in enumerate(hand.classes):
        for cell, found in estimate_cells(hand, position, cells).items():
            methods = [(LABELS, found.alone)] if found.alone else []
            for method, share in [*methods, (BOTH, found.both or (found.borrowed, None, None))]:
                yield ShareRow(*cell, name, method, cells[cell].tweets, found.labelled, *share)


def in_order(rows: Sequence[ShareRow], cells: Iterable[Cell], classes: Sequence[str]) -> list[ShareRow]:
    """Return ``rows`` sorted by cell, then by class, then by method."""
    order = {cell: position for position, cell in enumerate(cells)}

    def place(row: ShareRow) -> tuple[int, int, int]:
        return order[Cell(row.group, row.period)], classes.index(row.class_), METHODS.index(row.method)

    return sorted(rows, key=place)


def changes(hand: HandLabels, cells: Mapping[Cell, Sums]) -> Iterator[Change]:
    """Yield each class's change between consecutive periods, the first and last period, and pairs of groups."""
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
