"""Convert between Arrow and NumPy, and store Arrow tables, without the 0.2 s that an import of pandas takes.

Arrow imports pandas, if it is installed, to convert any value of Python or NumPy (its issue 34994): in ``pa.array`` and
``pa.scalar``, for a plain number or string among the arguments of a function, in ``to_numpy``, and in ``group_by``.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from sentiment.errors import InputError


def from_numpy(values: np.ndarray) -> pa.Array:
    """Return ``values`` ``(n,)``, numbers or booleans, as an Arrow array."""
    content = np.packbits(values, bitorder="little") if values.dtype == bool else np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(content)])


def from_encoded(encoded: Sequence[bytes]) -> pa.Array:
    """Return texts in UTF-8 as an Arrow string array.

    Raises:
        InputError: the texts have more than 2 GiB together.
    """
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    if offsets[-1] > np.iinfo(np.int32).max:
        raise InputError(f"expected at most 2 GiB of text at once, received {offsets[-1]} bytes: pass it in parts")
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)


def from_strings(texts: Iterable[str]) -> pa.Array:
    """Return strings as an Arrow array. Errors are as for :func:`from_encoded`."""
    return from_encoded([text.encode() for text in texts])


def constant(value: str | float) -> pa.Scalar:
    """Return a string, a truth value or a number as an argument of Arrow's functions."""
    return (from_strings([value]) if isinstance(value, str) else from_numpy(np.array([value])))[0]


def as_numpy(array: pa.Array) -> np.ndarray:
    """Return an Arrow array ``(n,)`` without nulls as a NumPy array; one of numbers shares its memory."""
    if pa.types.is_boolean(array.type):
        return as_numpy(array.cast(pa.uint8())).view(bool)
    dtype = np.dtype(array.type.to_pandas_dtype())
    buffer = array.buffers()[1]
    if buffer is None or not len(array):
        return np.zeros(0, dtype)
    return np.frombuffer(buffer, dtype, len(array), array.offset * dtype.itemsize)


def write_table(path: Path, table: pa.Table) -> None:
    """Write an Arrow table to a file in Arrow's IPC format."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def read_table(path: Path) -> pa.Table:
    """Memory-map a table that :func:`write_table` wrote."""
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()
