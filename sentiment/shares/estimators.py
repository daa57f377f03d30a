"""Draw rows to label by hand, and estimate the share of each class from these labels and a model's probabilities.

Rows are drawn at random with known probabilities, spread over groups and periods. The model's probabilities are the
auxiliary variables of a regression estimator. The interval is therefore valid even if the model is wrong, and narrower
if the model is right. The estimator has two names: generalised regression estimator in survey sampling (Särndal,
Swensson and Wretman, *Model Assisted Survey Sampling*, 1992, section 6.4), and tuned prediction-powered inference
(Angelopoulos, Duchi and Zrnic, *PPI++*, 2023). With drawing probabilities that follow the model's doubt, the method is
called active inference (Zrnic and Candès, *Active statistical inference*, 2024).
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

# The part of a row's drawing probability that does not depend on the model's doubt. It limits the variance that
# confident mistakes of the model cause.
_EVEN_PART = 0.4
LEAST_LABELS = 30  # fewer labels give no interval, because the normal approximation needs about 30


class ShareInterval(NamedTuple):
    """An estimated share (0 to 1), or a difference of two shares (-1 to 1), with the ends of its 95% interval."""

    value: float
    low: float
    high: float


class Estimate(NamedTuple):
    """A share with its variance, degrees of freedom and effective number of labels (Kish, 1965; may be infinite)."""

    value: float
    variance: float
    freedom: float
    effective_labels: float


class Labels(NamedTuple):
    """The ``n`` labelled rows of a sample, for one class.

    Attributes:
        features: the model's probabilities of all classes except the last, float64 ``(n, k)``.
        indicators: 1 where the label is the class, else 0, float64 ``(n,)``.
        chances: the probability with which each row was drawn, float64 ``(n,)``, above 0 and at most 1.
    """

    features: np.ndarray
    indicators: np.ndarray
    chances: np.ndarray

    def take(self, rows: np.ndarray) -> "Labels":
        """Return the labels at the positions ``rows``."""
        return Labels(self.features[rows], self.indicators[rows], self.chances[rows])


def tuned_slopes(labels: Labels) -> np.ndarray:
    """Fit slopes, float64 ``(k,)``, that make the variance of :func:`with_model` small.

    This is a least-squares fit of the indicators to the features. Each row is weighted by its share of the sampling
    variance, ``(1 - chance) / chance**2``. A model without information gets slopes near 0.
    """
    weights = _variance_weights(labels.chances)
    x, y = _centred(labels.features, weights), _centred(labels.indicators, weights)
    return np.linalg.lstsq(x * np.sqrt(weights)[:, None], y * np.sqrt(weights), rcond=1e-6)[0]


def with_model(labels: Labels, slopes: np.ndarray, means: np.ndarray, fitted: int) -> Estimate:
    """Estimate a share as the mean prediction of a linear regression on the model, plus its mean error on the labels.

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
    """Estimate a share from the labels without the model."""
    none = np.zeros(labels.features.shape[1])
    return with_model(labels, none, none, 0)


def interval(estimate: Estimate) -> ShareInterval:
    """Return the 95% interval of a share by Wilson's (1927) formula, with the effective number of labels.

    Dean and Pagano (2015) recommend this formula for survey samples, because an interval centred on the estimate is too
    short for shares near 0 or 1.
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

    Newcombe's hybrid score interval (1998) combines the ends of both intervals. A share of 0 or 1 thus keeps its
    uncertainty.
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


def doubt(probabilities: np.ndarray) -> np.ndarray:
    """Return how unsure the model is of each row, float64 ``(n,)``, from 0 (certain) to 1 (all classes are equal).

    This is the standard deviation of the class indicators under the model, divided by its largest possible value. The
    optimal drawing probability of a row is proportional to this deviation (Neyman, 1934).
    """
    classes = probabilities.shape[1]
    variance = (probabilities * (1 - probabilities)).sum(axis=1, dtype=np.float64)
    return np.sqrt(np.clip(variance, 0, None) / (1 - 1 / classes))


def chances_of(doubts: np.ndarray | None, count: int, rows: int) -> np.ndarray:
    """Return the probability with which to draw each row, float64 ``(rows,)``; the probabilities sum to ``count``.

    ``doubts`` are the values of :func:`doubt`; None gives all rows the same probability. ``count`` is at most ``rows``.
    """
    sizes = np.ones(rows) if doubts is None else _EVEN_PART * doubts.mean() + (1 - _EVEN_PART) * doubts
    sizes = np.maximum(sizes, 1e-9)
    chances = sizes * count / sizes.sum()
    while (chances > 1).any():  # Such rows are drawn for certain, and the other rows share the rest.
        certain = chances >= 1
        left = np.where(certain, 0.0, sizes)
        chances = np.where(certain, 1.0, left * (count - certain.sum()) / max(left.sum(), 1e-9))
    return chances


def draw(chances: np.ndarray, cells: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw rows by systematic sampling (Madow, 1949), and return their positions, int64, ascending.

    Rows are shuffled within their cell, and cells are concatenated. Rows are then taken at equal steps of the
    cumulative probability. Each cell thus gets its proportion of the sample, to within one row.

    Args:
        chances: the drawing probabilities from :func:`chances_of`, float64 ``(rows,)``.
        cells: the index of each row's cell (a group in a period), integer ``(rows,)``.
        random: the generator for the order within the cells and for the first step.
    """
    order = np.lexsort((random.random(len(chances)), cells))
    steps = np.floor(np.cumsum(chances[order]) + random.random() - 1e-9)
    return np.sort(order[np.diff(steps, prepend=0) > 0])
