"""Read fastText's format: each line has labels and then a text, for example ``__label__positive I love it``."""

import re
from collections.abc import Iterator
from typing import IO

import numpy as np
import pyarrow as pa

from sentiment.data.label_meanings import FASTTEXT_MARK
from sentiment.data.reading import BadRow, Reading, TableBlock, position_of

_NAMES = ("label", "text")
_BLOCK_BYTES = 4 << 20
_LINE = re.compile(rf"\s*({FASTTEXT_MARK}\S+)(?:\s+{FASTTEXT_MARK}\S+)*\s*(.*?)\s*")


def is_fasttext(head: bytes) -> bool:
    """Return whether all lines in ``head``, a file's first bytes, begin with a label. The last line may be cut."""
    lines, mark = [line.strip() for line in head.splitlines() if line.strip()], FASTTEXT_MARK.encode()
    return bool(lines) and all(line.startswith(mark) and b" " in line for line in lines[:-1] or lines)


def read_fasttext(stream: IO[bytes], reading: Reading, name: str) -> Iterator[TableBlock]:
    """Yield the rows of a fastText file in blocks, at least one, with the columns ``label`` and ``text``.

    Of several labels in a line, the first is taken. A line that has no label or is not UTF-8 is a bad row.

    Raises:
        InputError: ``reading`` requests a column with another name.
    """
    asked = range(len(_NAMES)) if reading.columns is None else reading.columns
    which = [each if isinstance(each, int) else position_of(each, _NAMES, name, reading.option) for each in asked]
    rest, before, ended = b"", 0, False
    while not ended:
        data = stream.read(_BLOCK_BYTES)
        ended = not data
        *lines, rest = (rest + data).split(b"\n")
        lines += [rest] if ended and rest else []
        if lines or not before:
            yield _block(lines, before, which)
        before += len(lines)


def _block(lines: list[bytes], before: int, which: list[int]) -> TableBlock:
    kept, rows, bad = [], list[tuple[str, ...]](), []
    for number, line in enumerate(lines, before + 1):
        if not line.strip():
            continue
        try:
            found = _LINE.fullmatch(line.decode())
        except UnicodeDecodeError:
            found = None
        if found is None:
            bad.append(BadRow(number, number, f"expected {FASTTEXT_MARK}, a label and a text, received {line[:40]!r}"))
        else:
            kept.append(number)
            rows.append(found.groups())
    arrays = [pa.array([row[i] for row in rows], pa.string()) for i in which]
    batch = pa.record_batch(arrays, [_NAMES[i] for i in which])
    return TableBlock(batch, np.array(kept, np.int64), bad, lambda number: number)
