"""Read NumPy's files without unpickling."""

import contextlib
import io
import math
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from sentiment.common.file_checks import DAMAGED


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
