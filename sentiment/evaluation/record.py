"""The files that training and evaluation wrote about a model, checked to be of the same run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sentiment.errors import ArtefactError
from sentiment.evaluation.predictions import Predictions

_FIGURES = ("n", "accuracy", "accuracy_ci95", "confusion_matrix")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The contents of a model folder that describe its model.

    Attributes:
        name: of the profile.
        metrics: test set -> figures, as in `metrics.json`.
        predictions: the answers on all test sets.
        history: figure -> values by epoch, float ``(epochs,)``; may be empty.
        manifest: the inputs and settings of the model; every key may be missing.
        coverage: GloVe coverage; may be empty.
        behaviour: ``model`` and baselines -> minimal pairs passed; may be empty.
        crossvalidation: figures over several splits; may be empty.
        curve: figures by the number of labelled tweets; may be empty.
    """

    name: str
    metrics: dict[str, Any]
    predictions: Predictions
    history: Mapping[str, np.ndarray] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    coverage: dict[str, Any] = field(default_factory=dict)
    behaviour: dict[str, Any] = field(default_factory=dict)
    crossvalidation: dict[str, Any] = field(default_factory=dict)
    curve: dict[str, Any] = field(default_factory=dict)

    @property
    def first_set(self) -> str:
        """Return the test set that the figures are drawn for."""
        return next(iter(self.metrics))

    def check(self) -> None:
        """Check that metrics and predictions are complete and of the same run.

        Raises:
            ArtefactError: they are not.
        """
        again = "run `make evaluate` again"
        if not isinstance(self.metrics, dict) or not self.metrics:
            raise ArtefactError(f"{self.name}: metrics.json: expected a test set or more, received none; {again}")
        for test_set, figures in self.metrics.items():
            lacking = [key for key in _FIGURES if not isinstance(figures, dict) or figures.get(key) is None]
            if lacking:
                raise ArtefactError(f"{self.name}: metrics.json: {test_set} lacks {', '.join(lacking)}; {again}")
            rows = int((self.predictions.test_sets == test_set).sum())
            if rows != figures["n"]:
                raise ArtefactError(
                    f"{self.name}: {test_set} has {figures['n']} rows in metrics.json but {rows} in predictions.csv: "
                    f"they are of different runs; {again}"
                )


def strongest(baselines: Mapping[str, Any]) -> str | None:
    """Return the baseline with the highest accuracy."""
    return max(baselines, key=lambda name: baselines[name]["accuracy"], default=None)
