"""How good a model is from how many labelled tweets: shares to split by, means over the runs, lines for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sentiment.evaluation.folds import summarise
from sentiment.settings import SplitSettings

SIZES = (100, 200, 500, 1_000, 5_000)
FROM_NOTHING, PARENT = "from_nothing", "parent"


class Shares(NamedTuple):
    """Settings of a split that gives a run so many labelled tweets, test tweets apart."""

    validation: float
    train_rows: int


def sizes_for(asked: Sequence[int], labelled: int) -> list[int]:
    """Those of ``asked`` that are fewer than the ``labelled`` tweets there are, ascending, and all of these."""
    return [*sorted({size for size in asked if size < labelled}), labelled]


def shares(size: int, labelled: int, rows: int) -> Shares:
    """Training and validation rows as the defaults would deal out ``size`` labelled tweets.

    Args:
        size: labelled tweets of the run, at most ``labelled``.
        labelled: tweets there are for training and validation.
        rows: tweets of the whole corpus, of which :class:`Shares` is a share.
    """
    of_them = SplitSettings().for_rows(size).validation
    return Shares(of_them * size / rows, 0 if size == labelled else round((1 - of_them) * size))


def summary(runs: Mapping[int, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """A point of the curve for each number of tweets: ``rows``, and ``figures`` as :func:`folds.summarise` gives them.

    Args:
        runs: labelled tweets -> figures of the test part of each run, those of other models among its baselines.
    """
    return [{"rows": size, "figures": summarise(each)} for size, each in runs.items()]


def text_table(points: Sequence[Mapping[str, Any]], names: Mapping[str, str], figure: str = "macro_recall") -> str:
    """The curve as lines for a terminal, in percent: a row a number of tweets, a column a model."""
    models = list(points[0]["figures"])
    heads = [names.get(model, model) for model in models]
    lines = ["  ".join([f"{'tweets':>8}", *(f"{head:>12}" for head in heads)])]
    for point in points:
        cells = [_cell(point["figures"].get(model, {}), figure) for model in models]
        widths = [max(12, len(head)) for head in heads]
        row = [f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)]
        lines.append("  ".join([f"{point['rows']:>8,}", *row]))
    return "\n".join(lines) + "\n"


def _cell(figures: Mapping[str, Any], figure: str) -> str:
    if figure not in figures:
        return "–"
    return f"{100 * figures[figure]['mean']:.1f} ± {100 * figures[figure]['sd']:.1f}"
