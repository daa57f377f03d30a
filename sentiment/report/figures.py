"""Draw the figures of the report as inline ``<svg>`` elements. A function returns None if it has nothing to draw."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from sentiment.evaluation.metrics import Curve, abstention_curve, precision_recall_curve, reliability, roc_curve
from sentiment.evaluation.record import Predictions
from sentiment.evaluation.slices import NamedShare
from sentiment.report.svg import INK, MUTED, SERIES, draw, percent_axis
from sentiment.training.calibration import uncalibrated

_BINS = 25  # of the histogram of scores
_FEW_CLASSES = 4  # with more, names stand below the axes or at right angles to them
_LINES = ("-", "--", ":", "-.")
_Place = Literal["lower left", "lower right", "upper center"]
_THRESHOLDS = (0.6, 0.7, 0.8, 0.9, 0.95)  # of confidence, that are marked


def training_curves(history: Mapping[str, np.ndarray]) -> str | None:
    """Draw the loss and accuracy per epoch from the columns of history.csv; return None if a column is missing."""
    if not {"epoch", "loss", "val_loss", "accuracy", "val_accuracy"} <= history.keys() or not len(history["epoch"]):
        return None
    epoch, best = history["epoch"], int(np.argmin(history["val_loss"]))

    def paint(figure: Figure) -> None:
        for axes, name, title in zip(figure.subplots(1, 2), ("loss", "accuracy"), ("Loss", "Accuracy"), strict=True):
            axes.plot(epoch, history[name], "s--", color=SERIES[1], markersize=3, label="training")
            axes.plot(epoch, history[f"val_{name}"], "o-", color=SERIES[0], markersize=3, label="validation")
            axes.plot(epoch[best], history[f"val_{name}"][best], "o", color=SERIES[0], markersize=6)
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
            axes.set(title=title, xlabel="Epoch", xlim=(epoch[0] - 0.5, epoch[-1] + 0.5))
        percent_axis(axes, "y")
        axes.legend(loc="lower right")

    alt = (
        f"Training curves over {len(epoch)} epochs; the lowest validation loss, {history['val_loss'][best]:.3f}, is at "
        f"epoch {epoch[best]:.0f}, with a validation accuracy of {history['val_accuracy'][best]:.1%}."
    )
    return draw("training", alt, paint, height=2.8)


def confusion_matrix(matrix: np.ndarray, classes: Sequence[str]) -> str:
    """Draw a confusion matrix of counts ``(classes, classes)``, with each count as a share of its true class."""
    share = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    names = [short(name) for name in classes]
    many, scale = len(names) > _FEW_CLASSES, min(1, 5 / len(names))

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for (i, j), count in np.ndenumerate(matrix):
            shade = 0.06 + 0.4 * share[i, j]
            axes.add_patch(Rectangle((j - 0.48, i - 0.48), 0.96, 0.96, color=SERIES[0], alpha=shade, linewidth=0))
            for below, text, size in ((-0.06, f"{share[i, j]:.1%}", 13), (0.2, f"{count:,}", 9.5)):
                axes.text(j, i + below, text, ha="center", va="center", fontsize=size * scale, in_layout=False)
        axes.set(xlabel="Predicted", ylabel="True", xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5))
        axes.set_xticks(range(len(names)), names, rotation=90 if many else 0)
        axes.set_yticks(range(len(names)), names, rotation=0 if many else 90, va="center")
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)

    alt = "Confusion matrix, rows true: " + "; ".join(
        f"of {int(matrix[i].sum()):,} {name}, "
        + ", ".join(f"{int(n):,} {c}" for c, n in zip(classes, matrix[i], strict=True))
        for i, name in enumerate(classes)
    )
    return draw("confusion", alt + ".", paint, height=4.7 if many else 3.3)


def intervals(name: str, rows: Sequence[NamedShare], title: str) -> str | None:
    """Draw a row for each share and its 95% interval. The first row is bold, and a vertical line marks its share."""
    if not rows:
        return None

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for i, row in enumerate(rows):
            colour = INK if i else SERIES[0]
            axes.plot([row.low, row.high], [i, i], color=colour, linewidth=1.4 if i else 2.4)
            axes.plot(row.share, i, "o", color=colour, markersize=4.5 if i else 6)
        axes.axvline(rows[0].share, color=SERIES[0], linewidth=0.8, linestyle=":")
        axes.set_yticks(range(len(rows)), [short(row.name, 30) for row in rows])
        axes.set(xlabel=title, ylim=(len(rows) - 0.4, -0.6))
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        percent_axis(axes, "x")

    alt = f"{title}: " + "; ".join(f"{r.name} {r.share:.1%} ({r.low:.1%} to {r.high:.1%}, n = {r.n:,})" for r in rows)
    return draw(name, alt + ".", paint, height=0.75 + 0.27 * len(rows))


def learning_curve(curve: Mapping[str, Any]) -> str | None:
    """Draw macro recall by number of labelled tweets, for the model and the baselines, from curve.json."""
    points = curve.get("points") or []
    if not points:
        return None
    sizes = [point["rows"] for point in points]
    known = {"model": "from the base model" if curve.get("base_model") else "from nothing", **_CURVES}
    shown = {name: title for name, title in known.items() if all(name in point["figures"] for point in points)}
    recalls = {name: [point["figures"][name]["macro_recall"] for point in points] for name in shown}

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for (name, title), style in zip(shown.items(), _CURVE_STYLES, strict=False):
            means, deviations = ([each[key] for each in recalls[name]] for key in ("mean", "sd"))
            axes.errorbar(
                sizes, means, deviations, color=style[0], fmt=style[1], markersize=4, elinewidth=0.8, label=title
            )
        axes.set_xscale("log")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.minorticks_off()
        axes.set(xlabel="Labelled tweets", ylabel="Macro recall")
        percent_axis(axes, "y")
        axes.legend(loc="best")

    alt = "Macro recall by labelled tweets: " + "; ".join(
        f"{title} "
        + ", ".join(f"{each['mean']:.1%} at {size:,}" for size, each in zip(sizes, recalls[name], strict=True))
        for name, title in shown.items()
    )
    return draw("curve", alt + ".", paint)


_CURVES = {
    "from_nothing": "from nothing",
    "base_model": "the base model as it is",
    "tfidf_logistic_regression": "logistic regression",
    "fasttext": "fastText",
    "vader": "VADER",
}
_CURVE_STYLES = (
    (SERIES[0], "o-"), (SERIES[1], "s--"), (SERIES[0], ":"), (SERIES[2], "^-"), (SERIES[3], "v-"), (INK, ":"),
)  # fmt: skip


def roc(predictions: Predictions) -> str | None:
    """Draw the ROC curve of each class against the rest. With two classes, draw only the second class's curve."""
    labels = ("False positive rate", "True positive rate")
    return _one_vs_rest(predictions, roc_curve, "roc", labels, "Area under the curve")


