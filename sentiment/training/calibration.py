"""Temperature scaling (Guo et al., 2017): probabilities that mean what they say.

The temperature T divides the logits. It is folded into the output layer, so that every form of the model is
calibrated, and the uncalibrated probabilities can be had back as ``softmax(T * log p)``.
"""

from typing import TYPE_CHECKING

import numpy as np

from sentiment.network.folded import softmax

if TYPE_CHECKING:
    import keras


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray, lowest: float = 0.2, highest: float = 5.0) -> float:
    """The temperature with the least log loss, by Brent's bounded search over its logarithm.

    Args:
        probabilities: float ``(n, classes)`` at temperature 1, of rows the network was not fitted on.
        labels: integer ``(n,)``.
        lowest, highest: bounds of the search.
    """
    from scipy.optimize import minimize_scalar

    logits = np.log(np.clip(probabilities.astype(np.float64), 1e-12, 1.0))

    def loss(log_temperature: float) -> float:
        scaled = softmax(logits / np.exp(log_temperature))
        return float(-np.log(np.clip(scaled[np.arange(len(labels)), labels], 1e-12, 1.0)).mean())

    bounds = (np.log(lowest), np.log(highest))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-4}).x))


def apply_temperature(model: "keras.Model", temperature: float) -> None:
    """Divide the logits of ``model`` by ``temperature``, by dividing the output layer's weights."""
    for weight in model.get_layer("classes").weights:
        weight.assign(weight / temperature)


def uncalibrated(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """What ``probabilities`` ``(n, classes)`` were at temperature 1."""
    return softmax(np.log(np.clip(probabilities.astype(np.float64), 1e-12, 1.0)) * temperature)
