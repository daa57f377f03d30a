"""Estimate the share of each class in each group and period, with intervals and differences.

Some rows, drawn at random with known probabilities, are labelled by hand. The model's probabilities are the auxiliary
variables of a regression estimator. The interval is therefore valid even if the model is wrong, and narrower if the
model is right. In survey sampling, this is the generalised regression estimator (Särndal, Swensson and Wretman, *Model
Assisted Survey Sampling*, 1992, section 6.4). In machine learning, it is tuned prediction-powered inference
(Angelopoulos, Duchi and Zrnic, *PPI++*, 2023). If drawing probabilities follow the model's doubt, the method is active
inference (Zrnic and Candès, *Active statistical inference*, 2024).
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from sentiment.shares.tally import ALL, Cell, Sums, margins

LEAST_LABELS = 30  # fewer labels give no interval, because the normal approximation needs about 30
MODEL, LABELS, BOTH = METHODS = ("model", "labels", "both")
_PAIRS = 45  # the number of pairs of ten groups; more groups are not compared


class ShareInterval(NamedTuple):
    """An estimated share (0 to 1), or a difference of two shares (-1 to 1), with the ends of its 95% interval."""

    value: float
    low: float
    high: float


class Estimate(NamedTuple):
    """A share, its variance, degrees of freedom, and effective number of labels (Kish, 1965; infinite in a census)."""

    value: float
    variance: float
    freedom: float
    effective_labels: float


class Labels(NamedTuple):
    """The ``n`` labelled rows of a sample, for one class.

    Attributes:
        features: the model's probabilities of all classes except the last, float64 ``(n, k)``.
        indicators: 1 for rows with the label of this class, else 0, float64 ``(n,)``.
        chances: the probability with which each row was drawn, float64 ``(n,)``, above 0 and at most 1.
    """

    features: np.ndarray
    indicators: np.ndarray
    chances: np.ndarray

    def take(self, rows: np.ndarray) -> "Labels":
        """Return the labels at the positions ``rows``."""
        return Labels(self.features[rows], self.indicators[rows], self.chances[rows])


def tuned_slopes(labels: Labels) -> np.ndarray:
    """Fit regression slopes, float64 ``(k,)``, with which the estimate of :func:`with_model` has a small variance.

    The indicators are fitted to the features by least squares. Each row is weighted by its share of the sampling
    variance, ``(1 - chance) / chance**2``. A model without information gets slopes near 0.
    """
    weights = _variance_weights(labels.chances)
    x, y = _centred(labels.features, weights), _centred(labels.indicators, weights)
    return np.linalg.lstsq(x * np.sqrt(weights)[:, None], y * np.sqrt(weights), rcond=1e-6)[0]


def with_model(labels: Labels, slopes: np.ndarray, means: np.ndarray, fitted: int) -> Estimate:
    """Estimate a share by linear regression on the model's probabilities: mean prediction plus mean error on labels.

    Args:
        labels: the labelled rows.
        slopes: the regression slopes from :func:`tuned_slopes`, float64 ``(k,)``.
        means: the mean of each feature over all rows, labelled or not, float64 ``(k,)``.
        fitted: the number of slopes that were fitted to these labels; each costs one degree of freedom.
    """
    residuals = labels.indicators - labels.features @ slopes
    weights = 1 / labels.chances
    mean = float(np.average(residuals, weights=weights))
    influence = weights * (residuals - mean) / weights.sum()
    freedom = max(1.0, len(residuals) - 1.0 - fitted)
    variance = len(residuals) / freedom * float(((1 - labels.chances) * influence**2).sum())
    drawn = float(((1 - labels.chances) * weights**2).sum())
    count = float(weights.sum()) ** 2 / drawn if drawn else math.inf
    return Estimate(float(means @ slopes) + mean, variance, freedom, count)


def labels_alone(labels: Labels) -> Estimate:
    """Estimate the share of the class from the labels alone, without the model's probabilities."""
    none = np.zeros(labels.features.shape[1])
    return with_model(labels, none, none, 0)


def interval(estimate: Estimate) -> ShareInterval:
    """Return the 95% interval of a share by Wilson's (1927) formula, for an effective number of labels.

    The effective number is the size of a simple random sample with the same variance. Dean and Pagano (2015) recommend
    this formula for survey samples: an interval centred on the estimate is too short for shares near 0 or 1.
    """
    share = min(1.0, max(0.0, estimate.value))
    least = 0.5 / max(1.0, estimate.effective_labels)
    inside = min(1 - least, max(least, share))
    effective = inside * (1 - inside) / estimate.variance if estimate.variance else estimate.effective_labels
    if math.isinf(effective):
        return ShareInterval(share, share, share)
    quantile = _student(estimate.freedom)
    shrink = 1 + quantile**2 / effective
    centre = (share + quantile**2 / (2 * effective)) / shrink
    half = quantile / shrink * math.sqrt(share * (1 - share) / effective + (quantile / (2 * effective)) ** 2)
    return ShareInterval(share, min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half)))


def difference(first: ShareInterval, second: ShareInterval) -> ShareInterval:
    """Return ``second - first`` with its 95% interval, for two shares from disjoint sets of rows.

    Newcombe's hybrid score interval (1998) combines the ends of both intervals. Its width is therefore realistic even
    for shares of 0 or 1.
    """
    value = second.value - first.value
    below = math.hypot(second.value - second.low, first.high - first.value)
    above = math.hypot(second.high - second.value, first.value - first.low)
    return ShareInterval(value, value - below, value + above)


def _variance_weights(chances: np.ndarray) -> np.ndarray:
    weights = (1 - chances) / chances**2
    return weights if weights.sum() > 0 else np.ones_like(weights)


def _centred(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return values - np.average(values, axis=0, weights=weights)


def _student(freedom: float) -> float:
    """Return the 97.5% quantile of Student's t (Cornish-Fisher expansion), within 1% for ``freedom`` of 3 or more."""
    z = NormalDist().inv_cdf(0.975)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


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
    """The difference ``by`` of a class's share between two cells (groups in periods), ``second`` minus ``first``.

    Both shares are estimated from labels and model.
    """

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
    """Yield mean probabilities as the model's shares in each cell (a group in a period), without an interval."""
    for cell, sums in cells.items():
        for position, name in enumerate(classes):
            share = float(sums.probabilities[position]) / max(1, sums.tweets)
            yield ShareRow(cell.group, cell.period, name, MODEL, sums.tweets, 0, share, None, None)


class CellEstimate(NamedTuple):
    """Estimates of the share of one class in a cell (a group in a period).

    Attributes:
        labelled: the number of labels in the cell.
        alone: the estimate from these labels alone; None if there are fewer than ``LEAST_LABELS``.
        both: the estimate from labels and model; None if there are fewer than ``LEAST_LABELS``. A regression is fitted
            to the cell's own labels, so a model without information gives nearly the estimate ``alone``.
        borrowed: the model's share, corrected with the labels of all cells. This correction assumes that the model's
            errors are the same in every cell.
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
    """Yield each class's share in every cell (one group in one period), from labels alone and with the model.

    With fewer than ``LEAST_LABELS`` labels in total, there are no shares to yield.
    """
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
    """Yield each class's differences between consecutive periods, the first and last period, and every two groups.

    Only cells with an estimate from labels and model are compared; more than ten groups are not compared.
    """
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
