"""Logistic regression whose coefficients become a network layer: a kernel and a bias with one column per class."""

from typing import TYPE_CHECKING

import numpy as np

from sentiment.data.encoded import EncodedPart
from sentiment.network.folded import softmax
from sentiment.training.class_weights import row_weights

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_STEPS, _TOLERANCE = 300, 1e-9  # iterations at most, and relative decrease of the loss that ends them


def fit_logistic(
    features: "np.ndarray | csr_matrix",
    part: EncodedPart,
    weights: np.ndarray,
    inverse_penalty: float,
    steps: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a logistic regression with scikit-learn.

    Args:
        features: one row of features per row of ``part``, ``(n, width)``.
        part: rows with their labels and weights.
        weights: weight of each class, ``(classes,)``.
        inverse_penalty: scikit-learn's ``C``, the weight of the summed loss relative to half the squared kernel.
        steps: maximum number of iterations of the solver.

    Returns:
        Kernel ``(width, classes)`` and bias ``(classes,)``, float32.
    """
    from sklearn.linear_model import LogisticRegression

    regression = LogisticRegression(C=inverse_penalty, max_iter=steps).fit(
        features, part.labels, row_weights(part, weights)
    )
    kernel, bias = regression.coef_.T, regression.intercept_
    if len(weights) == 2:  # then scikit-learn fits one logit, of the second class
        kernel, bias = np.hstack([-kernel, kernel]) / 2, np.hstack([-bias, bias]) / 2
    return kernel.astype(np.float32), bias.astype(np.float32)


def fit_beside(
    features: "csr_matrix", part: EncodedPart, weights: np.ndarray, inverse_penalty: float, logits: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a logistic regression whose logits are added to the fixed ``logits`` of another model.

    Scikit-learn's logistic regression does not accept such an offset, so L-BFGS minimises the loss directly.

    Args:
        features: one row of features per row of ``part``, ``(n, width)``.
        part: rows with their labels and weights.
        weights: weight of each class, ``(classes,)``.
        inverse_penalty: weight of the summed loss relative to half the squared kernel.
        logits: logits of the other model for the same rows, ``(n, classes)``.

    Returns:
        Kernel ``(width, classes)`` and bias ``(classes,)``, float32.
    """
    from scipy.optimize import minimize

    rows, right = np.arange(len(part.labels)), np.asarray(part.labels)
    counted = inverse_penalty * row_weights(part, weights)
    turned, shape = features.T.tocsr(), (features.shape[1] + 1, len(weights))

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        kernel, bias = flat.reshape(shape)[:-1], flat.reshape(shape)[-1]
        error = softmax(logits + features @ kernel.astype(np.float32) + bias)  # float32, like the features: no copy
        value = -(counted * np.log(np.maximum(error[rows, right], 1e-300))).sum() + (kernel**2).sum() / 2
        error[rows, right] -= 1
        error *= counted[:, None]
        return value, np.concatenate([turned @ error.astype(np.float32) + kernel, error.sum(axis=0)[None]]).ravel()

    options = {"maxiter": _STEPS, "ftol": _TOLERANCE, "gtol": 0.0}
    found = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options=options).x
    kernel, bias = found.reshape(shape)[:-1], found.reshape(shape)[-1]
    return kernel.astype(np.float32), bias.astype(np.float32)
