"""Warnings about a model, as sentences for the log, the report and the model card."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sentiment.settings_by_rows import still_falling

FEWEST_TWEETS = 300
# A class is rare below half of the share it would have in a balanced corpus: accuracy then says little about it.
_RARE = 0.5
_VISIBLE = 0.0005  # the smallest difference that a percentage with one decimal shows


def remarks(
    metrics: Mapping[str, Any],
    classes: Sequence[str],
    manifest: Mapping[str, Any],
    label: Callable[[str], str] = str,
) -> list[str]:
    """Return one sentence for each weakness of a model; an empty list if there is none.

    Args:
        metrics: name of a test set -> figures, as in `metrics.json`.
        classes: the class names, in the order of the confusion matrix.
        manifest: the inputs and settings of the model; every key may be missing.
        label: a function from the name of a baseline or test set to its printed name.
    """
    found = [*_of_training(manifest), *_of_balance(manifest)]
    for name, figures in metrics.items():
        where = "held-out tweets" if name == "held_out" else f"tweets of {label(name)}"
        found += [
            *_of_size(figures, where),
            *_of_classes(figures, classes, where),
            *_of_baselines(figures, where, label),
        ]
    return found


def _of_training(manifest: Mapping[str, Any]) -> Iterator[str]:
    allowed = ((manifest.get("settings") or {}).get("training") or {}).get("epochs")
    if allowed and "last_fall" in manifest:
        remark = still_falling(allowed, manifest["best_epoch"], manifest["last_fall"])
        yield from [remark] if remark else []


def _of_balance(manifest: Mapping[str, Any]) -> Iterator[str]:
    counts = (manifest.get("rows") or {}).get("train") or {}
    total = sum(counts.values())
    rare = [name for name, count in counts.items() if total and count / total < _RARE / len(counts)]
    if rare:
        shares = " and ".join(f"{name} only {100 * counts[name] / total:.1f}%" for name in rare)
        yield f"The classes are unbalanced: of the training tweets, {shares}. Look at macro recall, not at accuracy."


def _of_size(figures: Mapping[str, Any], where: str) -> Iterator[str]:
    low, high = figures["accuracy_ci95"]
    if (n := figures["n"]) < FEWEST_TWEETS:
        yield (
            f"There are only {n} {where}: the accuracy may be anything from {100 * low:.0f}% to {100 * high:.0f}%. "
            "`make crossvalidate` measures on all tweets in turn."
        )


def _of_classes(figures: Mapping[str, Any], classes: Sequence[str], where: str) -> Iterator[str]:
    matrix = np.array(figures["confusion_matrix"])
    for k in np.flatnonzero((matrix.sum(axis=0) == 0) & (matrix.sum(axis=1) > 0)).tolist():
        yield f"The class {classes[k]} is never answered on the {where}, {matrix[k].sum()} of which are {classes[k]}."


def _of_baselines(figures: Mapping[str, Any], where: str, label: Callable[[str], str]) -> Iterator[str]:
    own = figures.get("macro_recall")
    for name, peer in (figures.get("baselines") or {}).items():
        other = peer.get("macro_recall")
        if own is not None and other is not None and other - own >= _VISIBLE:
            recalls = f"macro recall {100 * other:.1f}% against {100 * own:.1f}%"
            yield f"{label(name)} is ahead on the {where}: {recalls}."
