"""Write the files of a model folder, and read a classifier from it. All files are data: reading executes no code."""

import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sentiment.common.array_files import map_array, read_array, read_arrays
from sentiment.errors import ArtefactError
from sentiment.network.cells import GATES, Direction
from sentiment.network.folded import FoldedNetwork
from sentiment.network.ngrams import MOST_BUCKETS
from sentiment.predict.classifier import SentimentClassifier
from sentiment.predict.model_files import (
    CHECKED,
    CHUNK_IDS,
    CHUNKS,
    MODEL,
    OPTIONAL,
    TABLE,
    WEIGHTS,
    ModelFiles,
    open_model,
    read_description,
)
from sentiment.text.chunk_table import ChunkTable
from sentiment.text.preprocessor import Preprocessor

FORMAT = 3
_BLOCK_BYTES = 1 << 20


# The network settings that prediction needs, and their values, the default first; ``model.json`` has exactly these.
_SETTINGS: dict[str, tuple[Any, ...]] = {
    "cell": tuple(GATES),
    "pooling": ("max_mean", "last", "max", "mean"),
    "activation": ("tanh", "softsign"),
}


def read_classifier(place: str | os.PathLike[str]) -> SentimentClassifier:
    """Read a classifier from a model folder, or from an archive that `sentiment pack` made.

    Raises:
        ArtefactError: the model is missing, incomplete or damaged, or its files come from different models.
    """
    with open_model(place) as files:
        model = _read_model(files)
        checked = _CheckedFiles(files, model["sha256"])
        try:
            settings = _settings_of(model["network"])
            preprocessor = Preprocessor.load(files.place, checked.read)
            if CHUNKS in model["sha256"]:
                preprocessor = replace(preprocessor, table=_read_chunks(checked, preprocessor.lexicon.size))
            folded = _read_network(checked, settings)
        except (KeyError, TypeError) as error:
            raise ArtefactError(f"{place}: not a model of this version ({error}); export it again") from error
        _check_shapes(files, folded, preprocessor.lexicon.size, len(model["classes"]))
        _check_table(checked)
        if model["sha256"][MODEL] != _own_checksum(model):
            raise ArtefactError(
                f"{files.path(MODEL)}: was edited after export (its checksum differs); run `make train` again"
            )
        return SentimentClassifier(preprocessor, folded, tuple(model["classes"]))


