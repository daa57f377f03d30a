"""Render an evaluated model's report (a self-contained HTML page) and model card (Mitchell et al., 2019)."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from sentiment.evaluation.record import Evaluation, Predictions
from sentiment.evaluation.scoring import remarks
from sentiment.evaluation.slices import NamedShare, find_slices, slice_metrics
from sentiment.predict.classifier import SentimentClassifier
from sentiment.predict.explanation import Explanation
from sentiment.report import figures, svg
from sentiment.report.templating import label, render_page


class Drawing(NamedTuple):
    """A figure of the report and its caption."""

    svg: Markup
    caption: str


def render_report(evaluation: Evaluation, classifier: SentimentClassifier) -> str:
    """Return the report as an HTML page. The classifier explains its answers to a few of the tweets."""
    first = evaluation.predictions.of(evaluation.first_set)
    baselines = evaluation.metrics[evaluation.first_set].get("baselines") or {}
    slices = {name: measure_slices(evaluation.predictions.of(name), classifier) for name in evaluation.metrics}
    drawings = {name: draw_set(evaluation, name, slices[name]) for name in slices}
    return render_page(
        "report.html.j2",
        **_values(evaluation),
        first_name=evaluation.first_set,
        best=max(baselines, key=lambda name: baselines[name]["accuracy"], default=None),
        drawings=drawings.pop(evaluation.first_set) | draw_model(evaluation),
        further=drawings,
        slices=slices[evaluation.first_set],
        tweets=list_tweets(evaluation.predictions),
        explanations=[(why, classifier.explain(first.texts[row])) for row, why in pick_tweets(first).items()],
        most_tokens=60,
        strength=_strength,
    )


def render_card(evaluation: Evaluation, slices: Sequence[NamedShare] = ()) -> str:
    """Return the model card, with purpose, data, results and limits, as Markdown.

    The limits include the worst large slices. ``slices`` has the accuracy on all tweets, then by kind of tweet.
    """
    return render_page(
        "card.md.j2",
        **_values(evaluation),
        about=evaluation.manifest.get("about") or {},
        network=(evaluation.manifest.get("settings") or {}).get("network") or {},
        worst=worst_slices(slices),
    )


def _values(evaluation: Evaluation) -> dict[str, Any]:
    classes = evaluation.predictions.classes
    return {
        "name": evaluation.name,
        "sets": evaluation.metrics,
        "first": evaluation.metrics[evaluation.first_set],
        "classes": classes,
        "behaviour": evaluation.behaviour,
        "crossvalidation": evaluation.crossvalidation,
        "coverage": evaluation.coverage,
        "manifest": evaluation.manifest,
        "remarks": remarks(evaluation.metrics, classes, evaluation.manifest, label),
    }


def worst_slices(slices: Sequence[NamedShare]) -> list[NamedShare]:
    """Return at most three slices (kinds of tweet) with the lowest accuracy.

    A slice counts if it has at least 50 tweets, and if the 95% interval of its accuracy is below the overall accuracy.
    ``slices`` begins with all tweets.
    """
    below = [s for s in slices[1:] if s.n >= 50 and s.high < slices[0].share]
    return sorted(below, key=lambda s: s.share)[:3]


def measure_slices(predictions: Predictions, classifier: SentimentClassifier) -> list[NamedShare]:
    """Return the accuracy on all tweets, followed by the accuracy on each non-empty slice (kind of tweet)."""
    return slice_metrics(predictions.correct, find_slices(predictions.texts.tolist(), classifier.preprocessor))


def draw_model(evaluation: Evaluation) -> dict[str, Drawing]:
    """Draw the figures of the minimal pairs, the training and the learning curve; leave out figures without data."""
    return _drawings(
        {
            "behaviour": (figures.intervals("behaviour", passed(evaluation.behaviour), "Pairs passed"), _BEHAVIOUR),
            "training": (figures.training_curves(evaluation.history), _TRAINING),
            "curve": (figures.learning_curve(evaluation.curve), _CURVE),
        }
    )


def draw_set(evaluation: Evaluation, test_set: str, slices: Sequence[NamedShare]) -> dict[str, Drawing]:
    """Draw the figures of one test set; leave out figures without data.

    Figures after the first test set have its number in their names and SVG ids, which are unique in the page.
    """
    metrics, rows = evaluation.metrics[test_set], evaluation.predictions.of(test_set)
    temperature = evaluation.manifest.get("temperature")
    matrix = np.array(metrics["confusion_matrix"])
    return _drawings(
        {
            "baselines": (figures.intervals("baselines", compared(metrics), "Accuracy"), _BASELINES),
            "confusion": (figures.confusion_matrix(matrix, rows.classes), _CONFUSION),
            "slices": (figures.intervals("slices", slices, "Accuracy"), _SLICES),
            "reliability": (figures.reliability_diagram(rows, temperature), _reliability_caption(temperature)),
            "abstention": (figures.abstention(rows), _ABSTENTION),
            "scores": (figures.score_histogram(rows), _SCORES),
            "roc": (figures.roc(rows), _ROC),
            "precision-recall": (figures.precision_recall(rows), _PRECISION_RECALL),
        },
        list(evaluation.metrics).index(test_set) + 1,
    )


def _drawings(drawn: Mapping[str, tuple[str | None, str]], place: int = 1) -> dict[str, Drawing]:
    suffix, prefix = (f"-{place}", f"set{place}-") if place > 1 else ("", "")
    return {
        f"{name}{suffix}": Drawing(Markup(svg.renamed(drawing, prefix)), caption)
        for name, (drawing, caption) in drawn.items()
        if drawing
    }


def compared(metrics: dict[str, Any]) -> list[NamedShare]:
    """Return the accuracy of the model and of each baseline, with 95% intervals."""
    rows = {"model": metrics} | (metrics.get("baselines") or {})
    return [NamedShare(label(name), m["n"], m["accuracy"], *m["accuracy_ci95"]) for name, m in rows.items()]


def passed(behaviour: dict[str, Any]) -> list[NamedShare]:
    """Return the share of minimal pairs that the model and each baseline pass, with 95% intervals."""
    return [NamedShare(label(name), m["pairs"], m["passed"], *m["passed_ci95"]) for name, m in behaviour.items()]


def list_tweets(predictions: Predictions) -> list[dict[str, Any]]:
    """Return the tweets of the 100 most confident mistakes, followed by those of the 100 least confident answers."""
    confidence = predictions.confidence
    wrong = np.flatnonzero(~predictions.correct)
    mistakes = wrong[np.argsort(-confidence[wrong], kind="stable")][:100]
    uncertain = np.argsort(confidence, kind="stable")[:100]
    kinds = [("mistake", row) for row in mistakes] + [("uncertain", row) for row in uncertain]
    return [
        {
            "kind": kind,
            "test_set": str(predictions.test_sets[row]),
            "text": str(predictions.texts[row]),
            "true": predictions.classes[predictions.true[row]],
            "predicted": predictions.classes[predictions.predicted[row]],
            "confidence": float(confidence[row]),
        }
        for kind, row in kinds
    ]


def pick_tweets(predictions: Predictions) -> dict[int, str]:
    """Choose tweets to explain in the report, and return the reason for each choice by row index.

    They are the most confident right answer per class, the two most confident mistakes and the least confident answer.
    """
    order = np.argsort(-predictions.confidence, kind="stable")
    right, wrong = order[predictions.correct[order]], order[~predictions.correct[order]]
    picked = {int(row): "Least certain" for row in order[-1:]}
    picked |= {int(row): f"Surely wrong, labelled {predictions.classes[predictions.true[row]]}" for row in wrong[:2]}
    for k in reversed(range(len(predictions.classes))):
        picked |= {int(row): "Surely right" for row in right[predictions.true[right] == k][:1]}
    return dict(reversed(picked.items()))


def _strength(explanation: Explanation, contribution: float | None) -> int:
    """Return the shade of a token, 0 to 4: its contribution relative to the largest contribution in its tweet."""
    largest = max((abs(view.contribution or 0.0) for view in explanation.tokens), default=0.0)
    return round(4 * abs(contribution or 0.0) / largest) if largest else 0


def _reliability_caption(temperature: float | None) -> str:
    if not temperature:
        return "Accuracy against confidence. On the diagonal, confidence means what it says."
    return (
        f"Accuracy against confidence, before and after dividing the logits by the temperature {temperature:.3f}, "
        "fitted on the validation tweets. On the diagonal, confidence means what it says; larger marks hold more."
    )


_BASELINES = "Accuracy on the same tweets, with 95% intervals."
_CONFUSION = "Each row is a true class: the share of its tweets that got each label, and their number."
_SLICES = "Accuracy by kind of tweet, with Wilson's 95% intervals. The dotted line is the accuracy on all tweets."
_BEHAVIOUR = "Minimal pairs of which both tweets got their label, with 95% intervals."
_ABSTENTION = "If only answers above a confidence (marked) are given, fewer tweets are answered, but more rightly."
_SCORES = "Where the probabilities lie, by true class. The less the classes overlap, the better they are told apart."
_ROC = "How many tweets of a class are found, against how many of the others are taken for it, at every threshold."
_PRECISION_RECALL = "How pure what is found stays as more of the class is found."
_CURVE = "Macro recall by the number of labelled tweets, on tweets set apart; bars are standard deviations over seeds."
_TRAINING = "Loss and accuracy by epoch. The large mark is the epoch with the lowest validation loss."
