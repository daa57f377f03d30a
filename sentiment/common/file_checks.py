"""Check an output's path, replace a file, compute a file's SHA-256, and read NumPy's files without unpickling."""

import contextlib
import hashlib
import io
import math
import os
import secrets
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from sentiment.errors import InputError

# Errors of NumPy and zipfile about damaged files.
DAMAGED = (
    EOFError, KeyError, MemoryError, NotImplementedError, OverflowError, RuntimeError, SyntaxError, TypeError,
    UserWarning, ValueError, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def require_writable(path: Path, overwrite: bool, holding: str = "") -> None:
    """Check that a command can write the file ``path``, the value of its option ``--output``.

    Raises:
        InputError: ``path`` is a folder or a device, its folder is missing or read-only, or the file exists and
            ``overwrite`` is false. ``holding`` says what the file may contain, for the message.
    """
    if path.exists() and not path.is_file():  # a finished file, which is renamed, would take the place of a device
        kind = "folder" if path.is_dir() else "device or a pipe"
        raise InputError(f"--output {path}: is a {kind}, expected the name of a file")
    if not path.parent.is_dir():
        raise InputError(f"--output {path}: there is no folder {path.parent}; make it first")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"--output {path}: the folder {path.parent} cannot be written to; give a file in another")
    if path.exists() and not overwrite:
        raise InputError(f"--output {path}: exists already{holding}; give another name, or --force to replace it")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``. Its file becomes ``path`` at the end, or is removed after an error."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as 64 lower-case hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_array(path: Path) -> np.ndarray:
    """Memory-map a ``.npy`` file; another format or damage raises a ValueError."""
    with path.open("rb") as file:
        return map_array(file, 0, os.fstat(file.fileno()).st_size)


def map_array(file: IO[bytes], start: int, size: int) -> np.ndarray:
    """Memory-map a ``.npy`` of ``size`` bytes that begins at byte ``start`` of a file; damage raises a ValueError."""
    with _reporting_damage():
        file.seek(start)
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, is_fortran, dtype = read_header(file)
        offset, received = file.tell(), math.prod(shape) * dtype.itemsize
        if dtype.hasobject or offset + received != start + size:
            raise ValueError(f"expected {start + size - offset} bytes of numbers, the header tells of {received}")
        return np.memmap(file, dtype, "r", offset, shape, "F" if is_fortran else "C")


def read_array(content: bytes) -> np.ndarray:
    """Return the array in the bytes of a ``.npy`` file; damage raises a ValueError."""
    with _reporting_damage():
        return np.asarray(np.load(io.BytesIO(content), allow_pickle=False))


def read_arrays(source: Path | IO[bytes]) -> dict[str, np.ndarray]:
    """Return all arrays of a ``.npz`` file by name; damage raises a ValueError."""
    with _reporting_damage(), np.load(source, allow_pickle=False) as file:
        return {name: np.asarray(file[name]) for name in file.files}


@contextlib.contextmanager
def _reporting_damage() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # raised for a header that NumPy has to guess
        try:
            yield
        except DAMAGED as error:
            raise ValueError(str(error)) from error
