"""Estimate the share of each class in each group and period, with intervals and differences.

Some rows, drawn at random with known probabilities, are labelled by hand. The model's probabilities are the auxiliary
variables of a regression estimator. The interval is therefore valid even if the model is wrong, and narrower if the
model is right. In survey sampling, this is the generalised regression estimator (Särndal, Swensson and Wretman, *Model
Assisted Survey Sampling*, 1992, section 6.4). In machine learning, it is tuned prediction-powered inference
(Angelopoulos, Duchi and Zrnic, *PPI++*, 2023). If tweets of which the model is unsure are drawn more often, the method
is active inference (Zrnic and Candès, *Active statistical inference*, 2024).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import NormalDist
from typing import NamedTuple, TypeVar

import numpy as np

from sentiment.shares.tally import ALL, Cell, Sums, margins

LEAST_LABELS = 30  # fewer labels give no interval, because the normal approximation needs about 30
MODEL, LABELS, BOTH = "model", "labels", "both"
T = TypeVar("T")
_GROUPS = 10  # more groups are not compared


class ShareInterval(NamedTuple):
    """An estimated share (0 to 1), or a difference of two shares (-1 to 1), with the ends of its 95% interval."""

    value: float
    low: float
    high: float


class Estimate(NamedTuple):
    """A share, its variance, its degrees of freedom, and its effective number of labels (Kish, 1965).

    The effective number is that of equally weighted labels with the same precision; infinite if all rows are labelled.
    """

    value: float
    variance: float
    freedom: float
    effective_labels: float


class Labels(NamedTuple):
    """The ``n`` labelled rows of a sample, for one class.

    Attributes:
        features: the model's probabilities of all classes but the last, which follows from them, float64 ``(n, k)``.
        indicators: 1 for rows with the label of this class, else 0, float64 ``(n,)``.
        chances: the probability with which each row was drawn, float64 ``(n,)``, above 0 and at most 1.
    """

    features: np.ndarray
    indicators: np.ndarray
    chances: np.ndarray


def tuned_slopes(labels: Labels) -> np.ndarray:
    """Fit slopes, float64 ``(k,)``, of a linear regression of the indicators on the features, for :func:`with_model`.

    Least squares with the weights ``(1 - chance) / chance**2``, a row's part in the sampling variance, give the
    estimate a small variance. A model that tells nothing about the labels gets slopes near 0.
    """
    weights = (1 - labels.chances) / labels.chances**2
    weights = weights if weights.sum() > 0 else np.ones_like(weights)
    x, y = (each - np.average(each, axis=0, weights=weights) for each in (labels.features, labels.indicators))
    return np.linalg.lstsq(x * np.sqrt(weights)[:, None], y * np.sqrt(weights), rcond=1e-6)[0]


def with_model(labels: Labels, slopes: np.ndarray, means: np.ndarray, fitted: int) -> Estimate:
    """Estimate a share by linear regression on the model's probabilities.

    The estimate is the mean prediction over all rows, plus the mean error of the prediction in the labelled rows.

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
    """Return the 95% interval of a share by Wilson's (1927) formula, with the effective number of labels.

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

    The hybrid score interval (Newcombe, 1998) combines the ends of both intervals. Its width is therefore realistic
    even for shares of 0 or 1.
    """
    value = second.value - first.value
    below = math.hypot(second.value - second.low, first.high - first.value)
    above = math.hypot(second.high - second.value, first.value - first.low)
    return ShareInterval(value, value - below, value + above)


def _student(freedom: float) -> float:
    """Return the 97.5% quantile of Student's t (Cornish-Fisher expansion), within 1% for ``freedom`` of 3 or more."""
    z = NormalDist().inv_cdf(0.975)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


class ShareRow(NamedTuple):
    """The share of a class in a group and period; ``low`` and ``high`` are None if there is no interval.

    ``method`` tells what the share is estimated from: ``model``, ``labels`` or ``both``.
    """

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

    The two shares are estimated from hand-made labels and the model's probabilities together.
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


