"""Describe how a model was trained: `training.json`, `history.csv` and the hashes of the tweets that it has seen."""

import contextlib
import csv
import io
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from pipelines.shared import artefacts, publishing, stage
from pipelines.shared.base_model import describe

if TYPE_CHECKING:
    import numpy as np

    from sentiment.training.fitting import TrainingState

_PACKAGES = ("tensorflow", "jax", "torch", "keras", "spacy", "spacy-lookups-data", "numpy", "pyarrow")


def record(this: stage.Stage, classes: list[str], state: "TrainingState") -> dict[str, Any]:
    """Return the content of `training.json`: inputs with checksums, numbers of rows, settings, package versions."""
    from sentiment.training.backend import describe as describe_device

    processed, interim = this.places.processed, this.places.interim
    loaded = publishing.read_json(interim / "load.json")
    coverage = publishing.read_json(processed / "coverage.json")
    inputs = artefacts.corpus_inputs(loaded) | {
        "glove": {"path": coverage["source"], "sha256": coverage["source_sha256"]},
    }
    lineage = {"base_model": describe(this.base_model)} if this.base_model else {}
    return lineage | {
        "profile": this.places.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "classes": classes,
        "seed": this.settings.training.seed,
        "epochs": len(state.history),
        "best_epoch": state.best_epoch + 1,
        "last_fall": state.last_fall,
        "device": describe_device(),
        "by_rows": this.by_rows,
        "inputs": inputs,
        "rows": loaded["parts"],
        **({"corpora": loaded["corpora"]} if "corpora" in loaded else {}),
        "load": {name: loaded[name] for name in ("rows", "ignored", "bad", "duplicates", "contradictions")},
        "encoded": publishing.read_json(processed / "encoded.json"),
        "versions": {"python": platform.python_version()} | versions(_PACKAGES),
    }


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of those ``packages`` that are installed."""
    found = {}
    for name in packages:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def history_table(history: list[dict[str, float]]) -> str:
    """Return ``history``, one dict per epoch, as CSV with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, history[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()


def seen_tweets(this: stage.Stage) -> "np.ndarray":
    """Return the sorted hashes of the tweets that this model and its base model were trained or validated on."""
    import numpy as np

    from pipelines.shared.artefacts import read_seen

    folders = [this.places.interim, *([this.base_model] if this.base_model else [])]
    return np.unique(np.concatenate([read_seen(folder) for folder in folders]))
