"""Stage 4: the network is trained (`model.keras` is written last); an interrupted run goes on where it stopped."""

import contextlib
import csv
import io
import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipelines.shared import manifest, publishing, stage
from pipelines.shared.defaults import settle
from pipelines.shared.libraries import import_keras
from pipelines.shared.parent import KERAS_MODEL, describe, from_nothing, require_parent
from pipelines.shared.parent_network import load_network
from sentiment.errors import SettingsError

if TYPE_CHECKING:
    import keras
    import numpy as np

    from sentiment.data.encoded import EncodedPart
    from sentiment.settings import Settings
    from sentiment.training.fitting import TrainingState

NOTHING, PARENT = "nothing", "parent"  # what weights may start from
_PACKAGES = ("tensorflow", "jax", "torch", "keras", "spacy", "spacy-lookups-data", "numpy", "pyarrow")


class Fitted(NamedTuple):
    """A trained network.

    Attributes:
        start: what its weights started from, ``nothing`` or ``parent``.
        model: its layers, not yet calibrated.
        state: how its training went.
        temperature: that calibrates it.
        probabilities: of the validation rows, uncalibrated.
    """

    start: str
    model: "keras.Model"
    state: "TrainingState"
    temperature: float
    probabilities: "np.ndarray"


def run(this: stage.Stage) -> None:
    """Build, fit, calibrate, write."""
    import_keras()
    import numpy as np

    from sentiment.data.seen import SEEN
    from sentiment.training.calibration import apply_temperature
    from sentiment.training.devices import share_batches

    this = settle(this, "network", "training")
    data = _inputs(this)
    options = this.settings.training.for_rows(len(data.parts["train"].labels))
    stage.log.info("%s", describe_device())
    share_batches(options.devices, options.batch_size)
    checkpoints = {start: _checkpoint(this, start) for start in _starts(this, len(data.parts["train"].labels))}
    data.parts["train"] = _with_contrasts(this, data.parts["train"], data.classes)
    fitted = {start: _fit(this, data, start, checkpoint) for start, checkpoint in checkpoints.items()}
    start, losses = _choose(fitted, data, this.settings)
    _, model, state, temperature, _ = fitted[start]
    apply_temperature(model, temperature)
    with publishing.publish(this.places.model, last="model.keras") as staging:
        model.save(staging / "model.keras")
        np.save(staging / SEEN, _seen_tweets(this))
        publishing.write_text(staging / "history.csv", _table(state.history))
        publishing.write_json(staging / "settings.json", this.settings.to_dict())
        told = {"temperature": temperature} | ({"start": start, "start_losses": losses} if len(losses) > 1 else {})
        publishing.write_json(staging / "training.json", _manifest(this, data.classes, state, told))
    for checkpoint in checkpoints.values():
        checkpoint.path.unlink(missing_ok=True)
    stage.log.info(
        "best epoch %d of %d: validation loss %.4f, accuracy %.4f; temperature %.3f",
        *(state.best_epoch + 1, len(state.history), state.best["val_loss"], state.best["val_accuracy"], temperature),
    )
    if remark := this.settings.training.remark(state.best_epoch + 1):
        stage.log.warning("WARNING: %s", remark)


def _starts(this: stage.Stage, rows: int) -> list[str]:
    """What to start from: nothing, or the parent, or each of them, where rows are so few that both may be tried."""
    if this.parent is None:
        return [NOTHING]
    return [PARENT, NOTHING] if rows <= this.settings.training.cold_rows else [PARENT]


def _fit(this: stage.Stage, data: "Data", start: str, checkpoint: "Checkpoint") -> Fitted:
    """Train a network from ``start``, or go on where that was interrupted."""
    from sentiment.network.folding import fold
    from sentiment.network.keras_network import build_network
    from sentiment.training.calibration import fit_temperature
    from sentiment.training.fitting import train

    settings, validation = this.settings, data.parts["validation"]
    if this.parent and start == NOTHING:
        stage.log.info("training from nothing too; it is kept if its validation loss is clearly lower")
        settings = from_nothing(settings, stage.named_settings(this.profile, this.arguments.set))
    make_repeatable(settings.training.seed)
    model = build_network(data.matrix, settings.network, len(data.classes), _seen(this))
    state = checkpoint.read()
    if start == PARENT and not state.weights:
        _take_over(this, model, data.classes)
    train(model, data.parts, settings, state, checkpoint.write, _callbacks(this, state), start == PARENT)
    probabilities = fold(model, settings.network).of_padded(validation.ids)
    return Fitted(start, model, state, fit_temperature(probabilities, validation.labels), probabilities)


