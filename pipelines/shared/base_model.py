"""Start training from a trained model, called the base model (`FROM=models/name`).

The model folder contains the text preprocessing, the weights and, in the Keras model, every word's vector. Therefore
neither the corpus of the base model nor its GloVe file is read.
"""

from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.common.file_checks import sha256_of
from sentiment.errors import ArtefactError, SettingsError
from sentiment.predict.model_files import MANIFEST, MODEL, read_manifest
from sentiment.settings import Settings, TrainingSettings
from sentiment.settings_checks import from_dict
from sentiment.text.file_names import FILES

if TYPE_CHECKING:
    import keras

KERAS_MODEL = "model.keras"
_NEEDED = (KERAS_MODEL, MODEL, *FILES)
# The new model takes these sections from the base model. Other values are refused, except for settings of the training
# and settings that select the words of the new corpus.
_TAKEN_OVER = ("preprocessing", "embedding", "network")
_OWN = ("preprocessing.min_count", "preprocessing.max_vocabulary", "network.projection_dropout")
_MAY_DIFFER = ("preprocessing.vector_words", "embedding.", "network.word_dropout", "network.feature_dropout",
               "network.output_dropout", "network.trainable_dropout", "network.trainable_word_dropout")  # fmt: skip
# With few tweets about few topics, scores of n-grams raise macro recall by 1.5 to 4 points.
NGRAM_BUCKETS = 1 << 16
LEARNING_RATE = 1e-3  # The weights are good already; steps as large as in training from scratch would spoil them.


def inherit(settings: Settings, given: AbstractSet[str], folder: Path) -> Settings:
    """Return ``settings`` with the base model's settings of text, embedding and network, except those ``given``.

    Args:
        settings: the settings of the profile and the command line.
        given: dotted names of the settings that the profile or the command line sets.
        folder: the folder of the base model.

    Raises:
        ArtefactError: the folder has no trained model.
        SettingsError: a given setting does not fit the weights or words of the base model.
    """
    try:
        made_with = from_dict(Settings, _manifest(folder)["settings"])
    except (KeyError, SettingsError) as error:
        raise ArtefactError(f"{folder}: was made by another version ({error}); train it again") from error
    sections: dict[str, Any] = {}
    for section in _TAKEN_OVER:
        own, theirs = getattr(settings, section), getattr(made_with, section)
        kept = {}
        for name in settings.to_dict()[section]:
            dotted, asked, there = f"{section}.{name}", getattr(own, name), getattr(theirs, name)
            if dotted in given and not dotted.startswith((*_OWN, *_MAY_DIFFER)) and asked != there:
                raise SettingsError(
                    f"{folder}: was made with {dotted} = {there!r}, and {asked!r} is asked for; leave that setting "
                    "out, or train without FROM (--from)"
                )
            if dotted in given or dotted in _OWN:
                kept[name] = asked
        sections[section] = replace(theirs, **kept)
    rate = settings.training.learning_rate if "training.learning_rate" in given else LEARNING_RATE
    buckets = settings.training.ngram_buckets if "training.ngram_buckets" in given else NGRAM_BUCKETS
    sections["training"] = replace(settings.training, learning_rate=rate, ngram_buckets=buckets)
    return replace(settings, **sections)


def settings_from_nothing(settings: Settings, given: AbstractSet[str]) -> Settings:
    """Return ``settings`` with the default learning rate for training from scratch, unless the rate is ``given``.

    :func:`inherit` has set a lower rate, which suits training from a base model.
    """
    rate = settings.training.learning_rate if "training.learning_rate" in given else TrainingSettings().learning_rate
    return replace(settings, training=replace(settings.training, learning_rate=rate))


def load_network(folder: Path) -> "keras.Model":
    """Return the network of the base model in ``folder``. An unreadable network raises an `ArtefactError`."""
    import keras

    require_base_model(folder)
    path = folder / KERAS_MODEL
    try:
        return keras.models.load_model(path)
    except (ValueError, TypeError, OSError, KeyError) as error:
        line = " ".join(str(error).split())[:100]
        raise ArtefactError(f"{path}: not a network of this version ({line}); train it again") from error


def require_base_model(folder: Path) -> dict[str, Any]:
    """Check the files of the base model in ``folder`` against its manifest, and return the manifest.

    Raises:
        ArtefactError: a file that training needs is missing, or its checksum differs from the manifest.
    """
    read = _manifest(folder)
    for name in _NEEDED:
        path = folder / name
        if not path.is_file():
            raise ArtefactError(
                f"{folder}: cannot be trained further: {name} is missing; give FROM a whole model folder"
            )
        if sha256_of(path) != read["artefacts"].get(name):
            raise ArtefactError(f"{path}: is not what {MANIFEST} says; make the base model again, or fetch it again")
    return read


def describe(folder: Path) -> dict[str, Any]:
    """Describe a base model for the manifest of a new model: its files, classes, numbers of rows and inputs."""
    read = require_base_model(folder)
    names = ("profile", "created", "classes", "rows", "inputs", "base_model")
    kept = {name: read[name] for name in names if read.get(name) is not None}
    files = {name: {"path": str(folder / name), "sha256": read["artefacts"][name]} for name in (MODEL, KERAS_MODEL)}
    return {"folder": str(folder), "files": files} | kept


def _manifest(folder: Path) -> dict[str, Any]:
    if not (folder / MANIFEST).is_file():
        known = ", ".join(sorted(map(str, trained_folders(Path("models")))))
        there = f"there are {known}" if known else "there is none yet, `make evaluate` without FROM makes one"
        found = "is a file, and a packed model lacks its network" if folder.is_file() else "no trained model here"
        raise ArtefactError(f"{folder}: {found} (expected {MANIFEST}); give FROM a model folder: {there}")
    return read_manifest(folder)


def trained_folders(models: Path) -> list[Path]:
    """Return the folders of the trained models in ``models``, without the link `latest`."""
    return [path.parent for path in models.glob(f"*/{MODEL}") if not path.parent.is_symlink()]
