"""Temperature scaling (Guo et al., 2017): probabilities that mean what they say.

The temperature T divides the logits. It is folded into the output layer, so that every form of the model is
calibrated, and the uncalibrated probabilities can be had back as ``softmax(T * log p)``.

On 20 rows the temperature with the least log loss is anything from 0.3 to 5. So it is the most probable one given that
its logarithm is distributed normally around 0: a prior that counts for little from some 500 rows on.
"""

from typing import TYPE_CHECKING

import numpy as np

from sentiment.network.folded import softmax

if TYPE_CHECKING:
    import keras


# Of nine values from 0 to no prior at all, the one with the least log loss on other rows for 20 to 100 validation rows;
# log T itself, fitted to 5,000 rows, had a standard deviation of 0.24 (docs/history.md).
SPREAD = 0.2
_BOUNDS = (0.2, 5.0)


def logits_of(probabilities: np.ndarray) -> np.ndarray:
    """Return float64 logits whose softmax is ``probabilities``; they are finite even for a probability of zero."""
    return np.log(np.clip(probabilities.astype(np.float64), 1e-12, 1.0))


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the most probable temperature from 0.2 to 5, by Brent's bounded search over its logarithm.

    Args:
        probabilities: float ``(n, classes)`` at temperature 1, of rows the network was not fitted on.
        labels: integer ``(n,)``.
    """
    from scipy.optimize import minimize_scalar

    logits = logits_of(probabilities)

    def loss(log_temperature: float) -> float:
        scaled = softmax(logits / np.exp(log_temperature))
        likelihood = -np.log(np.clip(scaled[np.arange(len(labels)), labels], 1e-12, 1.0)).mean()
        return float(likelihood + (log_temperature / SPREAD) ** 2 / (2 * len(labels)))

    return float(np.exp(minimize_scalar(loss, bounds=np.log(_BOUNDS), method="bounded", options={"xatol": 1e-4}).x))


def apply_temperature(model: "keras.Model", temperature: float) -> None:
    """Divide the logits of ``model`` by ``temperature``, by dividing the weights of every layer that adds to them."""
    from sentiment.network.keras_network import CLASSES, NGRAMS

    for layer in model.layers:
        if layer.name in (CLASSES, NGRAMS):
            layer.set_weights([weight / temperature for weight in layer.get_weights()])


def uncalibrated(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return what ``probabilities`` ``(n, classes)`` were at temperature 1."""
    return softmax(logits_of(probabilities) * temperature)


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
