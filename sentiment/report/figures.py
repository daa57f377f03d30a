"""Draw the figures of the report as inline ``<svg>`` elements. A function returns None if it has nothing to draw."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sentiment.evaluation.slices import NamedShare
from sentiment.report.svg import INK, SERIES, draw, percent_axis


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
    """Draw a confusion matrix of counts ``(classes, classes)``, with each cell's share of its row (its true class)."""
    share = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    names = [short(name) for name in classes]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for (i, j), count in np.ndenumerate(matrix):
            shade = 0.06 + 0.4 * share[i, j]
            axes.fill_between([j - 0.48, j + 0.48], i - 0.48, i + 0.48, color=SERIES[0], alpha=shade, linewidth=0)
            axes.text(j, i - 0.06, f"{share[i, j]:.1%}", ha="center", va="center", fontsize=13)
            axes.text(j, i + 0.2, f"{count:,}", ha="center", va="center")
        axes.set(xlabel="Predicted", ylabel="True", xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5))
        axes.set_xticks(range(len(names)), names)
        axes.set_yticks(range(len(names)), names, rotation=90, va="center")
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)

    alt = "Confusion matrix, rows true: " + "; ".join(
        f"of {int(matrix[i].sum()):,} {name}, "
        + ", ".join(f"{int(n):,} {c}" for c, n in zip(classes, matrix[i], strict=True))
        for i, name in enumerate(classes)
    )
    return draw("confusion", alt + ".", paint)


def intervals(name: str, rows: Sequence[NamedShare], title: str, marked: int = 0) -> str | None:
    """Draw each share with its 95% interval as a row. Row ``marked`` is highlighted and has a vertical line."""
    rows = [row for row in rows if row.n]
    if not rows:
        return None

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for i, row in enumerate(rows):
            colour = SERIES[0] if i == marked else INK
            axes.plot([row.low, row.high], [i, i], color=colour, linewidth=2.4 if i == marked else 1.4)
            axes.plot(row.share, i, "o", color=colour, markersize=6 if i == marked else 4.5)
        axes.axvline(rows[marked].share, color=SERIES[0], linewidth=0.8, linestyle=":")
        axes.set_yticks(range(len(rows)), [f"{short(row.name, 30)}" for row in rows])
        axes.set(xlabel=title, ylim=(len(rows) - 0.4, -0.6))
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        percent_axis(axes, "x")

    alt = f"{title}: " + "; ".join(f"{r.name} {r.share:.1%} ({r.low:.1%} to {r.high:.1%}, n = {r.n:,})" for r in rows)
    return draw(name, alt + ".", paint, height=0.75 + 0.27 * len(rows))


def learning_curve(curve: Mapping[str, Any]) -> str | None:
    """Draw macro recall by number of labelled tweets, for the model and its peers, from the content of curve.json."""
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


def short(name: str, most: int = 22) -> str:
    """Return ``name``, cut to ``most`` characters if it is longer."""
    return name if len(name) <= most else name[: most - 1] + "…"