def describe(folder: Path, classes: Sequence[str], network: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of ``model.json``, including the checksums of the other files in ``folder``.

    ``classes`` are in the order of the network's outputs. Of the settings ``network``, those that prediction needs are
    used.
    """
    settings = {name: network.get(name, values[0]) for name, values in _SETTINGS.items()}
    model: dict[str, Any] = {"format": FORMAT, "classes": list(classes), "network": settings}
    names = [*CHECKED, *(name for name in OPTIONAL if (folder / name).exists())]
    sums = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    return model | {"sha256": sums | {MODEL: _own_checksum(model)}}


def _own_checksum(model: Mapping[str, Any]) -> str:
    stated = [model["format"], model["classes"], model["network"]]
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()


def network_files(folder: Path, network: FoldedNetwork) -> None:
    """Write the network into ``folder``: ``table.npy`` with a row per token, and ``weights.npz`` with the rest."""
    np.save(folder / TABLE, network.table, allow_pickle=False)
    arrays = {"output_kernel": network.output_kernel, "output_bias": network.output_bias}
    optional = {"scales": network.scales, "ngram_scores": network.ngrams, "ngram_scales": network.ngram_scales}
    arrays |= {name: array for name, array in optional.items() if array is not None}
    for i, direction in enumerate(network.directions):
        arrays[f"kernel_{i}"] = direction.kernel
        if direction.bias is not None:
            arrays[f"bias_{i}"] = direction.bias
    np.savez(folder / WEIGHTS, **arrays)  # type: ignore[arg-type]


def chunk_files(folder: Path, table: ChunkTable | None) -> None:
    """Write the table of frequent chunks (stretches of text between spaces) and their token ids into ``folder``.

    The files are ``chunks.npy`` and ``chunk_ids.npy``. Without a table, nothing is written.
    """
    if table is not None:
        np.save(folder / CHUNKS, table.keys, allow_pickle=False)
        np.save(folder / CHUNK_IDS, table.ids, allow_pickle=False)


def _read_model(files: ModelFiles) -> dict[str, Any]:
    path, content = files.path(MODEL), read_description(files)
    try:
        model = json.loads(content)
        if model["format"] != FORMAT:
            raise ArtefactError(
                f"{path}: expected format {FORMAT}, received {str(model['format'])[:40]}; run `make train` again"
            )
        names = [name for name in model["classes"] if isinstance(name, str)]
        whole = model["classes"] == names and len(names) == len({*names}) >= 2
        whole = whole and {*CHECKED, MODEL} <= model["sha256"].keys()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ArtefactError(f"{path}: damaged ({str(error)[:100]}); run `make train` again") from error
    if not whole:
        raise ArtefactError(f"{path}: lacks classes or checksums; run `make train` again")
    return dict(model)


class _CheckedFiles(NamedTuple):
    """The files of a model, with the checksums in ``model.json``. A wrong checksum raises an `ArtefactError`."""

    files: ModelFiles
    checksums: Mapping[str, str]

    def read(self, name: str) -> bytes:
        try:
            content = self.files.read(name)
        except OSError as error:
            path = self.files.path(name)
            raise ArtefactError(f"{path}: cannot be read ({error.strerror}); run `make train` again") from error
        self.require(name, hashlib.sha256(content).hexdigest())
        return content

    def map(self, name: str) -> np.ndarray:
        """Map an array into memory without verifying its checksum. :func:`_check_table` verifies it block by block."""
        with self.files.open(name) as extent:
            return np.asarray(map_array(*extent))

    def require(self, name: str, checksum: str) -> None:
        if checksum != self.checksums[name]:
            raise ArtefactError(
                f"{self.files.path(name)}: does not belong to this model (its checksum is not the one in {MODEL}); "
                "fetch the whole model again, or run `make train` again"
            )


def _read_chunks(checked: _CheckedFiles, vocabulary: int) -> ChunkTable:
    place, contents = checked.files.place, [checked.read(name) for name in (CHUNK_IDS, CHUNKS)]
    try:
        ids, keys = map(read_array, contents)
    except ValueError as error:
        raise ArtefactError(f"{place}: {CHUNKS} or {CHUNK_IDS} is damaged ({error}); run `make train` again") from error
    table = ChunkTable(keys, ids)
    if not table.is_sound(vocabulary):
        raise ArtefactError(f"{place}: {CHUNKS} and {CHUNK_IDS} do not fit a vocabulary of {vocabulary}: export again")
    return table


def _settings_of(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return the network settings in ``model.json``. A missing, unknown or wrong setting raises a `KeyError`."""
    if not isinstance(stated, dict):
        raise KeyError(f"network: expected settings, received {str(stated)[:40]!r}")
    settings = dict(stated)
    if not settings.pop("masking", True):  # a setting of earlier versions
        raise KeyError("network.masking: networks that read padding are no longer supported")
    for name, allowed in _SETTINGS.items():
        if settings[name] not in allowed or len(settings) != len(_SETTINGS):
            raise KeyError(f"network.{name}: received {str(settings[name])[:40]!r}")
    return settings


def _read_network(checked: _CheckedFiles, settings: Mapping[str, Any]) -> FoldedNetwork:
    folder, weights = checked.files.place, checked.read(WEIGHTS)
    try:
        table, arrays = checked.map(TABLE), read_arrays(io.BytesIO(weights))
    except (OSError, ValueError) as error:
        raise ArtefactError(
            f"{folder}: {TABLE} or {WEIGHTS} is missing or damaged ({error}); run `make train`"
        ) from error
    in_8_bits = {"table": "scales" in arrays, "ngram_scores": "ngram_scales" in arrays}
    for name, array in (arrays | {"table": table}).items():
        if array.dtype != (np.int8 if in_8_bits.get(name) else np.float32):
            raise ArtefactError(
                f"{folder}: {TABLE} and {WEIGHTS} are expected to hold float32, or int8 with scales; "
                "run `make train` again"
            )
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ArtefactError(f"{checked.files.path(WEIGHTS)}: holds weights that are not finite numbers; train again")
    directions = (Direction(arrays[f"kernel_{i}"], arrays.get(f"bias_{i}")) for i in "01" if f"kernel_{i}" in arrays)
    return FoldedNetwork(
        table, tuple(directions), arrays["output_kernel"], arrays["output_bias"], ngrams=arrays.get("ngram_scores"),
        scales=arrays.get("scales"), ngram_scales=arrays.get("ngram_scales"), **settings,
    )  # fmt: skip


def _check_table(checked: _CheckedFiles) -> None:
    """Check that ``table.npy`` has the right checksum and contains only finite numbers.

    The large file is read in blocks, through a separate memory map. Closing this map afterwards frees its memory.
    """
    flat, finite, digest = checked.map(TABLE).reshape(-1), True, hashlib.sha256()
    if flat.dtype == np.float32:
        step = _BLOCK_BYTES // flat.itemsize
        blocks = (flat[start : start + step] for start in range(0, len(flat), step))
        finite = all(np.isfinite(block.min()) and np.isfinite(block.max()) for block in blocks)
    with checked.files.open(TABLE) as (file, start, size):
        file.seek(start)
        for left in range(size, 0, -_BLOCK_BYTES):
            digest.update(file.read(min(left, _BLOCK_BYTES)))
    checked.require(TABLE, digest.hexdigest())
    if not finite:
        raise ArtefactError(f"{checked.files.path(TABLE)}: holds weights that are not finite numbers; train again")


def _check_shapes(files: ModelFiles, folded: FoldedNetwork, vocabulary: int, classes: int) -> None:
    if not folded.directions or folded.directions[0].kernel.ndim != 2:
        path = files.path(WEIGHTS)
        raise ArtefactError(f"{path}: expected recurrent kernels of two dimensions; run `make train` again")
    directions, gates, units = len(folded.directions), GATES[folded.cell], len(folded.directions[0].kernel)
    pooled = directions * units * (2 if folded.pooling == "max_mean" else 1)
    buckets = len(folded.ngrams) if folded.ngrams is not None and folded.ngrams.ndim else 0  # training chooses it
    expected = [
        (folded.table, (directions, vocabulary, gates * units)),
        *((direction.kernel, (units, gates * units)) for direction in folded.directions),
        (folded.output_kernel, (pooled, classes)),
        (folded.output_bias, (classes,)),
        *((direction.bias, (gates * units,)) for direction in folded.directions),
        (folded.scales, (directions, vocabulary)),
        (folded.ngrams, (min(max(buckets, 1), MOST_BUCKETS), classes)),
        (folded.ngram_scales, (classes,)),
    ]
    for array, wanted in expected:
        if array is not None and array.shape != wanted:
            path, received = files.path(TABLE if array is folded.table else WEIGHTS), array.shape
            raise ArtefactError(f"{path}: expected shape {wanted}, received {received}: not of this model")
