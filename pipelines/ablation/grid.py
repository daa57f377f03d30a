"""The grid of an ablation (questions, and variants of settings for each), and its results over several seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, stdev
from typing import Any

Overrides = dict[str, Any]


@dataclass(frozen=True, slots=True)
class GridGroup:
    """One question (``title``), and the variants that answer it: name -> overrides (``section.key`` -> value)."""

    title: str
    variants: dict[str, Overrides]


@dataclass(frozen=True, slots=True)
class Grid:
    """All variants to train.

    Attributes:
        groups: the questions with their variants.
        seeds: the seeds; each variant is trained once with each seed.
        train_rows: the number of training rows, unless a variant sets it; 0 uses all rows.
        settings: overrides that all variants share.
    """

    groups: tuple[GridGroup, ...]
    seeds: tuple[int, ...] = (7, 8, 9)
    train_rows: int = 0
    settings: Overrides = field(default_factory=dict)

    def overrides(self, variant: Overrides) -> Overrides:
        """Return all settings in which a run of ``variant`` differs from the profile."""
        return {"split.train_rows": self.train_rows} | self.settings | variant


@dataclass(frozen=True, slots=True)
class AblationResult:
    """One training run: validation accuracy and loss after the best epoch, numbers of rows, and duration."""

    accuracy: float
    loss: float
    rows: int
    validation_rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class AblationRow:
    """The mean accuracy of a variant over its seeds, with the sample standard deviation (0 for one seed)."""

    variant: str
    accuracy: float
    deviation: float
    seeds: int
    rows: int
    seconds: float


Summary = dict[str, list[AblationRow]]


def summarise(groups: Mapping[str, Mapping[str, Sequence[AblationResult]]]) -> Summary:
    """Convert title -> variant -> results to title -> one row per variant. Variants without results are left out."""
    return {
        title: [_row(name, results) for name, results in variants.items() if results]
        for title, variants in groups.items()
    }


def _row(name: str, results: Sequence[AblationResult]) -> AblationRow:
    accuracies = [result.accuracy for result in results]
    deviation = stdev(accuracies) if len(results) > 1 else 0.0
    seconds = mean(result.seconds for result in results)
    return AblationRow(name, mean(accuracies), deviation, len(results), results[0].rows, seconds)


def table(summary: Summary) -> str:
    """Return the summary as Markdown, one table per group."""
    return "\n".join(_group_table(title, rows) for title, rows in summary.items())


def _group_table(title: str, rows: Sequence[AblationRow]) -> str:
    from tabulate import tabulate

    cells = [
        [row.variant, f"{100 * row.accuracy:.1f}", f"{100 * row.deviation:.1f}", row.seeds, f"{row.rows:,}"]
        for row in rows
    ]
    headers = [title, "accuracy", "± sd", "seeds", "training rows"]
    align = ["left", *["right"] * 4]
    return tabulate(cells, headers, tablefmt="pipe", colalign=align, disable_numparse=True) + "\n"


def picture(summary: Summary) -> str:
    """Return the summary as SVG: one panel per group, one dot per variant, error bars of one standard deviation."""
    from matplotlib.figure import Figure

    from sentiment.report.svg import draw, percent_axis

    shown = {title: rows for title, rows in summary.items() if rows}
    heights = [len(rows) + 1.2 for rows in shown.values()]

    def paint(figure: Figure) -> None:
        panels = figure.subplots(len(shown), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
        for axes, (title, rows) in zip(panels, shown.items(), strict=True):
            _paint_group(axes, title, rows)
        percent_axis(panels[-1], "x")
        panels[-1].set_xlabel("accuracy on the validation rows")

    best = {title: max(rows, key=lambda row: row.accuracy) for title, rows in shown.items()}
    alt = "; ".join(f"{title}: {row.variant} is highest with {row.accuracy:.1%}" for title, row in best.items())
    return draw("ablation", alt, paint, width=7.5, height=1 + 0.27 * sum(heights))


def _paint_group(axes: Any, title: str, rows: Sequence[AblationRow]) -> None:
    from sentiment.report.svg import INK, SERIES

    places = range(len(rows))
    deviations = [row.deviation for row in rows]
    axes.errorbar([row.accuracy for row in rows], places, xerr=deviations, fmt="o", color=SERIES[0])
    for place, row in zip(places, rows, strict=True):
        axes.annotate(
            f"{100 * row.accuracy:.1f}", (row.accuracy, place), (0, 5), textcoords="offset points",
            ha="center", color=INK, fontsize=8,
        )  # fmt: skip
    axes.set_yticks(places, [row.variant for row in rows])
    axes.set(title=title, ylim=(len(rows) - 0.4, -0.8))