def share_rows(
    classes: Sequence[str], cells: Mapping[Cell, Sums], hand: HandLabels | None = None
) -> Iterator[ShareRow]:
    """Yield the share of each class in every cell (a group in a period), by cell, then by class, then by method.

    - ``model``: the mean of the model's probabilities, without an interval.
    - ``labels``: an estimate from the cell's labels alone, if there are at least ``LEAST_LABELS``.
    - ``both``: an estimate from the cell's labels and the model's probabilities, if there are at least
      ``LEAST_LABELS``. With fewer, the model's share is corrected with the labels of all cells. This share has no
      interval, because the correction assumes that the model's errors are the same in every cell.

    If ``hand`` has fewer than ``LEAST_LABELS`` labels in all, ``model`` is the only method. If it has a label for every
    tweet, however, no number is too small: the shares of all cells are known.
    """
    complete = hand is not None and len(hand.labels) == cells[Cell(ALL, ALL)].tweets
    least = 1 if complete else LEAST_LABELS
    used = hand if hand is not None and len(hand.labels) >= least else None
    whole = _labels_of_classes(used, cells[Cell(ALL, ALL)].tweets) if used else []
    slopes, rows = [tuned_slopes(labels) for labels in whole], _rows_by_cell(used.cells if used else [])
    for cell, sums in cells.items():
        means, mine = sums.probabilities / max(1, sums.tweets), rows.get(cell, [])
        for position, name in enumerate(used.classes if used else classes):
            if position < len(classes):
                yield ShareRow(*cell, name, MODEL, sums.tweets, 0, float(means[position]), None, None)
            if len(mine) >= least:
                labels = Labels(*(values[mine] for values in whole[position]))
                own = tuned_slopes(labels)
                alone, both = labels_alone(labels), with_model(labels, own, means[:-1], len(own))
                yield ShareRow(*cell, name, LABELS, sums.tweets, len(mine), *interval(alone))
                yield ShareRow(*cell, name, BOTH, sums.tweets, len(mine), *interval(both))
            elif used:
                borrowed = with_model(whole[position], slopes[position], means[:-1], 0).value
                share = min(1.0, max(0.0, borrowed))
                yield ShareRow(*cell, name, BOTH, sums.tweets, len(mine), share, None, None)


def _labels_of_classes(hand: HandLabels, tweets: int) -> list[Labels]:
    """Return the labels for each class, with the probabilities with which the rows were drawn *and* labelled.

    If all drawn rows are labelled, the sum of 1 / chance is about ``tweets``. If it is smaller, only a part of them is
    labelled, at random, because a file from `sentiment draw` has them in random order.
    """
    chances = hand.chances * min(1.0, float((1 / hand.chances).sum()) / tweets)
    features, classes = hand.probabilities[:, :-1], range(len(hand.classes))
    return [Labels(features, (hand.labels == position).astype(np.float64), chances) for position in classes]


def changes(rows: Sequence[ShareRow], cells: Mapping[Cell, Sums]) -> Iterator[Change]:
    """Yield the differences of each class's share between periods and between groups.

    The pairs are consecutive periods, the first and the last period, and, if there are at most ten groups, every two
    groups. Periods and groups without an interval from labels and model together are left out.
    """
    both = {
        (row.class_, Cell(row.group, row.period)): ShareInterval(row.share, row.low, row.high)
        for row in rows
        if row.method == BOTH and row.low is not None and row.high is not None
    }
    for name in dict.fromkeys(row.class_ for row in rows):
        for first, second in _pairs(cells):
            if (before := both.get((name, first))) and (after := both.get((name, second))):
                yield Change(name, first, second, difference(before, after))


def compared(periods: Sequence[T]) -> Iterator[tuple[T, T]]:
    """Yield the pairs of periods to compare: consecutive ones, then the first and the last."""
    yield from pairwise(periods)
    if len(periods) > 2:
        yield periods[0], periods[-1]


def _pairs(cells: Mapping[Cell, Sums]) -> Iterator[tuple[Cell, Cell]]:
    yield from compared([cell for cell in cells if cell.group == ALL and cell.period != ALL])
    groups = [cell for cell in cells if cell.period == ALL and cell.group != ALL]
    yield from combinations(groups, 2) if len(groups) <= _GROUPS else ()


def _rows_by_cell(cells: Sequence[Cell]) -> dict[Cell, list[int]]:
    rows: dict[Cell, list[int]] = {}
    for row, cell in enumerate(cells):
        for each in dict.fromkeys(margins(cell)):
            rows.setdefault(each, []).append(row)
    return rows
