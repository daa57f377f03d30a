"""What is said of a tweet, once its probabilities are known."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

UNCERTAIN = "uncertain"
UNKNOWN = "unknown"


def labels_of(classes: "np.ndarray", probabilities: "np.ndarray", threshold: float) -> "np.ndarray":
    """Most probable of the ``classes``, str ``(n,)``; ``uncertain`` where the probability is below ``threshold``."""
    import numpy as np

    return np.where(probabilities.max(axis=1) < threshold, UNCERTAIN, classes[probabilities.argmax(axis=1)])
