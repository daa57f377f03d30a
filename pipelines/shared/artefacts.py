"""Read the files that earlier stages wrote, and check that they agree."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from pipelines.shared import publishing
from sentiment.common.array_files import open_array
from sentiment.data.corpus import LabelledTexts
from sentiment.data.encoded import EncodedPart
from sentiment.data.splitting import PARTS, SEEN
from sentiment.errors import ArtefactError
from sentiment.settings import PreprocessingSettings
from sentiment.text.preprocessor import Preprocessor

TOLERANCE = 1e-5  # the largest difference between probabilities of two forms of a model
_ROWS_TO_COMPARE = 2000


def read_preprocessor(folder: Path) -> Preprocessor:
    """Read the text preprocessing (rules and lexicon). A missing or damaged file raises an `ArtefactError`."""
    return Preprocessor.load(folder, lambda name: publishing.require(folder / name).read_bytes())


def check_agreement(folder: Path, settings: PreprocessingSettings) -> None:
    """Check that the ids in ``folder`` were made with ``settings``, and with the same lexicon as the embedding matrix.

    Raises:
        ArtefactError: the files do not match, because a stage was left out or ran with other settings.
    """
    encoded = publishing.read_json(folder / "encoded.json")
    coverage = publishing.read_json(folder / "coverage.json")
    asked = json.loads(json.dumps(asdict(settings)))
    if other := [name for name, value in asked.items() if encoded.get("settings", {}).get(name) != value]:
        raise ArtefactError(
            f"{folder}: was made with another preprocessing.{other[0]} than this run asks for; "
            f"run `make preprocess` with the same settings"
        )
    if not encoded.get("lexicon_sha256") or encoded["lexicon_sha256"] != coverage.get("lexicon_sha256"):
        raise ArtefactError(f"{folder}: embedding_matrix.npy is of another lexicon; run `make preprocess` again")


def read_array(path: Path) -> np.ndarray:
    """Return the memory-mapped array in a file. A missing or damaged file raises an `ArtefactError`."""
    try:
        return open_array(publishing.require(path))
    except ValueError as error:
        raise ArtefactError(f"{path}: damaged ({error}); run `{publishing.command_for(path)}` again") from error


def read_part(folder: Path, name: str) -> EncodedPart:
    """Return the ids (memory-mapped) and labels of the part ``name``: train, validation or test.

    Raises:
        ArtefactError: a file is missing or damaged, or the numbers of rows and labels differ.
    """
    ids, labels = read_array(folder / f"{name}.ids.npy"), np.array(read_array(folder / f"{name}.labels.npy"))
    if len(ids) != len(labels):
        raise ArtefactError(f"{folder}/{name}: {len(ids)} rows but {len(labels)} labels; run `make preprocess`")
    return EncodedPart(ids, labels)


def read_seen(folder: Path) -> np.ndarray:
    """Return the hashes of a model's training and validation tweets, sorted, uint64 ``(m,)``.

    Raises:
        ArtefactError: the file is missing or damaged.
    """
    seen = np.array(read_array(folder / SEEN))
    if seen.dtype != np.uint64 or seen.ndim != 1:
        received = f"{seen.dtype} {seen.shape}"
        raise ArtefactError(f"{folder / SEEN}: expected hashes, received {received}; run `make train` again")
    return seen


def read_split(interim: Path, name: str) -> LabelledTexts:
    """Return the texts and labels of a part, such as "test". A missing `tweets.parquet` raises an `ArtefactError`."""
    tweets = publishing.require(interim / "tweets.parquet")
    table = pq.read_table(tweets, columns=["text", "label"], filters=[("part", "=", PARTS.index(name))])
    return LabelledTexts(table.column("text").to_pylist(), table.column("label").to_numpy().astype("int64"))


def corpus_inputs(loaded: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return path and SHA-256 of each corpus in ``loaded`` (from `load.json`), keyed "corpus", "corpus 2" and so on."""
    first = {"corpus": {"path": loaded["source"], "sha256": loaded["source_sha256"]}}
    further = enumerate(loaded.get("corpora", [])[1:], 2)
    return first | {f"corpus {i}": {"path": each["file"], "sha256": each["sha256"]} for i, each in further}


def rows_to_compare(processed: Path) -> np.ndarray:
    """Return padded ids of validation tweets, int32 ``(rows, max_tokens)``, for comparing a model's file formats.

    Raises:
        ArtefactError: the file of ids is missing or damaged.
    """
    return read_part(processed, "validation").ids[:_ROWS_TO_COMPARE].astype(np.int32)


def require_agreement(answers: Mapping[str, np.ndarray], expected: np.ndarray, standard: str) -> float:
    """Return the largest absolute difference between probabilities, which must not exceed ``TOLERANCE``.

    Args:
        answers: probabilities ``(rows, classes)`` by the name of the file format, for example "LiteRT model".
        expected: the reference probabilities ``(rows, classes)`` for the same rows.
        standard: the name of the reference, used in the error message.

    Raises:
        ArtefactError: a probability differs by more than ``TOLERANCE``.
    """
    differences = {name: float(np.abs(answer - expected).max()) for name, answer in answers.items()}
    for name, difference in differences.items():
        if not difference <= TOLERANCE:
            raise ArtefactError(f"the {name} differs from the {standard} by {difference:.2g}: nothing is written")
    return max(differences.values())