def _choose(fitted: Mapping[str, Fitted], data: "Data", settings: "Settings") -> tuple[str, dict[str, float]]:
    """The start that is kept: the first, unless another is clearly better; and each one's validation log loss.

    Losses are those after calibration, a row of each class weighing what it weighs in training.
    """
    import numpy as np

    from sentiment.training.fitting import balanced_weights
    from sentiment.training.rivals import is_clearly_better, row_losses

    labels, classes = data.parts["validation"].labels, len(data.classes)
    balanced = settings.training.class_weights == "balanced"
    weights = balanced_weights(data.parts["train"].labels, classes) if balanced else np.ones(classes)
    losses = {s: row_losses(each.probabilities, labels, each.temperature, weights) for s, each in fitted.items()}
    kept, *others = losses
    for start in others:
        kept = start if is_clearly_better(losses[start], losses[kept]) else kept
    means = {start: float(each.mean()) for start, each in losses.items()}
    if others:
        told = ", ".join(f"from {start} {loss:.4f}" for start, loss in means.items())
        stage.log.info("validation log loss %s: kept the one from %s", told, kept)
    return kept, means


def make_repeatable(seed: int) -> None:
    """Seed everything, and have TensorFlow add up in a fixed order: with several threads it else does as they come."""
    import keras

    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        # Its graph optimizer rewrites large sums of gradients so that they add up as they come; it saves no time here.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def describe_device() -> str:
    """Which backend computes, and on what."""
    import keras

    from sentiment.training.devices import accelerators

    where = ", ".join(accelerators()) or "the CPU (no GPU found)"
    return f"Keras {keras.version()} with the {keras.backend.backend()} backend on {where}"


class Checkpoint:
    """The training state on disk, bound to the inputs and settings it was made from."""

    def __init__(self, path: Path, identity: str) -> None:
        self.path, self.identity = path, identity

    def read(self) -> "TrainingState":
        """The saved state, or a new one where there is none of this identity."""
        from sentiment.common.npy import read_arrays
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
        stage.log.info("resuming after epoch %d", len(meta["history"]))
        told = (meta["history"], meta["best_epoch"], meta.get("start", {}))
        return TrainingState(*told, _group(arrays, "now/"), _group(arrays, "best/"))

    def write(self, state: "TrainingState") -> None:
        """Save ``state``, by way of a temporary name."""
        import numpy as np

        meta = {
            "identity": self.identity,
            "history": state.history,
            "best_epoch": state.best_epoch,
            "start": state.start,
        }
        now = {f"now/{name}": value for name, value in state.weights.items()}
        best = {f"best/{name}": value for name, value in state.best_weights.items()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".tmp.npz")
        try:
            np.savez(temporary, meta=np.array(json.dumps(meta)), **now, **best)  # type: ignore[arg-type]
            temporary.replace(self.path)
        finally:
            temporary.unlink(missing_ok=True)
        told = state.history[-1] if state.history else {"start": 0, **state.start}
        stage.log.info(", ".join(f"{name} {value:.4g}" for name, value in told.items()))


