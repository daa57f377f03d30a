"""What is said of a tweet: its probabilities, how much of it the model knows, and the label that follows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

UNCERTAIN = "uncertain"
UNKNOWN_TEXT = "unknown"


class Answers(NamedTuple):
    """What the model answers to ``n`` tweets.

    Attributes:
        probabilities: of the classes, float32 ``(n, classes)``.
        known: share of the tokens that the model reads which it knows, float32 ``(n,)``, 0 to 1. 0 is a text without
            any known token; its probabilities say nothing about it, they are those of one unknown token.
    """

    probabilities: "np.ndarray"
    known: "np.ndarray"


def labels_of(
    classes: "np.ndarray",
    probabilities: "np.ndarray",
    known: "np.ndarray",
    threshold: float = 0.0,
    force: bool = False,
) -> "np.ndarray":
    """What is said of each tweet, str ``(n,)``.

    Args:
        classes: their names, str ``(classes,)``.
        probabilities: float32 ``(n, classes)``.
        known: share of known tokens, ``(n,)``.
        threshold: an answer of lower probability is ``uncertain``.
        force: whether a text without a known token is given the most probable class like any other, not ``unknown``.
    """
    import numpy as np

    labels = np.where(probabilities.max(axis=1) < threshold, UNCERTAIN, classes[probabilities.argmax(axis=1)])
    return labels if force else np.where(known == 0, UNKNOWN_TEXT, labels)


def label_of(classes: Sequence[str], probabilities: Sequence[float], known: float, threshold: float = 0.0) -> str:
    """As :func:`labels_of`, of one tweet, whose probabilities are a list: NumPy takes ten times as long for one.

    ``threshold`` must be a float32 number, as what it is compared with.
    """
    best = max(probabilities)
    if known == 0:
        return UNKNOWN_TEXT
    return UNCERTAIN if best < threshold else classes[probabilities.index(best)]
