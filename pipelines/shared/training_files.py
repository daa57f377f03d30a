"""Read the rows, embedding matrix and row weights for a training run, and write its checkpoint and description."""

import contextlib
import csv
import io
import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from pipelines.shared import artefacts, publishing, stage
from pipelines.shared.base_model import KERAS_MODEL, describe
from sentiment.augment.clear_words import Poles
from sentiment.augment.rows import augmented
from sentiment.common.array_files import read_arrays
from sentiment.common.file_checks import sha256_of
from sentiment.data.encoded import EncodedPart
from sentiment.data.splitting import PARTS
from sentiment.errors import SettingsError

if TYPE_CHECKING:
    from sentiment.training.candidates import TrainingRows
    from sentiment.training.fitting import TrainingState

_PACKAGES = ("tensorflow", "jax", "torch", "keras", "spacy", "spacy-lookups-data", "numpy", "pyarrow")


def read_rows(this: stage.Stage) -> "TrainingRows":
    """Read the training and validation rows, the embedding matrix and the classes that earlier stages wrote.

    Raises:
        ArtefactError: a file is missing, damaged, or made with other settings.
    """
    from sentiment.training.candidates import TrainingRows

    processed = this.places.processed
    artefacts.check_agreement(processed, this.settings.preprocessing)
    told = publishing.read_json(processed / "encoded.json")
    matrix = np.array(artefacts.read_array(processed / "embedding_matrix.npy"))
    weights = row_weights(this.places.interim)
    parts = {
        name: artefacts.read_part(processed, name)._replace(weights=weights.get(name))
        for name in ("train", "validation")
    }
    return TrainingRows(parts, matrix, told["classes"], int(told["seen"]))


def row_weights(interim: Path) -> dict[str, np.ndarray]:
    """Return by part each row's weight, float32 ``(n,)``: its corpus's weight, scaled to mean 1 in training.

    With one corpus, the result is empty.
    """
    corpora = publishing.read_json(interim / "load.json").get("corpora")
    if not corpora:
        return {}
    weight = np.array([each["weight"] for each in corpora])
    rows = pq.read_table(publishing.require(interim / "tweets.parquet"), columns=["part", "corpus"])
    part, corpus = (rows.column(name).to_numpy() for name in ("part", "corpus"))
    mean = weight[corpus[part == PARTS.index("train")]].mean()
    return {name: (weight[corpus[part == i]] / mean).astype(np.float32) for i, name in enumerate(PARTS)}


def add_augmentation(this: stage.Stage, part: EncodedPart, classes: list[str]) -> EncodedPart:
    """Append training rows made from templates and phrases, if ``training.contrast`` or ``training.phrases`` is set.

    Raises:
        SettingsError: the classes do not include a negative and a positive one.
    """
    options = this.settings.training
    if not (options.contrast or options.phrases):
        return part

    meanings = [this.settings.corpus.polarity.get(name, name) for name in classes]
    try:
        poles = Poles(meanings.index("negative"), meanings.index("positive"))
    except ValueError:
        raise SettingsError(
            f"training.contrast: expected a negative and a positive class, received {', '.join(classes)}: "
            "say with corpus.polarity which these are"
        ) from None
    preprocessor = artefacts.read_preprocessor(this.places.processed)
    more = augmented(part, preprocessor, poles, options.contrast, options.phrases, options.seed)
    stage.log.info("%d rows of augmentation beside %d", len(more.labels) - len(part.labels), len(part.labels))
    return more


class Checkpoint:
    """The checkpoint file of one training run.

    Attributes:
        path: the path of the ``.npz`` file.
        identity: the text that :func:`identity` returns. A state with another identity is not resumed.
        run: text before the log lines of the run, so that the lines of several runs can be told apart.
    """

    def __init__(self, path: Path, identity: str, run: str = "") -> None:
        self.path, self.identity, self.run = path, identity, run

    def read(self) -> "TrainingState":
        """Return the saved state, or a new state if the file is missing, damaged or has another identity."""
        from sentiment.training.fitting import TrainingState

        try:
            arrays = read_arrays(self.path)
            meta = json.loads(str(arrays.pop("meta")))
        except FileNotFoundError:
            return TrainingState()
        except (OSError, ValueError, KeyError) as error:
            stage.log.warning("%s is damaged (%s); starting anew", self.path, error)
            return TrainingState()
        if meta["identity"] != self.identity:
            stage.log.info("inputs or settings have changed since the interrupted run; starting anew")
            return TrainingState()
        stage.log.info("%sresuming after epoch %d", self.run, len(meta["history"]))
        told = (meta["history"], meta["best_epoch"], meta.get("start", {}))
        recent = [_group(arrays, f"recent/{i}/") for i in range(meta.get("recent", 0))]
        return TrainingState(*told, _group(arrays, "now/"), _group(arrays, "best/"), recent)

    def write(self, state: "TrainingState") -> None:
        """Save ``state`` atomically: write a temporary file, then rename it."""
        meta = {"identity": self.identity, "history": state.history, "best_epoch": state.best_epoch}
        meta |= {"start": state.start, "recent": len(state.recent)}
        now = {f"now/{name}": value for name, value in state.weights.items()}
        best = {f"best/{name}": value for name, value in state.best_weights.items()}
        recent = {f"recent/{i}/{name}": value for i, each in enumerate(state.recent) for name, value in each.items()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".tmp.npz")
        try:
            np.savez(temporary, meta=np.array(json.dumps(meta)), **now, **best, **recent)  # type: ignore[arg-type]
            temporary.replace(self.path)
        finally:
            temporary.unlink(missing_ok=True)
        before, told = ([], state.history[-1]) if state.history else (["before the first epoch"], state.start)
        stage.log.info("%s%s", self.run, ", ".join([*before, *(f"{name} {value:.4g}" for name, value in told.items())]))


def identity(this: stage.Stage) -> str:
    """Return a text that identifies the settings, rows, embedding matrix, base model and backend of a training run."""
    import keras

    names = ("train.ids.npy", "train.labels.npy", "validation.ids.npy", "embedding_matrix.npy")
    parts = [sha256_of(this.places.processed / name) for name in names]
    parts += [sha256_of(this.base_model / KERAS_MODEL)] if this.base_model else []
    return json.dumps([keras.backend.backend(), keras.version(), this.settings.to_dict(), parts], sort_keys=True)


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


def seen_tweets(this: stage.Stage) -> np.ndarray:
    """Return the sorted hashes of the tweets that this model and its base model were trained or validated on."""
    folders = [this.places.interim, *([this.base_model] if this.base_model else [])]
    return np.unique(np.concatenate([artefacts.read_seen(folder) for folder in folders]))


def _group(arrays: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