def _group(arrays: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


class Data(NamedTuple):
    """What to train on: ``train`` and ``validation`` rows, the frozen matrix, and the classes."""

    parts: "dict[str, EncodedPart]"
    matrix: "np.ndarray"
    classes: list[str]


def _checkpoint(this: stage.Stage, start: str) -> Checkpoint:
    beside = this.parent is not None and start == NOTHING
    return Checkpoint(this.places.model / (".checkpoint-nothing.npz" if beside else ".checkpoint.npz"), _identity(this))


def _inputs(this: stage.Stage) -> Data:
    import numpy as np

    from pipelines.shared.artefacts import check_agreement, read_part
    from sentiment.common.npy import open_array
    from sentiment.errors import ArtefactError

    processed = this.places.processed
    check_agreement(processed, this.settings.preprocessing)
    classes = publishing.read_json(processed / "encoded.json")["classes"]
    try:
        matrix = np.array(open_array(publishing.require(processed / "embedding_matrix.npy")))
    except ValueError as error:
        raise ArtefactError(f"{processed}/embedding_matrix.npy: damaged ({error}); run `make preprocess`") from error
    weights = _row_weights(this.places.interim)
    parts = {name: read_part(processed, name)._replace(weights=weights.get(name)) for name in ("train", "validation")}
    return Data(parts, matrix, classes)


def _row_weights(interim: Path) -> "dict[str, np.ndarray]":
    """What the rows of each part count, float32 ``(n,)``, 1 on average; nothing where all are of one corpus."""
    import numpy as np
    import pyarrow.parquet as pq

    from sentiment.data.splitting import PARTS

    corpora = publishing.read_json(interim / "load.json").get("corpora")
    if not corpora:
        return {}
    weight = np.array([each["weight"] for each in corpora])
    rows = pq.read_table(publishing.require(interim / "tweets.parquet"), columns=["part", "corpus"])
    part, corpus = (rows.column(name).to_numpy() for name in ("part", "corpus"))
    mean = weight[corpus[part == PARTS.index("train")]].mean()
    return {name: (weight[corpus[part == i]] / mean).astype(np.float32) for i, name in enumerate(PARTS)}


def _with_contrasts(this: stage.Stage, part: "EncodedPart", classes: list[str]) -> "EncodedPart":
    """``part`` with the rows that the settings have made of it."""
    from pipelines.shared.artefacts import read_preprocessor
    from sentiment.training.clear_words import Poles
    from sentiment.training.contrast import with_contrasts

    options, preprocessing = this.settings.training, this.settings.preprocessing
    if not options.contrast:
        return part
    meanings = [this.settings.corpus.polarity.get(name, name) for name in classes]
    try:
        poles = Poles(meanings.index("negative"), meanings.index("positive"))
    except ValueError:
        raise SettingsError(
            f"training.contrast: expected a negative and a positive class, received {', '.join(classes)}: "
            "say with corpus.polarity which these are"
        ) from None
    lexicon = read_preprocessor(this.places.processed).lexicon
    more = with_contrasts(part, lexicon, poles, options.contrast, options.seed, preprocessing.padding)
    stage.log.info("%d contrastive rows beside %d", len(more.labels) - len(part.labels), len(part.labels))
    return more


def _take_over(this: stage.Stage, model: "keras.Model", classes: list[str]) -> None:
    """Give ``model`` the weights of the parent, but for the output layer where the classes differ."""
    from sentiment.training.parent import take_over

    assert this.parent is not None
    told = require_parent(this.parent)
    same = take_over(model, load_network(this.parent), classes, told["classes"], told.get("temperature", 1.0))
    new = "" if same else f"; a new output layer for {', '.join(classes)}"
    stage.log.info("starting from %s, of the classes %s%s", this.parent, ", ".join(told["classes"]), new)


def _seen_tweets(this: stage.Stage) -> "np.ndarray":
    """Hashes of the tweets that this model has seen now, those that its parent had seen included; sorted."""
    import numpy as np

    from pipelines.shared.seen_files import read_seen

    folders = [this.places.interim, *([this.parent] if this.parent else [])]
    return np.unique(np.concatenate([read_seen(folder) for folder in folders]))


def _seen(this: stage.Stage) -> int:
    """How many ids, from 0 on, occur in training."""
    return int(publishing.read_json(this.places.processed / "encoded.json")["seen"])


def _identity(this: stage.Stage) -> str:
    """Changes when a resumed run would not be the same run: settings, ids, matrix or backend."""
    import keras

    names = ("train.ids.npy", "train.labels.npy", "validation.ids.npy", "embedding_matrix.npy")
    parts = [publishing.sha256(this.places.processed / name) for name in names]
    parts += [publishing.sha256(this.parent / KERAS_MODEL)] if this.parent else []
    return json.dumps([keras.backend.backend(), keras.version(), this.settings.to_dict(), parts], sort_keys=True)


def _callbacks(this: stage.Stage, state: "TrainingState") -> "list[keras.callbacks.Callback]":
    import keras

    if keras.backend.backend() != "tensorflow":  # its writer is TensorFlow's
        return []
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return [keras.callbacks.TensorBoard(this.places.model / "logs" / stamp, write_graph=False)]


def _table(history: list[dict[str, float]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, history[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()


def _manifest(this: stage.Stage, classes: list[str], state: "TrainingState", told: Mapping[str, Any]) -> dict[str, Any]:
    processed, interim = this.places.processed, this.places.interim
    loaded = publishing.read_json(interim / "load.json")
    coverage = publishing.read_json(processed / "coverage.json")
    inputs = manifest.corpus_inputs(loaded) | {
        "glove": {"path": coverage["source"], "sha256": coverage["source_sha256"]},
    }
    lineage = {"parent": describe(this.parent)} if this.parent else {}
    return lineage | {
        "profile": this.places.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "classes": classes,
        "seed": this.settings.training.seed,
        **told,
        "epochs": len(state.history),
        "best_epoch": state.best_epoch + 1,
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


if __name__ == "__main__":
    stage.main(run, __doc__)
