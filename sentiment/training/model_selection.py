"""Decide between two networks by the standard error of their difference, since validation rows may be few."""

import numpy as np

from sentiment.network.folded import softmax
from sentiment.training.calibration import logits_of


def row_losses(probabilities: np.ndarray, labels: np.ndarray, temperature: float, weights: np.ndarray) -> np.ndarray:
    """Return the log loss of each row after the logits are divided by ``temperature``, float64 ``(n,)``.

    Args:
        probabilities: float ``(n, classes)`` at temperature 1.
        labels: integer ``(n,)``.
        temperature: the one that was fitted on these rows.
        weights: weight of each class, ``(classes,)``.
    """
    scaled = softmax(logits_of(probabilities) / temperature)
    return -np.log(np.clip(scaled[np.arange(len(labels)), labels], 1e-12, 1.0)) * weights[labels]


def is_clearly_better(losses: np.ndarray, others: np.ndarray, errors: float = 1.0) -> bool:
    """Return whether the mean of ``losses`` is lower than that of ``others`` by more than ``errors`` standard errors.

    This is the rule of Breiman et al. (*Classification and Regression Trees*, 1984): a candidate that chance alone may
    have put first does not replace the preferred one.

    Args:
        losses: of the candidate, one per row, ``(n,)``.
        others: of the preferred network on the same rows, ``(n,)``.
        errors: how many standard errors of the difference are needed.
    """
    gain = others - losses
    error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.inf
    return bool(gain.mean() > errors * error)
