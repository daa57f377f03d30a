"""Metrics of predictions with confidence intervals, paired tests of two classifiers, and the curves of the report."""

from typing import Any, NamedTuple

import numpy as np

_SEED = 20091204
_RESAMPLES = 10_000


def measure(
    y_true: np.ndarray, y_pred: np.ndarray, classes: int, probabilities: np.ndarray | None = None
) -> dict[str, Any]:
    """Return the metrics of one classifier on one test set, by name.

    Args:
        y_true, y_pred: true and predicted class indices, integer ``(n,)``, ``n`` at least 1.
        classes: the number of classes.
        probabilities: class probabilities, float ``(n, classes)``. If None, the metrics that need them are None too.

    Returns:
        n: the number of rows.
        accuracy: the share of correct labels.
        accuracy_ci95: the 95% percentile bootstrap interval over rows (Efron, 1979), from 10,000 resamples; Wilson's
            interval if all labels are correct or none is.
        macro_recall, macro_f1: unweighted means over the classes that occur in the test set.
        roc_auc: the area under the ROC curve; for more than two classes the mean over each class against the rest.
        log_loss: the mean negative natural logarithm of the probability of the true class.
        ece: the expected calibration error over 15 equal-width bins of confidence (Guo et al., 2017).
        confusion_matrix: the number of rows per true class (matrix row) and predicted class (matrix column).
    """
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (y_true, y_pred), 1)
    hits, truths, guesses, n = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0), len(y_true)
    present = truths > 0
    area = log_loss = ece = None
    if probabilities is not None:
        area = _roc_auc(y_true, probabilities) if present.sum() > 1 else None
        of_truth = probabilities[np.arange(n), y_true].astype(np.float64)
        log_loss = float(-np.log(np.clip(of_truth, 1e-15, 1.0)).mean())
        ece = reliability(probabilities.max(axis=1), probabilities.argmax(axis=1) == y_true).ece
    return {
        "n": n,
        "accuracy": float(hits.sum() / n),
        "accuracy_ci95": bootstrap_interval(int(hits.sum()), n),
        "macro_recall": float((hits[present] / truths[present]).mean()),
        "macro_f1": float((2 * hits[present] / np.maximum(1, truths[present] + guesses[present])).mean()),
        "roc_auc": area,
        "log_loss": log_loss,
        "ece": ece,
        "confusion_matrix": matrix.tolist(),
    }


def bootstrap_interval(hits: int, n: int) -> tuple[float, float]:
    """Return the 95% percentile bootstrap interval of the share ``hits / n``, or Wilson's if the share is 0 or 1.

    All resamples of a share of 0 or 1 are equal.
    """
    if hits in (0, n):
        return wilson_interval(hits, n)
    # to resample rows is to draw from a binomial distribution
    return _middle95(np.random.default_rng(_SEED).binomial(n, hits / n, _RESAMPLES) / n)


def wilson_interval(hits: int, n: int) -> tuple[float, float]:
    """Return Wilson's (1927) 95% score interval of ``hits / n``, which is within 0 and 1 and accurate for few rows."""
    from scipy.stats import binomtest

    low, high = binomtest(hits, n).proportion_ci(method="wilson")
    return float(low), float(high)


def difference_interval(only_first: int, only_other: int, n: int) -> tuple[float, float]:
    """Return the 95% paired bootstrap interval of the accuracy of one classifier minus the accuracy of another.

    Of ``n`` rows, only the first classifier labels ``only_first`` correctly, and only the other ``only_other``.
    """
    shares = np.array([only_first, only_other, n - only_first - only_other]) / n
    drawn = np.random.default_rng(_SEED).multinomial(n, shares, _RESAMPLES)
    return _middle95((drawn[:, 0] - drawn[:, 1]) / n)


def _middle95(resampled: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(resampled, [0.025, 0.975])
    return float(low), float(high)


def mcnemar(right: np.ndarray, other_right: np.ndarray) -> float:
    """Return the exact two-sided p-value of McNemar's test (1947) of equal accuracy.

    The arguments are bool ``(n,)``: whether each classifier labels each row correctly.
    """
    from scipy.stats import binomtest

    only, other_only = int((right & ~other_right).sum()), int((other_right & ~right).sum())
    return float(binomtest(only, only + other_only).pvalue) if only + other_only else 1.0


def _roc_auc(y_true: np.ndarray, probabilities: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    if probabilities.shape[1] == 2:
        return float(roc_auc_score(y_true, probabilities[:, 1]))
    present = np.unique(y_true)
    return float(np.mean([roc_auc_score(y_true == k, probabilities[:, k]) for k in present]))


class Curve(NamedTuple):
    """The points of a curve, ``x`` and ``y`` float64 ``(points,)``, and the ``area`` under the curve."""

    x: np.ndarray
    y: np.ndarray
    area: float


class Reliability(NamedTuple):
    """Mean ``confidence``, ``accuracy`` and row count ``n`` per confidence bin; expected calibration error ``ece``."""

    confidence: np.ndarray
    accuracy: np.ndarray
    n: np.ndarray
    ece: float


def roc_curve(positive: np.ndarray, score: np.ndarray) -> Curve:
    """Return the true positive rate by false positive rate. There must be positive and negative rows.

    ``positive`` is bool ``(n,)``; ``score`` is float ``(n,)``, higher for rows that are more probably positive.
    """
    from sklearn import metrics

    x, y, _ = metrics.roc_curve(positive, score, drop_intermediate=False)
    return Curve(x, y, float(metrics.auc(x, y)))


def precision_recall_curve(positive: np.ndarray, score: np.ndarray) -> Curve:
    """Return precision by recall, from the arguments of :func:`roc_curve`. The area is average precision."""
    from sklearn import metrics

    precision, recall, _ = metrics.precision_recall_curve(positive, score)
    area = float(metrics.average_precision_score(positive, score))
    return Curve(recall[-2::-1], precision[-2::-1], area)  # without scikit-learn's added point at recall 0


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = 15) -> Reliability:
    """Return mean confidence and accuracy per bin of confidence, of equal width from 0 to 1, without empty bins.

    ``confidence`` is the probability of the predicted class, float ``(n,)``. ``correct`` is bool ``(n,)``.
    """
    position = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    n = np.bincount(position, minlength=bins)
    filled = n > 0
    mean = np.bincount(position, confidence, bins)[filled] / n[filled]
    accuracy = np.bincount(position, correct, bins)[filled] / n[filled]
    gaps = np.bincount(position, correct - confidence.astype(np.float64), bins)
    ece = float(np.abs(gaps).sum() / len(confidence))
    return Reliability(mean, accuracy, n[filled], ece)


def abstention_curve(confidence: np.ndarray, correct: np.ndarray) -> Curve:
    """Return accuracy by coverage (share of rows whose confidence reaches a threshold); the area is mean accuracy."""
    order = np.argsort(-confidence, kind="stable")
    rank = np.arange(1, len(order) + 1)
    accuracy = np.cumsum(correct[order]) / rank
    last = np.flatnonzero(np.append(np.diff(confidence[order]) != 0, True))
    return Curve(rank[last] / len(order), accuracy[last], float(accuracy.mean()))
