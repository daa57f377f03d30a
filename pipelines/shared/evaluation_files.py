"""Read the files that evaluation wrote into a model folder."""

from pathlib import Path
from typing import Any

import numpy as np

from pipelines.shared import publishing, stage
from sentiment.errors import ArtefactError
from sentiment.evaluation.record import PREDICTIONS, Evaluation, Predictions, from_columns, read_columns


def read_evaluation(folder: Path) -> Evaluation:
    """Read a model's metrics and predictions, and the other reports in its folder if they exist.

    Raises:
        ArtefactError: a file is missing or damaged, or metrics and predictions are from different runs.
    """
    require_folder(folder)
    optional = {
        name: publishing.read_json(path) if (path := folder / f"{name}.json").exists() else {}
        for name in ("manifest", "coverage", "behaviour", "crossvalidation", "curve")
    }
    for name in ("crossvalidation", "curve"):
        if not _has_settings_of(optional["manifest"], optional[name]):
            left_out = "is of other settings than the model, so the report leaves it out; delete it, or make it again"
            stage.log.warning("%s/%s.json: %s", folder, name, left_out)
            optional[name] = {}
    for document in ("README.md", "report.html"):  # an earlier report may have left outdated checksums
        optional["manifest"].get("artefacts", {}).pop(document, None)
    evaluation = Evaluation(
        folder.resolve().name,
        publishing.read_json(folder / "metrics.json"),
        read_predictions(folder),
        _read_history(folder / "history.csv"),
        **optional,
    )
    evaluation.check()
    return evaluation


def _has_settings_of(manifest: dict[str, Any], figures: dict[str, Any]) -> bool:
    """Return whether ``figures`` name the model's settings, apart from those that the number of rows has decided."""

    def asked(settings: dict[str, Any]) -> dict[str, Any]:
        names = {section: dict(values) for section, values in settings.items() if isinstance(values, dict)}
        for section, _, name in (dotted.partition(".") for dotted in manifest.get("by_rows", {})):
            names.get(section, {}).pop(name, None)
        return names

    of_model = manifest.get("settings", {})
    return asked(figures.get("settings", of_model)) == asked(of_model)


def read_predictions(folder: Path) -> Predictions:
    """Return the rows of `predictions.csv`. A missing or damaged file raises an `ArtefactError`."""
    path = publishing.require(require_folder(folder) / PREDICTIONS)
    return from_columns(read_columns(path), str(path))


def require_folder(folder: Path) -> Path:
    """Return ``folder``. A missing folder raises an `ArtefactError`."""
    if not folder.is_dir():
        raise ArtefactError(f"{folder}: no such model folder; run `make preprocess train evaluate` first")
    return folder


def _read_history(path: Path) -> dict[str, np.ndarray]:
    if not path.exists():
        return {}
    try:
        return {name: np.asarray(values, np.float64) for name, values in read_columns(path).items()}
    except ValueError as error:
        raise ArtefactError(f"{path}: expected numbers ({error}); run `make train` again") from error
