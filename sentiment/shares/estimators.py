"""Draw rows to label by hand, and estimate the share of each class from these labels and a model's probabilities.

Rows are drawn at random with known chances, spread over groups and periods. The model's probabilities serve
as auxiliary variables of a regression estimator, so the interval is valid even where the model is wrong, and narrower
where the model is right. The estimator is known under two names: the generalised regression estimator of survey
sampling (Särndal, Swensson and Wretman, *Model Assisted Survey Sampling*, 1992, section 6.4) and tuned
prediction-powered inference (Angelopoulos, Duchi and Zrnic, *PPI++*, 2023). Chances that follow the model's doubt make
it active inference (Zrnic and Candès, *Active statistical inference*, 2024).
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

# The part of a row's size that does not depend on the model's doubt. It bounds how much a model that is sure and wrong
# costs.
_EVEN_PART = 0.4
LEAST_LABELS = 30  # Fewer labels give no interval of their own: the normal approximation needs about this many.


class ShareInterval(NamedTuple):
    """An estimated share, or a difference of two, with the ends of its 95% interval; all from 0 to 1 (or -1 to 1)."""

    value: float
    low: float
    high: float


class Estimate(NamedTuple):
    """An estimate before it becomes an interval.

    Attributes:
        value: the share.
        variance: its estimated sampling variance.
        freedom: degrees of freedom of the variance.
        effective_labels: how many labels of an even draw would say as much (Kish, 1965); infinite for a census.
    """

    value: float
    variance: float
    freedom: float
    effective_labels: float


class Labels(NamedTuple):
    """The labelled rows of a draw.

    Attributes:
        features: the model's probabilities without the last class, float64 ``(n, k)``.
        indicators: 1 where the label is the class in question, float64 ``(n,)``.
        chances: probability of each row to be drawn, float64 ``(n,)``, over 0 and at most 1.
    """

    features: np.ndarray
    indicators: np.ndarray
    chances: np.ndarray

    def take(self, rows: np.ndarray) -> "Labels":
        """Return the rows with these positions."""
        return Labels(self.features[rows], self.indicators[rows], self.chances[rows])


def tuned_slopes(labels: Labels) -> np.ndarray:
    """Fit the slopes that make the variance of :func:`with_model` small, float64 ``(k,)``.

    This is a least-squares fit of the indicators to the features. Each row counts as its share of the sampling
    variance, ``(1 - chance) / chance**2``. Slopes of 0 ignore the model; a model that is turned upside down gets
    negative slopes.
    """
    weights = _variance_weights(labels.chances)
    x, y = _centred(labels.features, weights), _centred(labels.indicators, weights)
    return np.linalg.lstsq(x * np.sqrt(weights)[:, None], y * np.sqrt(weights), rcond=1e-6)[0]


def with_model(labels: Labels, slopes: np.ndarray, means: np.ndarray, fitted: int) -> Estimate:
    """Estimate a share from labels and model together.

    Args:
        labels: those of the rows in question.
        slopes: of :func:`tuned_slopes`, float64 ``(k,)``.
        means: of the features over all rows in question, labelled or not, float64 ``(k,)``.
        fitted: how many slopes were fitted to these same labels; they cost degrees of freedom.
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
    """Return the 95% interval of a share.

    It is Wilson's (1927) with the effective number of labels in place of the number, as Dean and Pagano (2015)
    recommend for survey samples: an interval around the estimate itself would be too short for shares near 0 or 1.
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
    """Return the 95% interval of ``second - first``, two shares whose rows have nothing in common.

    It is put together from the ends of both intervals (Newcombe's hybrid score interval, 1998), so that a share of 0 or
    1 keeps its uncertainty.
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
    """Return the 97.5% quantile of Student's t by the expansion of Cornish and Fisher, to 1% from 3 degrees on."""
    z = NormalDist().inv_cdf(0.975)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def doubt(probabilities: np.ndarray) -> np.ndarray:
    """Return how unsure the model is of each row, float64 ``(n,)`` from 0 to 1.

    This is the standard deviation of the class indicators under the model, which is what an optimal allocation is
    proportional to (Neyman, 1934), as a share of its largest possible value.
    """
    classes = probabilities.shape[1]
    variance = (probabilities * (1 - probabilities)).sum(axis=1, dtype=np.float64)
    return np.sqrt(np.clip(variance, 0, None) / (1 - 1 / classes))


def chances_of(doubts: np.ndarray | None, count: int, rows: int) -> np.ndarray:
    """Return each row's chance to be drawn, float64 ``(rows,)``, of sum ``count``.

    Args:
        doubts: of :func:`doubt`; None draws evenly.
        count: how many rows are drawn; at most ``rows``.
        rows: how many there are.
    """
    sizes = np.ones(rows) if doubts is None else _EVEN_PART * doubts.mean() + (1 - _EVEN_PART) * doubts
    sizes = np.maximum(sizes, 1e-9)
    chances = sizes * count / sizes.sum()
    while (chances > 1).any():  # These rows are drawn for certain, and the others share the rest of the draw.
        certain = chances >= 1
        left = np.where(certain, 0.0, sizes)
        chances = np.where(certain, 1.0, left * (count - certain.sum()) / max(left.sum(), 1e-9))
    return chances


def draw(chances: np.ndarray, cells: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return the positions of the drawn rows, int64, ascending.

    The draw is systematic (Madow, 1949): rows are shuffled within their cell, cells come one after the other, and the
    draw goes through them at equal steps of the summed chances. Each cell thus gets its share of the draw to within
    one row.

    Args:
        chances: of :func:`chances_of`.
        cells: number of the group and period of each row, ``(rows,)``.
        random: decides the order within the cells and where the steps begin.
    """
    order = np.lexsort((random.random(len(chances)), cells))
    steps = np.floor(np.cumsum(chances[order]) + random.random() - 1e-9)
    return np.sort(order[np.diff(steps, prepend=0) > 0])
