"""Means and standard deviations of the figures of several runs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tabulate import tabulate

FIGURES = ("accuracy", "macro_recall", "macro_f1", "ece")


def summarise(runs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return for ``model`` and each baseline ``n`` (tweets of all runs) and figure -> ``mean`` and ``sd``.

    Args:
        runs: at least one; each has the figures of one test set as in `metrics.json`. A figure that a baseline lacks is
            left out. The standard deviation of one run is 0.
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


def text_table(result: Mapping[str, Any]) -> str:
    """Return ``folds``, ``seeds`` and ``figures`` as a table for a terminal, in percent."""
    figures = result["figures"]
    rows = [[name, *(mean_and_deviation(each, figure) for figure in FIGURES)] for name, each in figures.items()]
    table = tabulate(rows, ["", *FIGURES], tablefmt="plain", stralign="right", disable_numparse=True)
    runs = f"{result['folds']} folds" + (f", {len(result['seeds'])} seeds each" if len(result["seeds"]) > 1 else "")
    return f"{table}\nmean ± standard deviation over {runs}; {figures['model']['n']:,} tweets scored\n"


def mean_and_deviation(figures: Mapping[str, Any], name: str) -> str:
    """Return a figure of :func:`summarise` as ``mean ± deviation`` in percent, or a dash where it is missing."""
    return f"{100 * figures[name]['mean']:.1f} ± {100 * figures[name]['sd']:.1f}" if name in figures else "–"
