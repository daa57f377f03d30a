"""What a row counts in training, and where two networks are compared."""

import numpy as np

from sentiment.data.encoded import EncodedPart
from sentiment.settings import TrainingSettings


def class_weights(part: EncodedPart, classes: int, options: TrainingSettings) -> np.ndarray:
    """Return the weight of each class, float32 ``(classes,)``, that ``options`` give the training rows ``part``.

    The corpus's own rows decide. Rows of augmentation are balanced by themselves.
    """
    if options.class_weights == "none":
        return np.ones(classes, np.float32)
    return balanced_weights(
        part.labels[: part.own], classes, None if part.weights is None else part.weights[: part.own]
    )


def row_weights(part: EncodedPart, by_class: np.ndarray) -> np.ndarray:
    """Return what each row of ``part`` counts, float32 ``(n,)``: the weight of its class times its own.

    Rows of augmentation count their own weight only, because there are as many of either pole already.

    Args:
        part: rows with their labels.
        by_class: float32 ``(classes,)``, as :func:`class_weights` gives it.
    """
    weights = by_class[part.labels]
    weights[len(part.labels) if part.own is None else part.own :] = 1
    return weights if part.weights is None else weights * part.weights


def balanced_weights(labels: np.ndarray, classes: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Return ``n / (classes * count)`` for each class, float32 ``(classes,)``, like scikit-learn's ``balanced``.

    A row counts as much as its weight, where rows ``(n,)`` have ``weights`` ``(n,)``, 1 on average.
    """
    counts = np.bincount(labels, weights, minlength=classes)
    return (counts.sum() / (classes * np.where(counts > 0, counts, 1.0))).astype(np.float32)
