"""Logistic regression as what a network computes: a kernel and a bias, one column a class."""

from typing import TYPE_CHECKING

import numpy as np

from sentiment.data.encoded import EncodedPart

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def fit_logistic(
    features: "np.ndarray | csr_matrix",
    part: EncodedPart,
    weights: np.ndarray,
    inverse_penalty: float,
    steps: int,
    tolerance: float = 1e-4,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit logistic regression to rows of features.

    Args:
        features: ``(n, width)``, of the rows of ``part``.
        part: their labels, and what each of them counts.
        weights: what a row of each class counts, ``(classes,)``.
        inverse_penalty: scikit-learn's C: what the loss, summed over the rows, counts beside half the squared kernel.
        steps: of the solver, at most.
        tolerance: of the mean loss's gradient, at which it stops.

    Returns:
        kernel ``(width, classes)`` and bias ``(classes,)``, float32.
    """
    from sklearn.linear_model import LogisticRegression

    counted = weights[part.labels] * (1.0 if part.weights is None else part.weights)
    regression = LogisticRegression(C=inverse_penalty, max_iter=steps, tol=tolerance).fit(
        features, part.labels, counted
    )
    kernel, bias = regression.coef_.T, regression.intercept_
    if len(weights) == 2:  # then scikit-learn has the logit of the second class alone
        kernel, bias = np.hstack([-kernel, kernel]) / 2, np.hstack([-bias, bias]) / 2
    return kernel.astype(np.float32), bias.astype(np.float32)
