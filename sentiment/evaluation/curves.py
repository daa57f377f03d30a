"""Compute the curves of the report: ROC, precision-recall, reliability and abstention."""

from typing import NamedTuple

import numpy as np

THRESHOLDS = (0.6, 0.7, 0.8, 0.9, 0.95)


class Curve(NamedTuple):
    """A curve with ``x`` and ``y`` float64 ``(points,)``, and its ``area``."""

    x: np.ndarray
    y: np.ndarray
    area: float


class Reliability(NamedTuple):
    """Mean ``confidence``, ``accuracy`` and row count ``n`` per bin of confidence, each ``(bins,)``; and ``ece``."""

    confidence: np.ndarray
    accuracy: np.ndarray
    n: np.ndarray
    ece: float


class Abstention(NamedTuple):
    """The share of rows with a confidence above ``threshold`` (``coverage``), and their ``accuracy``."""

    threshold: float
    coverage: float
    accuracy: float


def roc_curve(positive: np.ndarray, score: np.ndarray) -> Curve | None:
    """Return the true positive rate by false positive rate; the area is the probability that positives rank higher.

    Args:
        positive: bool ``(n,)``.
        score: float ``(n,)``, higher for positive.

    Returns:
        The curve, or None if there are no positive or no negative rows.
    """
    from sklearn import metrics

    if positive.all() or not positive.any():
        return None
    x, y, _ = metrics.roc_curve(positive, score, drop_intermediate=False)
    return Curve(x, y, float(metrics.auc(x, y)))


def precision_recall_curve(positive: np.ndarray, score: np.ndarray) -> Curve | None:
    """Return precision by recall; the area is the average precision, that of the step function.

    Arguments and None are as in :func:`roc_curve`.
    """
    from sklearn import metrics

    if positive.all() or not positive.any():
        return None
    precision, recall, _ = metrics.precision_recall_curve(positive, score)
    area = float(metrics.average_precision_score(positive, score))
    return Curve(recall[-2::-1], precision[-2::-1], area)  # by falling score, without the made-up point at recall 0


def thin(curve: Curve, points: int = 160) -> Curve:
    """Return at most ``points`` points of a curve with both ends, spread evenly along its length."""
    if len(curve.x) <= points:
        return curve
    length = np.concatenate(([0.0], np.cumsum(np.hypot(np.diff(curve.x), np.diff(curve.y)))))
    wanted = np.linspace(0.0, length[-1], points)
    rows = np.unique(np.append(np.searchsorted(length, wanted[:-1]), len(length) - 1))
    return Curve(curve.x[rows], curve.y[rows], curve.area)


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = 15) -> Reliability:
    """Return mean confidence and accuracy in bins of equal width from 0 to 1; empty bins are left out.

    Args:
        confidence: float ``(n,)``, probability of the predicted class.
        correct: bool ``(n,)``.
        bins: number of bins.
    """
    position = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    n = np.bincount(position, minlength=bins)
    filled = n > 0
    mean = np.bincount(position, confidence, bins)[filled] / n[filled]
    accuracy = np.bincount(position, correct, bins)[filled] / n[filled]
    gaps = np.bincount(position, correct - confidence.astype(np.float64), bins)
    ece = float(np.abs(gaps).sum() / max(1, len(confidence)))
    return Reliability(mean, accuracy, n[filled], ece)


def abstention_curve(confidence: np.ndarray, correct: np.ndarray) -> Curve:
    """Return accuracy by coverage while the confidence threshold falls; the area is the mean accuracy."""
    order = np.argsort(-confidence, kind="stable")
    rank = np.arange(1, len(order) + 1)
    accuracy = np.cumsum(correct[order]) / rank
    last = np.flatnonzero(np.append(np.diff(confidence[order]) != 0, True)[: len(order)])
    area = float(accuracy.mean()) if len(order) else float("nan")
    return Curve(rank[last] / max(1, len(order)), accuracy[last], area)


def abstentions(confidence: np.ndarray, correct: np.ndarray) -> list[Abstention]:
    """Return coverage and accuracy at each of ``THRESHOLDS`` that at least one answer reaches."""
    rows = [(t, confidence >= t) for t in THRESHOLDS]
    return [Abstention(t, float(mask.mean()), float(correct[mask].mean())) for t, mask in rows if mask.any()]
