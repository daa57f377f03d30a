"""Figures of several runs, as means and standard deviations."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

FIGURES = ("accuracy", "macro_recall", "macro_f1", "ece")


def summarise(runs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """``model`` and each baseline -> ``n`` (tweets of all runs) and figure -> ``mean`` and ``sd`` over the runs.

    Args:
        runs: figures of a test set each, as `metrics.json` holds them; at least one. A figure that a baseline does not
            have is left out; the standard deviation of one run is 0.
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
    """``folds``, ``seeds`` and ``figures`` as lines for a terminal, in percent."""
    figures = result["figures"]
    width = max(map(len, figures))
    lines = [f"{'':<{width}}  " + "  ".join(f"{name:>14}" for name in FIGURES)]
    for name, each in figures.items():
        cells = (f"{100 * each[f]['mean']:.1f} ± {100 * each[f]['sd']:.1f}" if f in each else "–" for f in FIGURES)
        lines.append(f"{name:<{width}}  " + "  ".join(f"{cell:>14}" for cell in cells))
    runs = f"{result['folds']} folds" + (f", {len(result['seeds'])} seeds each" if len(result["seeds"]) > 1 else "")
    return "\n".join([*lines, f"mean ± standard deviation over {runs}; {figures['model']['n']:,} tweets scored", ""])
