"""The learning curve: how to split for each number of labelled tweets, means over the runs, a table."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tabulate import tabulate

from sentiment.evaluation.folds import mean_and_deviation, summarise
from sentiment.settings import SplitSettings

SIZES = (100, 200, 500, 1_000, 5_000)
FROM_NOTHING, PARENT = "from_nothing", "parent"


class Shares(NamedTuple):
    """Settings of a split that leaves a given number of labelled tweets beside the test tweets."""

    validation: float
    train_rows: int


def sizes_for(asked: Sequence[int], labelled: int) -> list[int]:
    """Return those of ``asked`` below ``labelled``, ascending, and then ``labelled`` itself."""
    return [*sorted({size for size in asked if size < labelled}), labelled]


def shares(size: int, labelled: int, rows: int) -> Shares:
    """Return training and validation rows as the defaults split ``size`` labelled tweets.

    Args:
        size: labelled tweets of the run, at most ``labelled``.
        labelled: tweets there are for training and validation.
        rows: tweets of the whole corpus; the shares are relative to it.
    """
    of_them = SplitSettings().for_rows(size).validation
    return Shares(of_them * size / rows, 0 if size == labelled else round((1 - of_them) * size))


def summary(runs: Mapping[int, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return the points of the curve: ``rows``, and ``figures`` as :func:`folds.summarise` gives them.

    Args:
        runs: number of labelled tweets -> figures of each run; those of other models are among its baselines.
    """
    return [{"rows": size, "figures": summarise(each)} for size, each in runs.items()]


def text_table(points: Sequence[Mapping[str, Any]], names: Mapping[str, str], figure: str = "macro_recall") -> str:
    """Return the curve as a table for a terminal, in percent: one row per number of tweets, one column per model."""
    models = list(points[0]["figures"])
    rows = [
        [f"{point['rows']:,}", *(mean_and_deviation(point["figures"].get(model, {}), figure) for model in models)]
        for point in points
    ]
    headers = ["tweets", *(names.get(model, model) for model in models)]
    return tabulate(rows, headers, tablefmt="plain", stralign="right", disable_numparse=True) + "\n"
