"""Compare models on the same tweets, over several splits and seeds, and by the number of labelled tweets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tabulate import tabulate

from sentiment.errors import InputError
from sentiment.evaluation.metrics import difference_interval, mcnemar, measure
from sentiment.evaluation.record import Predictions
from sentiment.settings import SplitSettings

LISTED = 100
SIZES = (100, 200, 500, 1_000, 5_000)
FROM_NOTHING, BASE_MODEL = "from_nothing", "base_model"
FIGURES = ("accuracy", "macro_recall", "macro_f1", "ece")


@dataclass(frozen=True, slots=True)
class Comparison:
    """The predictions and metrics of several models on the tweets that all of them have.

    Attributes:
        models: predictions for the common tweets by name of model, in the same order for every model.
        metrics: metrics on these tweets by name of model.
        pairs: the comparison of the first model with each other model, see :func:`pair`.
        left_out: the number of tweets that were left out because the models' files give them different true labels.
    """

    models: dict[str, Predictions]
    metrics: dict[str, dict[str, Any]]
    pairs: list[dict[str, Any]]
    left_out: int


def compare(models: Mapping[str, Predictions]) -> Comparison:
    """Compare the first of two or more models with each other one, on the tweets that all of them have.

    Models without a common tweet raise an `InputError`.
    """
    aligned, left_out = share_rows(models)
    first = next(iter(aligned))
    n = len(aligned[first].true)
    if not n:
        raise InputError(
            f"{' and '.join(aligned)}: their predictions share no tweet; compare on one with --corpus FILE"
        )
    metrics = {name: measure(m.true, m.predicted, len(m.classes), m.probabilities) for name, m in aligned.items()}
    pairs = [pair(name, aligned[first], other) for name, other in aligned.items() if name != first]
    return Comparison(aligned, metrics, pairs, left_out)


def share_rows(models: Mapping[str, Predictions]) -> tuple[dict[str, Predictions], int]:
    """Return each model's predictions for the texts that all models have, in the order of the first model.

    The second result is the number of texts that are left out because the models' files label them differently.
    """
    rows = [_rows_by_text(model) for model in models.values()]
    common = [text for text in rows[0] if all(text in other for other in rows[1:])]
    shared = [
        model.take(np.array([where[text] for text in common], np.int64))
        for model, where in zip(models.values(), rows, strict=True)
    ]
    truths = np.stack([np.array(model.classes)[model.true] for model in shared])
    agreed = (truths == truths[0]).all(axis=0)
    return {name: model.take(agreed) for name, model in zip(models, shared, strict=True)}, int((~agreed).sum())


def pair(name: str, first: Predictions, other: Predictions) -> dict[str, Any]:
    """Compare the predictions of the first model with those of another model, ``name``, for the same tweets.

    Returns:
        name: the name of the other model.
        only_first, only_other: the number of tweets that only the first or only the other model labels correctly.
        disagree: the number of tweets with different labels.
        difference: the accuracy of the first model minus the accuracy of the other model.
        low, high: the 95% interval of ``difference``, by percentile bootstrap over tweets.
        p: the p-value of McNemar's exact test.
    """
    right, other_right = first.correct, other.correct
    only_first, only_other, n = int((right & ~other_right).sum()), int((other_right & ~right).sum()), len(right)
    low, high = difference_interval(only_first, only_other, n)
    return {
        "name": name,
        "only_first": only_first,
        "only_other": only_other,
        "disagree": int((_labels(first) != _labels(other)).sum()),
        "difference": (only_first - only_other) / n,
        "low": low,
        "high": high,
        "p": mcnemar(right, other_right),
    }


def disagreements(comparison: Comparison) -> np.ndarray:
    """Return the indices, int64, of at most ``LISTED`` tweets to which the models give different labels.

    The tweets on which the models' confidence is highest on average come first.
    """
    labels = np.stack([_labels(model) for model in comparison.models.values()])
    rows = np.flatnonzero((labels != labels[0]).any(axis=0))
    surest = np.mean([model.confidence[rows] for model in comparison.models.values()], axis=0)
    return rows[np.argsort(-surest, kind="stable")][:LISTED]


def _rows_by_text(model: Predictions) -> dict[str, int]:
    rows: dict[str, int] = {}
    for row, text in enumerate(model.texts.tolist()):
        rows.setdefault(text, row)
    return rows


def _labels(model: Predictions) -> np.ndarray:
    return np.array(model.classes)[model.predicted]


def summarise(runs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the mean and standard deviation of each metric over several runs, for ``model`` and each baseline.

    ``runs`` has the metrics of each run, at least one, on one test set from `metrics.json`. For each name, the result
    has ``n``, the number of tweets in all runs, and ``mean`` and ``sd`` (0 for one run) of each metric that all have.
    """
    shared = [name for name in runs[0].get("baselines") or {} if all(name in run["baselines"] for run in runs)]
    by_name = {"model": list(runs)} | {name: [run["baselines"][name] for run in runs] for name in shared}
    return {name: _figures(each) for name, each in by_name.items()}


def _figures(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"n": sum(run["n"] for run in runs)}
    for name in FIGURES:
        values = [run[name] for run in runs if run.get(name) is not None]
        if len(values) == len(runs):
            deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0
            found[name] = {"mean": float(np.mean(values)), "sd": deviation}
    return found


def folds_table(result: Mapping[str, Any]) -> str:
    """Return the metrics of a cross-validation (``result``) as a text table, in percent."""
    figures = result["figures"]
    rows = [[name, *(mean_and_deviation(each, figure) for figure in FIGURES)] for name, each in figures.items()]
    table = _table(rows, ["", *FIGURES])
    runs = f"{result['folds']} folds" + (f", {len(result['seeds'])} seeds each" if len(result["seeds"]) > 1 else "")
    return f"{table}\nmean ± standard deviation over {runs}; {figures['model']['n']:,} tweets scored\n"


def mean_and_deviation(figures: Mapping[str, Any], name: str) -> str:
    """Return the metric ``name`` as ``mean ± standard deviation`` in percent, or a dash if ``figures`` lacks it."""
    return f"{100 * figures[name]['mean']:.1f} ± {100 * figures[name]['sd']:.1f}" if name in figures else "–"


def _table(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> str:
    return tabulate(rows, headers, tablefmt="plain", stralign="right", disable_numparse=True)


def sizes_for(asked: Sequence[int], labelled: int) -> list[int]:
    """Return the sizes of a learning curve: those of ``asked`` below ``labelled``, ascending, then ``labelled``."""
    return [*sorted({size for size in asked if size < labelled}), labelled]


def split_shares(size: int, labelled: int, rows: int) -> tuple[float, int]:
    """Return the settings ``split.validation`` and ``split.train_rows`` for a training run on ``size`` labelled tweets.

    ``split.validation`` is a share of all ``rows`` of the corpus, and the default share of the ``size`` tweets.
    ``split.train_rows`` is 0, which means all, if ``size`` is ``labelled``, the number of tweets outside the test set.
    """
    of_them = SplitSettings().for_rows(size).validation
    return of_them * size / rows, 0 if size == labelled else round((1 - of_them) * size)


def curve_table(points: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> str:
    """Return a learning curve (macro recall in percent) as a text table: a row per size, a column per model."""
    models = list(points[0]["figures"])
    rows = []
    for point in points:
        recalls = (mean_and_deviation(point["figures"].get(model, {}), "macro_recall") for model in models)
        rows.append([f"{point['rows']:,}", *recalls])
    return _table(rows, ["tweets", *(names.get(model, model) for model in models)]) + "\n"
