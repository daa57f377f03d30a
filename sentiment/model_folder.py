"""What a model folder holds, and reading a classifier out of one: plain data only, nothing is executed."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.classifier import SentimentClassifier
from sentiment.errors import ArtefactError, SettingsError
from sentiment.lexicon import Lexicon
from sentiment.plain_data import from_dict
from sentiment.preprocessing import Preprocessor
from sentiment.recurrence import GATES, Direction, FoldedNetwork
from sentiment.settings import NetworkSettings

FORMAT = 1
KERAS_MODEL = "model.keras"
SAVED_MODEL = "saved_model"
LEXICON = "lexicon.tsv"
VOCABULARY = "vocabulary.txt"
PREPROCESSING = "preprocessing.json"
TABLE = "table.npy"
WEIGHTS = "weights.npz"
# Written last by export: names the classes and the network, and has the checksums of the four small files above.
MODEL = "model.json"
CHECKED = (LEXICON, VOCABULARY, PREPROCESSING, WEIGHTS)


def read_classifier(folder: Path) -> SentimentClassifier:
    """Read a classifier that needs neither TensorFlow nor spaCy.

    Raises:
        ArtefactError: the folder is missing, incomplete, damaged, or put together from different models.
    """
    model = _read_model(folder)
    contents = {name: _read_checked(folder, name, model["sha256"]) for name in CHECKED}
    try:
        network = from_dict(NetworkSettings, model["network"])
        vocabulary = contents[VOCABULARY].decode().split("\n")[:-1]
        lexicon = Lexicon.from_tsv(contents[LEXICON].decode(), vocabulary, str(folder / LEXICON))
        preprocessor = Preprocessor.from_json(contents[PREPROCESSING].decode(), lexicon, str(folder / PREPROCESSING))
        folded = _read_network(folder, network)
    except (KeyError, TypeError, UnicodeDecodeError, SettingsError) as error:
        raise ArtefactError(f"{folder}: not a model of this version ({error}); export it again") from error
    _check_shapes(folder, folded, network, len(vocabulary), len(model["classes"]))
    return SentimentClassifier(preprocessor, folded, tuple(model["classes"]), masking=network.masking)


def network_files(folder: Path, network: FoldedNetwork) -> None:
    """Write ``table.npy`` and ``weights.npz`` into ``folder``."""
    np.save(folder / TABLE, network.table, allow_pickle=False)
    arrays = {"output_kernel": network.output_kernel, "output_bias": network.output_bias}
    for i, direction in enumerate(network.directions):
        arrays[f"kernel_{i}"] = direction.kernel
        if direction.bias is not None:
            arrays[f"bias_{i}"] = direction.bias
    np.savez(folder / WEIGHTS, **arrays)  # type: ignore[arg-type]


def _read_model(folder: Path) -> dict[str, Any]:
    path = folder / MODEL
    if not path.is_file():
        raise ArtefactError(
            f"{folder}: no model here (expected {MODEL}); run `make preprocess train evaluate` to make one"
        )
    try:
        model = json.loads(path.read_text(encoding="utf-8"))
        known = model["format"] == FORMAT and len(model["classes"]) >= 2 and set(CHECKED) <= set(model["sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{path}: damaged ({error!r}); run `make train` again") from error
    if not known:
        raise ArtefactError(f"{path}: expected format {FORMAT}, received {model['format']!r}; run `make train` again")
    return dict(model)


def _read_checked(folder: Path, name: str, checksums: dict[str, str]) -> bytes:
    path = folder / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtefactError(f"{path}: cannot be read ({error.strerror}); run `make train` again") from error
    if hashlib.sha256(content).hexdigest() != checksums[name]:
        raise ArtefactError(f"{path}: does not belong to this model (its checksum is not the one in {MODEL})")
    return content


def _read_network(folder: Path, settings: NetworkSettings) -> FoldedNetwork:
    try:
        table = np.load(folder / TABLE, mmap_mode="r", allow_pickle=False)
        with np.load(folder / WEIGHTS, allow_pickle=False) as file:
            arrays = {name: np.asarray(file[name]) for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ArtefactError(
            f"{folder}: {TABLE} or {WEIGHTS} is missing or damaged ({error}); run `make train`"
        ) from error
    count = 2 if settings.bidirectional else 1
    directions = tuple(Direction(arrays[f"kernel_{i}"], arrays.get(f"bias_{i}")) for i in range(count))
    kernel, bias = arrays["output_kernel"], arrays["output_bias"]
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ArtefactError(f"{folder / WEIGHTS}: holds weights that are not finite numbers; train again")
    return FoldedNetwork(table, directions, kernel, bias, settings.cell, settings.pooling)


def _check_shapes(
    folder: Path, folded: FoldedNetwork, settings: NetworkSettings, vocabulary: int, classes: int
) -> None:
    directions, gates, units = len(folded.directions), GATES[settings.cell], settings.units
    pooled = directions * units * (2 if settings.pooling == "max_mean" else 1)
    expected = [
        (TABLE, folded.table.shape, (directions, vocabulary, gates * units)),
        *((WEIGHTS, direction.kernel.shape, (units, gates * units)) for direction in folded.directions),
        (WEIGHTS, folded.output_kernel.shape, (pooled, classes)),
        (WEIGHTS, folded.output_bias.shape, (classes,)),
    ]
    for name, received, wanted in expected:
        if received != wanted:
            raise ArtefactError(f"{folder / name}: expected shape {wanted}, received {received}: not of this model")
