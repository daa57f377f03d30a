"""Read GloVe vectors from a text file, which may be compressed, or from a `.npy` array with a file of its words."""

import contextlib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from pipelines.shared import publishing, stage
from sentiment.common.array_files import open_array
from sentiment.common.messages import shown
from sentiment.data.table_files import DAMAGED, open_bytes
from sentiment.embedding.glove import WordVectors, first_words, read_vectors, select_vectors
from sentiment.errors import InputError
from sentiment.settings import EmbeddingSettings

# Bytes. A line of a GloVe file, a word and 300 numbers, is shorter. The limit bounds the memory for a damaged file.
_LONGEST_LINE = 1 << 16
# Exceptions that damaged archives raise, for example an OSError for a seek to before the start.
_DAMAGED = (*DAMAGED, OSError, RuntimeError, ValueError)


def glove_file(given: Path | None, raw: Path, profile: Mapping[str, Any]) -> Path:
    """Return ``given``, or the path of the profile's GloVe file in ``raw``. A missing file raises an `InputError`."""
    name = profile.get("sources", {}).get("glove", {}).get("target", "glove.txt")
    return stage.input_file(given, raw / name, "GLOVE=file (--glove file)")


def read_words(path: Path, most: int, settings: EmbeddingSettings) -> list[str]:
    """Return the ``most`` most frequent words of a GloVe file. Damage or another dimension raises an `InputError`."""
    if path.suffix == ".npy":
        return _words_and_array(path)[0][:most]
    with _open(path, settings.member) as lines:
        return list(first_words(lines, most, str(path), settings.dimension))


def read_glove(path: Path, wanted: set[str], settings: EmbeddingSettings) -> WordVectors:
    """Read the ``wanted`` words' vectors from a GloVe file. Damage or another dimension raises an `InputError`."""
    if path.suffix == ".npy":
        return _read_array(path, wanted, settings)
    with _open(path, settings.member) as lines:
        return read_vectors(lines, wanted, str(path), settings.dimension)


@contextlib.contextmanager
def _open(path: Path, member: str) -> Iterator[Iterator[bytes]]:
    """Yield the lines of a text file, which may be compressed. Damaged content raises an InputError."""
    try:
        with contextlib.ExitStack() as stack:
            if path.suffix == ".zip":
                archive = stack.enter_context(zipfile.ZipFile(path))
                file = stack.enter_context(archive.open(_member(archive, member, path)))
            else:
                file = stack.enter_context(open_bytes(path)).stream
            yield _lines(file, path)
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.filename:  # the file could not be opened
            raise
        raise InputError(f"{path}: damaged or incomplete ({error}); fetch it again") from error


def _lines(file: IO[bytes], path: Path) -> Iterator[bytes]:
    number = 0
    with tqdm(unit="B", unit_scale=True, desc=path.name, disable=None, leave=False) as bar:
        while line := file.readline(_LONGEST_LINE):
            number += 1
            if len(line) == _LONGEST_LINE:
                raise InputError(f"{path}:{number}: a line of over {_LONGEST_LINE} bytes: not a GloVe text file")
            bar.update(len(line))
            yield line


def _member(archive: zipfile.ZipFile, member: str, path: Path) -> str:
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if not member and len(names) == 1:
        return names[0]
    if member not in names:
        there = shown(", ".join(names))
        raise InputError(f"{path}: expected a member {member!r}, received {there}; set embedding.member")
    return member


def _read_array(path: Path, wanted: set[str], settings: EmbeddingSettings) -> WordVectors:
    words, matrix = _words_and_array(path)
    if settings.dimension and matrix.ndim == 2 and matrix.shape[1] != settings.dimension:
        raise InputError(f"{path}: expected dimension {settings.dimension}, received {matrix.shape[1]}")
    return select_vectors(words, matrix, wanted, str(path))


def _words_and_array(path: Path) -> tuple[list[str], np.ndarray]:
    words_file = publishing.require_input(path.with_suffix(".words.parquet"), "its words beside it")
    try:
        return pq.read_table(words_file).column(0).to_pylist(), open_array(path)
    except (ValueError, EOFError, pa.ArrowException) as error:
        raise InputError(f"{path}: expected an array and its words ({error}); fetch it again") from error
