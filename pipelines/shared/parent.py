"""Starting from a trained model (`FROM=models/parent`): what its folder hands over, and what is refused.

The folder alone is enough: it holds the text treatment, every word with its vector (in the Keras model) and the
weights. Neither the parent's corpus nor its GloVe file is read.
"""

from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.shared import publishing
from sentiment.common.plain_data import from_dict
from sentiment.errors import ArtefactError, SettingsError
from sentiment.predict.manifest import MANIFEST, read_manifest
from sentiment.settings import Settings, TrainingSettings
from sentiment.text.preprocessor import FILES

MODEL, KERAS_MODEL = "model.json", "model.keras"
_NEEDED = (KERAS_MODEL, MODEL, *FILES)
# What a model takes over from its parent. Of these settings another value than the parent's is refused, but for
# those that only say how to train, or which words of the new corpus are frequent enough.
_TAKEN_OVER = ("preprocessing", "embedding", "network")
_OWN = ("preprocessing.min_count", "preprocessing.max_vocabulary", "network.projection_dropout")
_MAY_DIFFER = ("preprocessing.vector_words", "embedding.", "network.word_dropout", "network.feature_dropout",
               "network.output_dropout", "network.trainable_dropout", "network.trainable_word_dropout")  # fmt: skip
# A parent's weights are near where they should be: steps as large as from nothing lose what they hold.
LEARNING_RATE = 1e-3
WORD_SCORE_ROWS = 50_000


def inherit(settings: Settings, given: AbstractSet[str], folder: Path) -> Settings:
    """``settings`` with what the model in ``folder`` was made with, where they were not ``given``.

    Args:
        settings: of the profile and the command line.
        given: dotted names of those that one of the two names.
        folder: of the parent.

    Raises:
        ArtefactError: the folder is not that of a trained model.
        SettingsError: a setting was given that the parent's weights or words do not fit.
    """
    parents = _settings(folder)
    sections: dict[str, Any] = {}
    for section in _TAKEN_OVER:
        own, theirs = getattr(settings, section), getattr(parents, section)
        names = {name: f"{section}.{name}" for name in settings.to_dict()[section]}
        for name, dotted in names.items():
            asked, there = getattr(own, name), getattr(theirs, name)
            if dotted in given and not dotted.startswith(_MAY_DIFFER) and dotted not in _OWN and asked != there:
                raise SettingsError(
                    f"{folder}: was made with {dotted} = {there!r}, and {asked!r} is asked for; leave that setting "
                    "out, or train without FROM (--from)"
                )
        kept = {name: getattr(own, name) for name, dotted in names.items() if dotted in _OWN or dotted in given}
        sections[section] = replace(theirs, **kept)
    by_parent = {"learning_rate": LEARNING_RATE, "word_score_rows": WORD_SCORE_ROWS}
    own = {name: value for name, value in by_parent.items() if f"training.{name}" not in given}
    sections["training"] = replace(settings.training, **own)
    return replace(settings, **sections)


def from_nothing(settings: Settings, given: AbstractSet[str]) -> Settings:
    """``settings``, as :func:`inherit` gives them, for a network beside it whose weights are not taken over."""
    plain = TrainingSettings()
    rate = settings.training.learning_rate if "training.learning_rate" in given else plain.learning_rate
    return replace(
        settings,
        training=replace(settings.training, learning_rate=rate, layer_decay=1.0, unfreeze_epochs=0, frozen=()),
    )


def require_parent(folder: Path) -> dict[str, Any]:
    """The manifest of the parent in ``folder``, once its files are known to be those that it names.

    Raises:
        ArtefactError: a file that training needs is missing, or is not the one that the manifest names.
    """
    read = _manifest(folder)
    for name in _NEEDED:
        path = folder / name
        if not path.is_file():
            raise ArtefactError(
                f"{folder}: cannot be trained further: {name} is missing; give FROM a whole model folder"
            )
        if publishing.sha256(path) != read["artefacts"].get(name):
            raise ArtefactError(f"{path}: is not what {MANIFEST} says; make the parent again, or fetch it again")
    return read


def describe(folder: Path) -> dict[str, Any]:
    """What the manifest of a model says of its parent: which files they were, and what those were made from."""
    read = require_parent(folder)
    kept = {name: read.get(name) for name in ("profile", "created", "classes", "rows", "inputs", "parent")}
    files = {name: {"path": str(folder / name), "sha256": read["artefacts"][name]} for name in (MODEL, KERAS_MODEL)}
    return {"folder": str(folder), "files": files} | {name: value for name, value in kept.items() if value is not None}


def _manifest(folder: Path) -> dict[str, Any]:
    if not (folder / MANIFEST).is_file():
        raise ArtefactError(
            f"{folder}: no trained model here (expected {MANIFEST}); give FROM a model folder: {_trained()}"
        )
    return read_manifest(folder)


def _trained() -> str:
    """The trained models there are, or how to make one."""
    there = sorted(map(str, trained_folders(Path("models"))))
    return f"there are {', '.join(there)}" if there else "there is none yet, `make evaluate` without FROM makes one"


def trained_folders(models: Path) -> list[Path]:
    """The folders of the trained models in ``models``, each once: `latest` is a link to one of them."""
    return [path.parent for path in models.glob(f"*/{MODEL}") if not path.parent.is_symlink()]


def _settings(folder: Path) -> Settings:
    try:
        return from_dict(Settings, _manifest(folder)["settings"])
    except (KeyError, SettingsError) as error:
        raise ArtefactError(f"{folder}: was made by another version ({error}); train it again") from error
