"""Read NumPy's files as plain data. Nothing is unpickled, and every kind of damage raises a ``ValueError``."""

import tokenize
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np

# Errors of NumPy and zipfile about damaged files, beside ValueError.
_DAMAGED = (
    EOFError, KeyError, MemoryError, NotImplementedError, OverflowError, RuntimeError, SyntaxError, TypeError,
    UserWarning, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def open_array(path: Path) -> np.ndarray:
    """Map a ``.npy`` into memory.

    Raises:
        ValueError: the file is of another format, or damaged.
        OSError: the file cannot be opened.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # raised for a header that NumPy has to guess
        try:
            return np.lib.format.open_memmap(path, mode="r")
        except _DAMAGED as error:
            raise ValueError(str(error)) from error


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return all arrays of a ``.npz`` by name; errors as :func:`open_array`."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            with np.load(path, allow_pickle=False) as file:
                return {name: np.asarray(file[name]) for name in file.files}
        except _DAMAGED as error:
            raise ValueError(str(error)) from error