def precision_recall(predictions: Predictions) -> str | None:
    """Draw the precision-recall curve of each class. With two classes, draw only the second class's curve."""
    labels = ("Recall", "Precision")
    return _one_vs_rest(predictions, precision_recall_curve, "precision-recall", labels, "Average precision")


def reliability_diagram(predictions: Predictions, temperature: float | None) -> str:
    """Draw accuracy by confidence. With ``temperature``, a second curve shows the probabilities before calibration."""
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
            areas = 10 + 60 * bins.n / bins.n.max()
            axes.scatter(bins.confidence, bins.accuracy, areas, color=colour, marker=marker, zorder=3)
        axes.set(xlabel="Confidence", ylabel="Accuracy", xlim=(lowest, 1.02), ylim=(floor, 1.02))
        percent_axis(axes, "both")
        axes.legend(loc="upper left")

    alt = "Reliability diagram: expected calibration error " + ", ".join(f"{b.ece:.3f} {n}" for n, b in drawn.items())
    return draw("reliability", alt + ".", paint)


def abstention(predictions: Predictions) -> str:
    """Draw accuracy against coverage, the share of tweets that get an answer if unsure answers are withheld."""
    confidence, correct = predictions.confidence, predictions.correct
    curve, answered = abstention_curve(confidence, correct), {each: confidence >= each for each in _THRESHOLDS}
    marks = [(each, rows.mean(), correct[rows].mean()) for each, rows in answered.items() if rows.any()]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot(curve.x, curve.y, color=SERIES[0])
        for threshold, share, accuracy in marks:
            place = (share, accuracy)
            axes.plot(*place, "o", color=SERIES[0], markersize=5)
            axes.annotate(f"≥ {threshold:g}", place, (-5, -2), textcoords="offset points", ha="right", va="top")
        axes.set(xlabel="Tweets answered", ylabel="Accuracy on them", xlim=(0, 1.03))
        axes.set_ylim(max(0.0, float(min(curve.y[len(curve.y) // 10 :])) - 0.03), 1.01)
        percent_axis(axes, "both")

    alt = "Accuracy when only answers above a confidence are given: " + "; ".join(
        f"above {threshold:g}, {share:.0%} of the tweets at {accuracy:.1%}" for threshold, share, accuracy in marks
    )
    return draw("abstention", f"{alt}; all tweets at {correct.mean():.1%}.", paint)


def score_histogram(predictions: Predictions) -> str:
    """Draw, for each true class, a histogram of the probability that the model gives to this class.

    With two classes, both histograms show the probability of the second class.
    """
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
            line = _LINES[(k + k // 4) % 4]
            axes.stairs(share, edges, color=colour, linewidth=1.6, linestyle=line, label=short(classes[k]))
        axes.set(xlabel=label, ylabel="Share of the class's tweets", xlim=(0, 1))
        percent_axis(axes, "both")
        _name_classes(figure, axes, "upper center", "True class")

    means = ", ".join(f"{score[predictions.true == k].mean():.2f} for {name}" for k, name in enumerate(classes)
                      if (predictions.true == k).any())  # fmt: skip
    alt = f"Histogram of scores by true class. {label}, mean: {means}."
    return draw("scores", alt, paint, height=_height(len(classes)))


def _one_vs_rest(
    predictions: Predictions,
    measure: Callable[[np.ndarray, np.ndarray], Curve],
    name: str,
    labels: tuple[str, str],
    area: str,
) -> str | None:
    classes = predictions.classes
    wanted = range(1, 2) if len(classes) == 2 else range(len(classes))
    positive = {k: predictions.true == k for k in wanted}
    curves = {k: measure(rows, predictions.probabilities[:, k]) for k, rows in positive.items() if len({*rows}) == 2}
    if not curves:
        return None

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for k, curve in curves.items():
            colour = _class_colour(k, len(classes))
            line = _LINES[k // 4 % 4]
            axes.plot(curve.x, curve.y, line, color=colour, label=f"{short(classes[k])}: {curve.area:.3f}")
        if name == "roc":
            axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8)
        axes.set(xlabel=labels[0], ylabel=labels[1], xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
        percent_axis(axes, "both")
        _name_classes(figure, axes, "lower right" if name == "roc" else "lower left", area)

    alt = f"{labels[1]} against {labels[0].lower()}. {area}: "
    alt += ", ".join(f"{c.area:.3f} for {classes[k]}" for k, c in curves.items())
    return draw(name, alt + ".", paint, height=_height(len(curves)))


def _name_classes(figure: Figure, axes: Axes, place: _Place, title: str) -> None:
    """Name the curves of classes at ``place`` in the axes, or below them if they are many."""
    if len(axes.get_legend_handles_labels()[0]) <= _FEW_CLASSES:
        axes.legend(loc=place, title=title)
    else:
        figure.legend(loc="outside lower center", title=title, ncols=2, fontsize="small")


def _height(curves: int) -> float:
    """Return the height in inches of a figure that names so many curves, below the axes if they are many."""
    return 3.3 if curves <= _FEW_CLASSES else 3.7 + 0.08 * curves


def _class_colour(k: int, classes: int) -> str:
    return SERIES[1 - k] if classes == 2 else SERIES[(1, 3, 0, 2)[k % 4]]


def short(name: str, most: int = 22) -> str:
    """Return ``name``, cut to ``most`` characters if it is longer."""
    return name if len(name) <= most else name[: most - 1] + "…"
