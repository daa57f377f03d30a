"""Draw figures of predicted probabilities as inline ``<svg>``. A function returns None if it has nothing to draw."""

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from sentiment.evaluation.metrics import (
    Curve,
    Reliability,
    abstention_curve,
    abstentions,
    precision_recall_curve,
    reliability,
    roc_curve,
    thin,
)
from sentiment.evaluation.record import Predictions
from sentiment.report.figures import short
from sentiment.report.svg import MUTED, SERIES, draw, percent_axis
from sentiment.training.calibration import uncalibrated

_BINS = 25


def roc(predictions: Predictions) -> str | None:
    """Draw the ROC curve of each class against the rest. With two classes, draw only the second class's curve."""
    labels = ("False positive rate", "True positive rate")
    return _one_vs_rest(predictions, roc_curve, "roc", labels, "Area under the curve")


def precision_recall(predictions: Predictions) -> str | None:
    """Draw the precision-recall curve of each class. With two classes, draw only the second class's curve."""
    labels = ("Recall", "Precision")
    return _one_vs_rest(predictions, precision_recall_curve, "precision-recall", labels, "Average precision")


def reliability_diagram(predictions: Predictions, temperature: float | None) -> str | None:
    """Draw a reliability diagram: accuracy by confidence, before and after scaling by ``temperature``, if given."""
    if not len(predictions.true):
        return None
    drawn = {"after calibration": reliability(predictions.confidence, predictions.correct)}
    if temperature:
        before = uncalibrated(predictions.probabilities, temperature)
        drawn = {"before": reliability(before.max(axis=1), predictions.correct)} | drawn
    styles = {"before": ("--", SERIES[1], "s"), "after calibration": ("-", SERIES[0], "o")}
    lowest = 1 / len(predictions.classes) - 0.03
    floor = min(lowest, *(float(bins.accuracy.min()) - 0.03 for bins in drawn.values()))

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8)
        for name, bins in drawn.items():
            line, colour, marker = styles[name]
            axes.plot(bins.confidence, bins.accuracy, line, color=colour, label=f"{name}: ECE {bins.ece:.3f}")
            axes.scatter(bins.confidence, bins.accuracy, _areas(bins), color=colour, marker=marker, zorder=3)
        axes.set(xlabel="Confidence", ylabel="Accuracy", xlim=(lowest, 1.02), ylim=(floor, 1.02))
        percent_axis(axes, "both")
        axes.legend(loc="upper left")

    alt = "Reliability diagram: expected calibration error " + ", ".join(f"{b.ece:.3f} {n}" for n, b in drawn.items())
    return draw("reliability", alt + ".", paint)


def abstention(predictions: Predictions) -> str | None:
    """Draw accuracy against coverage: how right the answers are if only confident ones are given."""
    if not len(predictions.true):
        return None
    confidence, correct = predictions.confidence, predictions.correct
    curve, marks = thin(abstention_curve(confidence, correct)), abstentions(confidence, correct)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot(curve.x, curve.y, color=SERIES[0])
        for mark in marks:
            place = (mark.coverage, mark.accuracy)
            axes.plot(*place, "o", color=SERIES[0], markersize=5)
            axes.annotate(f"≥ {mark.threshold:g}", place, (-5, -2), textcoords="offset points", ha="right", va="top")
        axes.set(xlabel="Tweets answered", ylabel="Accuracy on them", xlim=(0, 1.03))
        axes.set_ylim(max(0.0, float(min(curve.y[len(curve.y) // 10 :])) - 0.03), 1.01)
        percent_axis(axes, "both")

    alt = "Accuracy when only answers above a confidence are given: " + "; ".join(
        f"above {m.threshold:g}, {m.coverage:.0%} of the tweets at {m.accuracy:.1%}" for m in marks
    )
    return draw("abstention", f"{alt}; all tweets at {correct.mean():.1%}.", paint)


def score_histogram(predictions: Predictions) -> str | None:
    """Draw a histogram of scores per true class: the probability of that class or, if there are two, of the second."""
    if not len(predictions.true):
        return None
    classes, rows = predictions.classes, np.arange(len(predictions.true))
    binary = len(classes) == 2
    score = predictions.probabilities[:, 1] if binary else predictions.probabilities[rows, predictions.true]
    label = f"Probability of “{short(classes[1])}”" if binary else "Probability of the true class"
    edges = np.linspace(0.0, 1.0, _BINS + 1)
    shares = [np.histogram(score[predictions.true == k], edges)[0] / max(1, (predictions.true == k).sum())
              for k in range(len(classes))]  # fmt: skip

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for k, share in enumerate(shares):
            colour = _class_colour(k, len(classes))
            axes.stairs(share, edges, fill=True, color=colour, alpha=0.16)
            line = ("-", "--", ":", "-.")[k % 4]
            axes.stairs(share, edges, color=colour, linewidth=1.6, linestyle=line, label=short(classes[k]))
        axes.set(xlabel=label, ylabel="Share of the class's tweets", xlim=(0, 1))
        percent_axis(axes, "both")
        axes.legend(loc="upper center", title="True class")

    means = ", ".join(f"{score[predictions.true == k].mean():.2f} for {name}" for k, name in enumerate(classes)
                      if (predictions.true == k).any())  # fmt: skip
    return draw("scores", f"Histogram of scores by true class. {label}, mean: {means}.", paint)


def _one_vs_rest(
    predictions: Predictions,
    measure: Callable[[np.ndarray, np.ndarray], Curve | None],
    name: str,
    labels: tuple[str, str],
    area: str,
) -> str | None:
    classes = predictions.classes
    wanted = range(1, 2) if len(classes) == 2 else range(len(classes))
    curves = {k: c for k in wanted if (c := measure(predictions.true == k, predictions.probabilities[:, k]))}
    if not curves:
        return None

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for k, curve in curves.items():
            points = thin(curve)
            colour = _class_colour(k, len(classes))
            axes.plot(points.x, points.y, color=colour, label=f"{short(classes[k])}: {curve.area:.3f}")
        if name == "roc":
            axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8)
        axes.set(xlabel=labels[0], ylabel=labels[1], xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
        percent_axis(axes, "both")
        axes.legend(loc="lower right" if name == "roc" else "lower left", title=area)

    alt = f"{labels[1]} against {labels[0].lower()}. {area}: "
    return draw(name, alt + ", ".join(f"{c.area:.3f} for {classes[k]}" for k, c in curves.items()) + ".", paint)


def _class_colour(k: int, classes: int) -> str:
    return SERIES[1 - k] if classes == 2 else SERIES[(1, 3, 0, 2)[k % 4]]


def _areas(bins: Reliability) -> np.ndarray:
    return 10 + 60 * bins.n / bins.n.max()
