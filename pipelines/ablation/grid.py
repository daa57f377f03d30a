"""What an ablation is: questions, the settings tried for each, and what came out over several seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, stdev
from typing import Any

Overrides = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Group:
    """One question and its possible answers.

    Attributes:
        title: what is asked.
        variants: name -> settings that differ, ``section.key`` -> value.
    """

    title: str
    variants: dict[str, Overrides]


@dataclass(frozen=True, slots=True)
class Grid:
    """All that is trained.

    Attributes:
        groups: the questions.
        seeds: each variant is trained once with each.
        train_rows: training rows of every variant that does not set them itself; 0 takes all.
        settings: overrides of every variant.
    """

    groups: tuple[Group, ...]
    seeds: tuple[int, ...] = (7, 8, 9)
    train_rows: int = 0
    settings: Overrides = field(default_factory=dict)

    def overrides(self, variant: Overrides) -> Overrides:
        """Everything in which a run of ``variant`` differs from the profile."""
        return {"split.train_rows": self.train_rows} | self.settings | variant


@dataclass(frozen=True, slots=True)
class Result:
    """What one training run came to.

    Attributes:
        accuracy, loss: on the validation rows, after the best epoch.
        rows: training rows.
        validation_rows: rows that ``accuracy`` is of.
        seconds: the training stage took.
    """

    accuracy: float
    loss: float
    rows: int
    validation_rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """A variant over its seeds: mean and sample standard deviation (0 for one seed) of the accuracy."""

    variant: str
    accuracy: float
    deviation: float
    seeds: int
    rows: int
    seconds: float


Summary = dict[str, list[Row]]


def summarise(groups: Mapping[str, Mapping[str, Sequence[Result]]]) -> Summary:
    """Title -> variant -> results, as title -> rows; a variant without a result yet is left out."""
    return {
        title: [_row(name, results) for name, results in variants.items() if results]
        for title, variants in groups.items()
    }


def _row(name: str, results: Sequence[Result]) -> Row:
    accuracies = [result.accuracy for result in results]
    deviation = stdev(accuracies) if len(results) > 1 else 0.0
    seconds = mean(result.seconds for result in results)
    return Row(name, mean(accuracies), deviation, len(results), results[0].rows, seconds)


def table(summary: Summary) -> str:
    """The summary as Markdown, a table a group."""
    blocks = []
    for title, rows in summary.items():
        lines = [f"| {title} | accuracy | ± sd | seeds | training rows |", "|---|---:|---:|---:|---:|"]
        lines += [
            f"| {row.variant} | {100 * row.accuracy:.1f} | {100 * row.deviation:.1f} | {row.seeds} | {row.rows:,} |"
            for row in rows
        ]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def picture(summary: Summary) -> str:
    """The summary as SVG: a panel a group, a dot a variant, with a bar of one standard deviation to each side."""
    from matplotlib.figure import Figure

    from sentiment.report.svg import INK, SERIES, draw, percent_axis

    shown = {title: rows for title, rows in summary.items() if rows}

    def paint(figure: Figure) -> None:
        heights = [len(rows) + 1.2 for rows in shown.values()]
        panels = figure.subplots(len(shown), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
        for axes, (title, rows) in zip(panels, shown.items(), strict=True):
            places = range(len(rows))
            axes.errorbar(
                [row.accuracy for row in rows], places, xerr=[row.deviation for row in rows], fmt="o", color=SERIES[0]
            )
            for place, row in zip(places, rows, strict=True):
                axes.annotate(
                    f"{100 * row.accuracy:.1f}", (row.accuracy, place), (0, 5), textcoords="offset points",
                    ha="center", color=INK, fontsize=8,
                )  # fmt: skip
            axes.set_yticks(places, [row.variant for row in rows])
            axes.set(title=title, ylim=(len(rows) - 0.4, -0.8))
        percent_axis(panels[-1], "x")
        panels[-1].set_xlabel("accuracy on the validation rows")

    height = 1 + 0.27 * sum(len(rows) + 1.2 for rows in shown.values())
    best = {title: max(rows, key=lambda row: row.accuracy) for title, rows in shown.items()}
    alt = "; ".join(f"{title}: {row.variant} is highest with {row.accuracy:.1%}" for title, row in best.items())
    return draw("ablation", alt, paint, width=7.5, height=height)
