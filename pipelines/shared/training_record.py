"""What a trained model's folder says of its making: `training.json`, `history.csv`, the tweets it has seen."""

import contextlib
import csv
import io
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from pipelines.shared import manifest, publishing, stage
from pipelines.shared.base_model import describe

if TYPE_CHECKING:
    import numpy as np

    from sentiment.training.fitting import TrainingState

_PACKAGES = ("tensorflow", "jax", "torch", "keras", "spacy", "spacy-lookups-data", "numpy", "pyarrow")


def record(this: stage.Stage, classes: list[str], state: "TrainingState") -> dict[str, Any]:
    """What the model was made from and how: inputs with checksums, rows, settings that followed them, versions."""
    from sentiment.training.devices import describe as describe_device

    processed, interim = this.places.processed, this.places.interim
    loaded = publishing.read_json(interim / "load.json")
    coverage = publishing.read_json(processed / "coverage.json")
    inputs = manifest.corpus_inputs(loaded) | {
        "glove": {"path": coverage["source"], "sha256": coverage["source_sha256"]},
    }
    lineage = {"parent": describe(this.base_model)} if this.base_model else {}
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
    """Of the packages that are there: training needs one backend of the three, and no spaCy."""
    found = {}
    for name in packages:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def history_table(history: list[dict[str, float]]) -> str:
    """``history`` as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, history[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()


def seen_tweets(this: stage.Stage) -> "np.ndarray":
    """Hashes of the tweets that this model has seen now, and those that its base model had seen; sorted."""
    import numpy as np

    from pipelines.shared.seen_files import read_seen

    folders = [this.places.interim, *([this.base_model] if this.base_model else [])]
    return np.unique(np.concatenate([read_seen(folder) for folder in folders]))
