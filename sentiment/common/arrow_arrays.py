"""Convert between Arrow and NumPy, and store Arrow tables. None of this imports pandas, which takes 0.2 s."""

from pathlib import Path

import numpy as np
import pyarrow as pa


def from_numpy(values: np.ndarray) -> pa.Array:
    """Return ``values`` ``(n,)``, numbers or booleans, as an Arrow array."""
    content = np.packbits(values, bitorder="little") if values.dtype == bool else np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(content)])


def as_numpy(array: pa.Array) -> np.ndarray:
    """Return an Arrow array of numbers ``(n,)`` without nulls as a NumPy array that shares its memory."""
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
