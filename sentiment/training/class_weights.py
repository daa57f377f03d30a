"""Weights of classes and rows in the training loss and in the comparison of networks."""

import numpy as np

from sentiment.data.encoded import EncodedPart
from sentiment.settings import TrainingSettings


def class_weights(part: EncodedPart, classes: int, options: TrainingSettings) -> np.ndarray:
    """Return the weight of each class, float32 ``(classes,)``: 1 for all, or balanced, by ``options.class_weights``.

    Only rows of the corpus are counted, because rows of augmentation have balanced labels already.
    """
    if options.class_weights == "none":
        return np.ones(classes, np.float32)
    return balanced_weights(
        part.labels[: part.own], classes, None if part.weights is None else part.weights[: part.own]
    )


def row_weights(part: EncodedPart, by_class: np.ndarray) -> np.ndarray:
    """Return the weight of each row of ``part``, float32 ``(n,)``: the weight of its class times the row's own weight.

    ``by_class`` contains the class weights, float32 ``(classes,)``. They do not apply to rows of augmentation, because
    the labels of these rows are balanced already.
    """
    weights = by_class[part.labels]
    weights[len(part.labels) if part.own is None else part.own :] = 1
    return weights if part.weights is None else weights * part.weights


def balanced_weights(labels: np.ndarray, classes: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Return ``n / (classes * count)`` for each class, float32 ``(classes,)``, like scikit-learn's ``balanced``.

    ``count`` is the number of rows of the class, and ``n`` the number of all rows. With row weights ``(n,)``, both are
    sums of weights instead.
    """
    counts = np.bincount(labels, weights, minlength=classes)
    return (counts.sum() / (classes * np.where(counts > 0, counts, 1.0))).astype(np.float32)
