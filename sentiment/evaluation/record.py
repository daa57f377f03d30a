"""The results of an evaluation: predictions for labelled tweets (`predictions.csv`) and the metrics of the model."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.data.corpus import LabelledTexts
from sentiment.errors import ArtefactError

PREDICTIONS = "predictions.csv"
REQUIRED = ("test_set", "text", "y_true", "y_pred")
PROBABILITY = "p_"
_BY_ROW = ("test_sets", "texts", "true", "predicted", "probabilities")
_FIGURES = ("n", "accuracy", "accuracy_ci95", "confusion_matrix")


@dataclass(frozen=True, slots=True)
class Predictions:
    """A model's predictions for ``n`` labelled tweets.

    Attributes:
        classes: the class names, in the order of the probabilities' columns.
        test_sets: the name of each tweet's test set, str ``(n,)``.
        texts: the tweets, str objects ``(n,)``.
        true, predicted: indices into ``classes``, integer ``(n,)``.
        probabilities: calibrated class probabilities, float64 ``(n, classes)``.
        baselines: predicted labels by name of baseline, str ``(n,)``.
    """

    classes: tuple[str, ...]
    test_sets: np.ndarray
    texts: np.ndarray
    true: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray
    baselines: dict[str, np.ndarray]

    @property
    def correct(self) -> np.ndarray:
        """Return whether each predicted label is right, bool ``(n,)``."""
        return self.true == self.predicted

    @property
    def confidence(self) -> np.ndarray:
        """Return the probability of the most probable class, float64 ``(n,)``."""
        return self.probabilities.max(axis=1)

    def take(self, rows: np.ndarray) -> "Predictions":
        """Return the predictions for some tweets; ``rows`` contains their indices or is a mask."""
        arrays = {name: getattr(self, name)[rows] for name in _BY_ROW}
        return replace(self, **arrays, baselines={name: labels[rows] for name, labels in self.baselines.items()})

    def of(self, test_set: str) -> "Predictions":
        """Return the predictions for the tweets of one test set."""
        return self.take(self.test_sets == test_set)

    def write(self, path: Path) -> None:
        """Write ``predictions.csv``, with quoted text and a line feed after each row."""
        import pandas as pd

        names = np.array(self.classes)
        texts = (self.test_sets, self.texts, names[self.true], names[self.predicted])
        given = self.probabilities.astype(np.float32)  # the precision of the model's output
        columns = dict(zip(REQUIRED, texts, strict=True))
        columns |= {PROBABILITY + name: given[:, i] for i, name in enumerate(self.classes)} | self.baselines
        pd.DataFrame(columns).to_csv(path, index=False, quoting=csv.QUOTE_NONNUMERIC)


def joined(parts: Sequence[Predictions]) -> Predictions:
    """Join predictions for several sets of tweets, ``parts``, in order. All need the same classes and baselines."""
    arrays: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _BY_ROW}
    baselines = {name: np.concatenate([part.baselines[name] for part in parts]) for name in parts[0].baselines}
    return replace(parts[0], **arrays, baselines=baselines)


def read_columns(path: Path) -> dict[str, list[str]]:
    """Return the columns of a CSV file as texts, by name. Only a line feed ends a row: tweets contain carriage returns.

    A file that is not CSV raises an `ArtefactError`.
    """
    import pandas as pd

    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, lineterminator="\n", encoding="utf-8")
    except ValueError as error:
        raise ArtefactError(f"{path}: not readable as CSV ({error}); make it again") from error
    return {str(name).strip("\r"): frame[name].tolist() for name in frame.columns}


def from_columns(columns: Mapping[str, Sequence[str]], name: str = PREDICTIONS) -> Predictions:
    """Return predictions from the columns of ``predictions.csv``: ``n`` values as text, by column name.

    A column with any other name has the labels of a baseline. ``name`` is the file's name, used in error messages.

    Raises:
        ArtefactError: a column is missing, a label is not a class, or a probability is not a number from 0 to 1.
    """
    classes = tuple(column.removeprefix(PROBABILITY) for column in columns if column.startswith(PROBABILITY))
    missing = [column for column in REQUIRED if column not in columns]
    if missing or len(classes) < 2:
        wanted = ", ".join([*REQUIRED, f"{PROBABILITY}<class> of two classes or more"])
        raise ArtefactError(f"{name}: expected the columns {wanted}; run `make evaluate` again")
    extra = [c for c in columns if c not in REQUIRED and not c.startswith(PROBABILITY)]
    return Predictions(
        classes,
        np.asarray(columns["test_set"], dtype=np.str_),
        np.asarray(columns["text"], dtype=object),
        _class_indices(columns["y_true"], classes, f"{name}: y_true"),
        _class_indices(columns["y_pred"], classes, f"{name}: y_pred"),
        _probabilities([columns[PROBABILITY + c] for c in classes], name),
        {column: np.asarray(columns[column], dtype=np.str_) for column in extra},
    )


def _class_indices(labels: Sequence[str], classes: Sequence[str], where: str) -> np.ndarray:
    position = {label: i for i, label in enumerate(classes)}
    indices = np.fromiter((position.get(label, -1) for label in labels), np.int64, len(labels))
    if (indices < 0).any():
        row = int(np.argmax(indices < 0))
        raise ArtefactError(
            f"{where}: expected one of {', '.join(classes)}, received {str(labels[row])[:40]!r} in row {row + 1}; "
            "run `make evaluate` again"
        )
    return indices


def _probabilities(columns: Sequence[Sequence[str]], name: str) -> np.ndarray:
    try:
        values = np.array(columns, dtype=np.float64).T.reshape(-1, len(columns))
    except (ValueError, TypeError) as error:
        raise ArtefactError(f"{name}: expected probabilities ({error}); run `make evaluate` again") from error
    if not ((values >= 0) & (values <= 1)).all():
        raise ArtefactError(f"{name}: expected probabilities from 0 to 1; run `make evaluate` again")
    return values


def from_probabilities(
    classes: Sequence[str],
    rows: LabelledTexts,
    probabilities: np.ndarray,
    test_set: str,
    baselines: Mapping[str, np.ndarray] | None = None,
) -> Predictions:
    """Return predictions for ``n`` labelled tweets, from class probabilities, float ``(n, classes)``.

    The predicted class is the most probable one. ``baselines`` are predicted labels by name, str ``(n,)``.
    """
    return Predictions(
        tuple(classes),
        np.full(len(rows.texts), test_set),
        np.asarray(rows.texts, dtype=object),
        rows.labels,
        probabilities.argmax(axis=1),
        probabilities.astype(np.float64),
        dict(baselines or {}),
    )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The evaluation results of a model, read from its folder. All attributes after ``predictions`` may be empty.

    Attributes:
        name: the name of the profile.
        metrics: the content of `metrics.json`: metrics of the model and its baselines, by name of test set.
        predictions: the predictions for all test sets.
        history: values after each epoch, such as ``val_loss``, by name, float ``(epochs,)``.
        manifest: the inputs and settings of the model.
        coverage: the content of `coverage.json`: the numbers of words and tokens with a GloVe vector.
        behaviour: results on the minimal pairs, for ``model`` and by name of baseline.
        crossvalidation: metrics over several splits.
        curve: metrics by the number of labelled tweets.
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
        """Return the name of the first test set, which comes first in the report."""
        return next(iter(self.metrics))

    def check(self) -> None:
        """Raise an `ArtefactError` if a metric is missing, or if metrics and predictions are not of the same run."""
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
