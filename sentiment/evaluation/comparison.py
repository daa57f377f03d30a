"""Compare models on the same tweets: metrics, paired tests, and the tweets to which models give different labels."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sentiment.errors import InputError
from sentiment.evaluation.metrics import ClassificationMetrics, difference_interval, mcnemar, measure
from sentiment.evaluation.record import Predictions

LISTED = 100


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """A comparison of the first model with another model on the same tweets.

    Attributes:
        name: the name of the other model.
        n: the number of tweets.
        only_first, only_other: the number of tweets that only the first or only the other model labels correctly.
        disagree: the number of tweets with different labels.
        difference: the accuracy of the first model minus the accuracy of the other model.
        low, high: the 95% interval of ``difference``, by percentile bootstrap over tweets.
        p: the p-value of McNemar's exact test.
    """

    name: str
    n: int
    only_first: int
    only_other: int
    disagree: int
    difference: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The predictions and metrics of several models on the tweets that all of them have.

    Attributes:
        models: name of a model -> predictions for the common tweets, in the same order for every model.
        metrics: name of a model -> metrics on these tweets.
        pairs: the comparison of the first model with each other model.
        left_out: the number of tweets that were left out because the models' files give them different true labels.
    """

    models: dict[str, Predictions]
    metrics: dict[str, ClassificationMetrics]
    pairs: list[PairedComparison]
    left_out: int


def compare(models: Mapping[str, Predictions]) -> Comparison:
    """Compare models on the tweets that all of them have.

    Raises:
        InputError: there are fewer than two models, or they have no tweet in common.
    """
    if len(models) < 2:
        raise InputError("expected two model folders or more to compare")
    aligned, left_out = share_rows(models)
    first = next(iter(aligned))
    n = len(aligned[first].true)
    if not n:
        raise InputError(
            f"{' and '.join(aligned)}: their predictions share no tweet; compare on one with --corpus FILE"
        )
    metrics = {name: measure(m.true, m.predicted, len(m.classes), m.probabilities) for name, m in aligned.items()}
    pairs = [pair(name, aligned[first], other) for name, other in aligned.items() if name != first]
    return Comparison(aligned, metrics, pairs, left_out)


def share_rows(models: Mapping[str, Predictions]) -> tuple[dict[str, Predictions], int]:
    """Return each model's predictions for the common tweets, one row per text, in the order of the first model.

    The second result is the number of texts that are left out because their true labels differ.
    """
    rows = [_rows_by_text(model) for model in models.values()]
    common = [text for text in rows[0] if all(text in other for other in rows[1:])]
    truths = [{text: m.classes[m.true[r[text]]] for text in common} for m, r in zip(models.values(), rows, strict=True)]
    agreed = [text for text in common if len({truth[text] for truth in truths}) == 1]
    taken = {
        name: model.take(np.array([where[text] for text in agreed], np.int64))
        for (name, model), where in zip(models.items(), rows, strict=True)
    }
    return taken, len(common) - len(agreed)


def pair(name: str, first: Predictions, other: Predictions) -> PairedComparison:
    """Compare the predictions of two models row by row; ``name`` is the name of the other model."""
    right, other_right = first.correct, other.correct
    only_first, only_other, n = int((right & ~other_right).sum()), int((other_right & ~right).sum()), len(right)
    low, high = difference_interval(only_first, only_other, n)
    disagree = int((_labels(first) != _labels(other)).sum())
    difference = (only_first - only_other) / n
    p = mcnemar(right, other_right)
    return PairedComparison(name, n, only_first, only_other, disagree, difference, low, high, p)


def disagreements(comparison: Comparison, most: int = LISTED) -> np.ndarray:
    """Return the positions, int64 ``(rows,)``, of at most ``most`` tweets to which models give different labels.

    Tweets with the highest mean confidence come first.
    """
    labels = np.stack([_labels(model) for model in comparison.models.values()])
    rows = np.flatnonzero((labels != labels[0]).any(axis=0))
    surest = np.mean([model.confidence[rows] for model in comparison.models.values()], axis=0)
    return rows[np.argsort(-surest, kind="stable")][:most]


def _rows_by_text(model: Predictions) -> dict[str, int]:
    rows: dict[str, int] = {}
    for row, text in enumerate(model.texts.tolist()):
        rows.setdefault(text, row)
    return rows


def _labels(model: Predictions) -> np.ndarray:
    return np.array(model.classes)[model.predicted]
