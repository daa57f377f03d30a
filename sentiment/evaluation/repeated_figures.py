"""Figures of several runs: means and standard deviations over splits and seeds, and learning curves."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from tabulate import tabulate

from sentiment.settings import SplitSettings

SIZES = (100, 200, 500, 1_000, 5_000)
FROM_NOTHING, BASE_MODEL = "from_nothing", "base_model"
FIGURES = ("accuracy", "macro_recall", "macro_f1", "ece")


def summarise(runs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the mean and standard deviation of each figure over several runs, for ``model`` and each baseline.

    Args:
        runs: at least one run's figures of one test set, as in `metrics.json`.

    Returns:
        Name -> ``n`` (tweets of all runs) and figure -> ``mean`` and ``sd`` (0 for one run). Figures that a run lacks
        are left out.
    """
    shared = [name for name in runs[0].get("baselines") or {} if all(name in run["baselines"] for run in runs)]
    by_name = {"model": list(runs)} | {name: [run["baselines"][name] for run in runs] for name in shared}
    return {name: _figures(each) for name, each in by_name.items()}


def _figures(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"n": sum(run["n"] for run in runs)}
    for name in FIGURES:
        values = [run[name] for run in runs if run.get(name) is not None]
        if len(values) == len(runs):
            found[name] = {
                "mean": float(np.mean(values)),
                "sd": float(np.std(values, ddof=1)) if len(values) > 1 else 0,
            }
    return found


def folds_table(result: Mapping[str, Any]) -> str:
    """Return the figures of a cross-validation (``result``) as a text table, in percent."""
    figures = result["figures"]
    rows = [[name, *(mean_and_deviation(each, figure) for figure in FIGURES)] for name, each in figures.items()]
    table = tabulate(rows, ["", *FIGURES], tablefmt="plain", stralign="right", disable_numparse=True)
    runs = f"{result['folds']} folds" + (f", {len(result['seeds'])} seeds each" if len(result["seeds"]) > 1 else "")
    return f"{table}\nmean ± standard deviation over {runs}; {figures['model']['n']:,} tweets scored\n"


def mean_and_deviation(figures: Mapping[str, Any], name: str) -> str:
    """Return a figure of :func:`summarise` as ``mean ± deviation`` in percent, or a dash if it is missing."""
    return f"{100 * figures[name]['mean']:.1f} ± {100 * figures[name]['sd']:.1f}" if name in figures else "–"


class Shares(NamedTuple):
    """The share of validation rows, and the number of training rows (0 takes all), for a split of the corpus."""

    validation: float
    train_rows: int


def sizes_for(asked: Sequence[int], labelled: int) -> list[int]:
    """Return the distinct sizes of ``asked`` below ``labelled``, ascending, followed by ``labelled``."""
    return [*sorted({size for size in asked if size < labelled}), labelled]


def shares(size: int, labelled: int, rows: int) -> Shares:
    """Return the split settings for ``size`` labelled tweets, divided into training and validation rows as by default.

    ``labelled`` is the number of tweets for training and validation; ``rows`` is the number in the whole corpus.
    """
    of_them = SplitSettings().for_rows(size).validation
    return Shares(of_them * size / rows, 0 if size == labelled else round((1 - of_them) * size))


def curve_table(points: Sequence[Mapping[str, Any]], names: Mapping[str, str], figure: str = "macro_recall") -> str:
    """Return a learning curve as a text table, in percent: one row per number of tweets, one column per model."""
    models = list(points[0]["figures"])
    rows = [
        [f"{point['rows']:,}", *(mean_and_deviation(point["figures"].get(model, {}), figure) for model in models)]
        for point in points
    ]
    headers = ["tweets", *(names.get(model, model) for model in models)]
    return tabulate(rows, headers, tablefmt="plain", stralign="right", disable_numparse=True) + "\n"
