"""Score a model and its baselines on test sets of labelled tweets, and list the weaknesses that the metrics show."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sentiment.data.corpus import LabelledTexts
from sentiment.data.splitting import is_seen
from sentiment.errors import InputError
from sentiment.evaluation.baselines import Predictor, predictor_of
from sentiment.evaluation.metrics import mcnemar, measure
from sentiment.evaluation.record import Predictions, from_probabilities
from sentiment.evaluation.sentence_tests import NEGATIVE, POSITIVE, read_pairs, score_pairs
from sentiment.settings import still_falling

if TYPE_CHECKING:
    from sentiment.predict.classifier import SentimentClassifier

FEWEST_TWEETS = 300
_HELD_OUT = "held-out tweets"
# A class is rare below half of the share it would have in a balanced corpus: accuracy then says little about it.
_RARE = 0.5
_VISIBLE = 0.0005  # the smallest difference that a percentage with one decimal shows


class LabelledTestSet(NamedTuple):
    """A test set of labelled tweets.

    Attributes:
        name, source: the name of the test set in the report, and the file from which it was read.
        rows: texts and class indices.
        left_out: the number of rows left out because the model does not have their class.
        seen: the number of rows left out because the model was trained or validated on them.
        published: results on these tweets that others have published, from the profile.
    """

    name: str
    source: str
    rows: LabelledTexts
    left_out: int = 0
    seen: int = 0
    published: Mapping[str, Any] | None = None


def with_distinct_names(tests: Sequence[LabelledTestSet]) -> list[LabelledTestSet]:
    """Return ``tests`` with distinct names: those with equal names are named after their source files instead.

    Two test sets with the same source raise an `InputError`.
    """
    names = [test.name for test in tests]
    named = [test._replace(name=test.source) if names.count(test.name) > 1 else test for test in tests]
    sources = [test.name for test in named]
    if twice := next((name for name in sources if sources.count(name) > 1), None):
        raise InputError(f"{twice}: is given twice as a test set; leave one out")
    return named


def without_seen(test: LabelledTestSet, seen: np.ndarray) -> LabelledTestSet:
    """Return ``test`` without the tweets that the model was trained or validated on; ``seen`` has their sorted hashes.

    If no tweet is left, raise an `InputError`.
    """
    known = is_seen(test.rows.texts, seen)
    if known.all():
        raise InputError(f"{test.source}: the model was trained on every tweet of it; expected tweets it has not seen")
    unseen = np.flatnonzero(~known)
    rows = LabelledTexts([test.rows.texts[int(i)] for i in unseen], test.rows.labels[unseen])
    return test._replace(rows=rows, seen=int(known.sum()))


def score(
    test: LabelledTestSet, model: "SentimentClassifier", baselines: Mapping[str, Predictor]
) -> tuple[dict[str, Any], Predictions]:
    """Return the metrics of ``model`` and ``baselines`` on ``test``, and their predictions."""
    classes, y_true = model.classes_, test.rows.labels
    probabilities = model.predict_proba(test.rows.texts)
    y_pred = probabilities.argmax(axis=1)
    metrics: dict[str, Any] = {"source": test.source, "left_out": test.left_out, "seen": test.seen}
    metrics |= measure(y_true, y_pred, len(classes), probabilities)
    metrics |= {"published": test.published} if test.published else {}
    others: dict[str, Any] = {}
    labels: dict[str, Any] = {}
    for name, predict in baselines.items():
        answers = predict(test.rows.texts)
        labels[name] = classes[answers.labels]
        others[name] = measure(y_true, answers.labels, len(classes), answers.probabilities)
        others[name]["accuracy_difference"] = metrics["accuracy"] - others[name]["accuracy"]
        others[name]["mcnemar_p"] = mcnemar(y_pred == y_true, answers.labels == y_true)
    predictions = from_probabilities(classes.tolist(), test.rows, probabilities, test.name, labels)
    return metrics | {"baselines": others}, predictions


def score_minimal_pairs(
    model: "SentimentClassifier", baselines: Mapping[str, Predictor], meanings: Sequence[str]
) -> dict[str, Any]:
    """Score ``model`` and each baseline on the minimal pairs; return the results of :func:`score_pairs` by name.

    ``meanings`` are the sentiments that the classes stand for. Without ``negative`` and ``positive`` among the
    meanings, the result is empty.
    """
    if not {NEGATIVE, POSITIVE} <= set(meanings):
        return {}
    classes, pairs = np.array(meanings), read_pairs()

    def labelling(predict: Predictor) -> Callable[[Sequence[str]], np.ndarray]:
        return lambda texts: classes[predict(texts).labels]

    predictors = {"model": predictor_of(model)} | dict(baselines)
    return {name: score_pairs(pairs, labelling(predict)) for name, predict in predictors.items()}


def remarks(
    metrics: Mapping[str, Any], classes: Sequence[str], manifest: Mapping[str, Any], label: Callable[[str], str] = str
) -> list[str]:
    """Return one sentence for each weakness of a model; an empty list if there is none.

    Args:
        metrics: the content of `metrics.json`: metrics of the model and its baselines, by name of test set.
        classes: the class names, in the order of the confusion matrix.
        manifest: the inputs and settings of the model; every key may be missing.
        label: a function from the name of a baseline or test set to its printed name.
    """
    found = [*_of_training(manifest)]
    for name, figures in metrics.items():
        where = _HELD_OUT if name == "held_out" else f"tweets of {label(name)}"
        found += _of_test_set(figures, where, classes, label)
    return found


def _of_training(manifest: Mapping[str, Any]) -> Iterator[str]:
    allowed = ((manifest.get("settings") or {}).get("training") or {}).get("epochs")
    if allowed and "last_fall" in manifest:
        remark = still_falling(allowed, manifest["best_epoch"], manifest["last_fall"])
        yield from [remark] if remark else []
    counts = (manifest.get("rows") or {}).get("train") or {}
    total = sum(counts.values())
    if rare := [name for name, count in counts.items() if total and count / total < _RARE / len(counts)]:
        shares = " and ".join(f"{name} only {100 * counts[name] / total:.1f}%" for name in rare)
        yield f"The classes are unbalanced: of the training tweets, {shares}. Look at macro recall, not at accuracy."


def _of_test_set(
    figures: Mapping[str, Any], where: str, classes: Sequence[str], label: Callable[[str], str]
) -> Iterator[str]:
    low, high = figures["accuracy_ci95"]
    if (n := figures["n"]) < FEWEST_TWEETS:
        few = f"There are only {n} {where}: the accuracy may be anything from {100 * low:.0f}% to {100 * high:.0f}%."
        yield few + " `make crossvalidate` measures on all tweets in turn." * (where == _HELD_OUT)
    matrix = np.array(figures["confusion_matrix"])
    for k in np.flatnonzero((matrix.sum(axis=0) == 0) & (matrix.sum(axis=1) > 0)).tolist():
        yield f"The class {classes[k]} is never answered on the {where}, {matrix[k].sum()} of which are {classes[k]}."
    if len(present := np.flatnonzero(matrix.sum(axis=1))) == 1:
        yield f"All {where} are {classes[present[0]]}: they do not show how well the model tells the classes apart."
        return
    own = figures.get("macro_recall")
    for name, baseline in (figures.get("baselines") or {}).items():
        other = baseline.get("macro_recall")
        if own is None or other is None:
            continue
        if other - own >= _VISIBLE:
            recalls = f"macro recall {100 * other:.1f}% against {100 * own:.1f}%"
            yield f"{label(name)} is ahead on the {where}: {recalls}."
        elif name == "majority" and own - other < _VISIBLE:
            yield f"The model is no better than the most frequent class on the {where}: macro recall {100 * own:.1f}%."
