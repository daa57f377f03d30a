"""Reading NumPy's files as plain data: nothing is unpickled, and whatever is wrong with one is a ``ValueError``."""

import tokenize
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np

# What NumPy and zipfile raise, beside ValueError, for bytes that are not what they should be.
_DAMAGED = (
    EOFError, KeyError, MemoryError, NotImplementedError, OverflowError, RuntimeError, SyntaxError, TypeError,
    UserWarning, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def open_array(path: Path) -> np.ndarray:
    """Map a ``.npy`` into memory.

    Raises:
        ValueError: it is not one, or is damaged.
        OSError: it cannot be opened.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # of a header that NumPy can only guess at
        try:
            return np.lib.format.open_memmap(path, mode="r")
        except _DAMAGED as error:
            raise ValueError(str(error)) from error


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a ``.npz``, by name; errors as :func:`open_array`."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            with np.load(path, allow_pickle=False) as file:
                return {name: np.asarray(file[name]) for name in file.files}
        except _DAMAGED as error:
            raise ValueError(str(error)) from error
