"""Score a model and its baselines on test sets of labelled tweets."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sentiment.data.corpus import LabelledTexts
from sentiment.data.splitting import is_seen
from sentiment.errors import InputError
from sentiment.evaluation.baselines import Predictor
from sentiment.evaluation.metrics import mcnemar, measure
from sentiment.evaluation.record import Predictions, from_probabilities
from sentiment.evaluation.sentence_tests import NEGATIVE, POSITIVE, read_pairs, score_pairs

if TYPE_CHECKING:
    from sentiment.predict.classifier import SentimentClassifier


class LabelledTestSet(NamedTuple):
    """A test set of labelled tweets.

    Attributes:
        name, source: the name of the test set in the report, and the file from which it was read.
        rows: texts and class indices.
        left_out: the number of rows left out because the model does not have their class.
        seen: the number of rows left out because the model was trained or validated on them.
        published: published figures for these tweets, from the profile.
    """

    name: str
    source: str
    rows: LabelledTexts
    left_out: int = 0
    seen: int = 0
    published: Mapping[str, Any] | None = None


class ScoredTestSet(NamedTuple):
    """The figures of the model and its baselines on a test set, and their predictions."""

    metrics: dict[str, Any]
    predictions: Predictions


def with_distinct_names(tests: Sequence[LabelledTestSet]) -> list[LabelledTestSet]:
    """Return ``tests`` with distinct names: test sets with the same name are named by their source.

    Raises:
        InputError: two test sets have the same source.
    """
    names = [test.name for test in tests]
    named = [test._replace(name=test.source) if names.count(test.name) > 1 else test for test in tests]
    sources = [test.name for test in named]
    if twice := next((name for name in sources if sources.count(name) > 1), None):
        raise InputError(f"{twice}: is given twice as a test set; leave one out")
    return named


def without_seen(test: LabelledTestSet, seen: np.ndarray) -> LabelledTestSet:
    """Return ``test`` without the tweets that the model was trained or validated on; ``seen`` has their hashes, sorted.

    Raises:
        InputError: no tweet is left.
    """
    known = is_seen(test.rows.texts, seen)
    if known.all():
        raise InputError(f"{test.source}: the model was trained on every tweet of it; expected tweets it has not seen")
    unseen = np.flatnonzero(~known)
    rows = LabelledTexts([test.rows.texts[int(i)] for i in unseen], test.rows.labels[unseen])
    return test._replace(rows=rows, seen=int(known.sum()))


def score(test: LabelledTestSet, model: "SentimentClassifier", baselines: Mapping[str, Predictor]) -> ScoredTestSet:
    """Return the figures and predictions of ``model`` and ``baselines`` on ``test``."""
    classes, y_true = model.classes_, test.rows.labels
    probabilities = model.predict_proba(test.rows.texts)
    y_pred = probabilities.argmax(axis=1)
    metrics = {"source": test.source, "left_out": test.left_out, "seen": test.seen}
    metrics |= measure(y_true, y_pred, len(classes), probabilities).to_dict()
    metrics |= {"published": test.published} if test.published else {}
    peers: dict[str, Any] = {}
    labels: dict[str, Any] = {}
    for name, predict in baselines.items():
        answers = predict(test.rows.texts)
        labels[name] = classes[answers.labels]
        peers[name] = measure(y_true, answers.labels, len(classes), answers.probabilities).to_dict()
        peers[name]["accuracy_difference"] = metrics["accuracy"] - peers[name]["accuracy"]
        peers[name]["mcnemar_p"] = mcnemar(y_pred == y_true, answers.labels == y_true)
    truths = classes[y_true].tolist()
    rows = from_probabilities(classes.tolist(), test.rows.texts, truths, probabilities, test.name, labels)
    return ScoredTestSet(metrics | {"baselines": peers}, rows)


def score_minimal_pairs(
    model: "SentimentClassifier", baselines: Mapping[str, Predictor], meanings: Sequence[str]
) -> dict[str, Any]:
    """Return ``model`` or name of a baseline -> results on the minimal pairs, as from :func:`score_pairs`.

    The result is empty unless ``meanings``, one per class, include ``negative`` and ``positive``.
    """
    classes, pairs = np.array(meanings), read_pairs()
    if not {NEGATIVE, POSITIVE} <= set(meanings):
        return {}

    def labelling(predict: Predictor) -> Callable[[Sequence[str]], np.ndarray]:
        return lambda texts: classes[predict(texts).labels]

    scores = {"model": score_pairs(pairs, lambda texts: classes[model.predict_proba(texts).argmax(axis=1)])}
    return scores | {name: score_pairs(pairs, labelling(predict)) for name, predict in baselines.items()}
