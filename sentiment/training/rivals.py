"""Choosing between two networks on validation rows that may be few: by standard errors of the difference."""

import numpy as np

from sentiment.network.folded import softmax
from sentiment.training.calibration import logits_of


def row_losses(probabilities: np.ndarray, labels: np.ndarray, temperature: float, weights: np.ndarray) -> np.ndarray:
    """Log loss of each row, float64 ``(n,)``, once the logits are divided by ``temperature``.

    Args:
        probabilities: float ``(n, classes)`` at temperature 1.
        labels: integer ``(n,)``.
        temperature: fitted on these rows.
        weights: what a row of each class counts, ``(classes,)``.
    """
    scaled = softmax(logits_of(probabilities) / temperature)
    return -np.log(np.clip(scaled[np.arange(len(labels)), labels], 1e-12, 1.0)) * weights[labels]


def is_clearly_better(losses: np.ndarray, others: np.ndarray, errors: float = 1.0) -> bool:
    """Whether ``losses`` ``(n,)`` are below those of the ``others`` on the same rows by so many standard ``errors``.

    The rule of Breiman et al. (*Classification and Regression Trees*, 1984): what is not told apart from chance goes
    to the one that was preferred before.
    """
    gain = others - losses
    error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.inf
    return bool(gain.mean() > errors * error)
