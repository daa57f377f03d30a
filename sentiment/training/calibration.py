"""Calibration by temperature scaling (Guo et al., 2017): about 80% of answers with a probability of 80% are right.

The logits are divided by a temperature T. The division is folded into the weights of the output layer, so that every
exported form of the model is calibrated. For calibrated probabilities p, ``softmax(T * log p)`` undoes the calibration.

With only 20 validation rows, the temperature with the lowest log loss can be anything from 0.3 to 5. Therefore the fit
has a normal prior on log T with mean 0. From about 500 rows on, the prior has hardly any effect.
"""

import numpy as np

from sentiment.network.folded import softmax

# Standard deviation of the prior on log T. Of nine values it gave the lowest log loss on held-out rows, with 20 to 100
# validation rows. Temperatures fitted to 5,000 rows had a standard deviation of 0.24 in log T (docs/history.md).
SPREAD = 0.2
_BOUNDS = (0.2, 5.0)


def logits_of(probabilities: np.ndarray) -> np.ndarray:
    """Return float64 logits whose softmax is ``probabilities``, with finite logits for probabilities of zero."""
    return np.log(np.clip(probabilities.astype(np.float64), 1e-12, 1.0))


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature from 0.2 to 5 that calibrates ``probabilities`` best, by Brent's bounded search.

    ``probabilities``, float ``(n, classes)``, are of rows that the network was not trained on, with the classes
    ``labels``, integer ``(n,)``.
    """
    from scipy.optimize import minimize_scalar

    logits = logits_of(probabilities)

    def loss(log_temperature: float) -> float:
        likelihood = _losses(logits / np.exp(log_temperature), labels).mean()
        return float(likelihood + (log_temperature / SPREAD) ** 2 / (2 * len(labels)))

    return float(np.exp(minimize_scalar(loss, bounds=np.log(_BOUNDS), method="bounded", options={"xatol": 1e-4}).x))


def uncalibrated(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return the probabilities ``(n, classes)`` before their calibration with ``temperature``."""
    return softmax(logits_of(probabilities) * temperature)


def row_losses(probabilities: np.ndarray, labels: np.ndarray, temperature: float, weights: np.ndarray) -> np.ndarray:
    """Return the log loss of each row after calibration, times the weight of its class, float64 ``(n,)``.

    ``probabilities`` ``(n, classes)`` are uncalibrated. ``weights`` ``(classes,)`` are those of the classes.
    """
    return _losses(logits_of(probabilities) / temperature, labels) * weights[labels]


def _losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return -np.log(np.clip(softmax(logits)[np.arange(len(labels)), labels], 1e-12, 1.0))
