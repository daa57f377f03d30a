"""The model's answer to a tweet: probabilities, the share of tokens that the model knows, and the label."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

UNCERTAIN = "uncertain"
UNKNOWN_TEXT = "unknown"
PREFIX = "predicted_"


class Answers(NamedTuple):
    """The model's answers to ``n`` tweets.

    Attributes:
        probabilities: class probabilities, float32 ``(n, classes)``.
        known: share of tokens that the model knows, float32 ``(n,)``, from 0 to 1. Tokens that it does not know are
            links, user names and words outside its vocabulary. At a share of 0, the probabilities are meaningless.
        cut: whether the tweet has more tokens than the model reads, bool ``(n,)``. The end of such a tweet is ignored.
    """

    probabilities: "np.ndarray"
    known: "np.ndarray"
    cut: "np.ndarray"


@dataclass(frozen=True, slots=True)
class AnswerOptions:
    """How the model's probabilities become labels and columns.

    Attributes:
        threshold: probability below which the label is ``uncertain``.
        force: label a text of which the model knows no token with its most probable class, instead of ``unknown``.
        prefix: prefix of the new columns' names. None means no prefix, or ``PREFIX`` if the table already has a column
            of the same name as a new one.
    """

    threshold: float = 0.0
    force: bool = False
    prefix: str | None = None


def labels_of(
    classes: "np.ndarray",
    probabilities: "np.ndarray",
    known: "np.ndarray",
    threshold: float = 0.0,
    force: bool = False,
) -> "np.ndarray":
    """Return the label of each tweet, str ``(n,)``: a class, ``uncertain`` or ``unknown``.

    Args:
        classes: class names, str ``(classes,)``.
        probabilities, known: see `Answers`.
        threshold: probability below which the label is ``uncertain``.
        force: label a tweet whose share is 0 with its most probable class, instead of ``unknown``.
    """
    import numpy as np

    labels = np.where(probabilities.max(axis=1) < threshold, UNCERTAIN, classes[probabilities.argmax(axis=1)])
    return labels if force else np.where(known == 0, UNKNOWN_TEXT, labels)
