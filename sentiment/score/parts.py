"""What is scored at once: whole files, or stretches of large ones that depend on the file alone.

Neither the number of workers nor the engine has a say in where a part begins, so that the answers are the same
bytes on any of them.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sentiment.common.grouping import grouped
from sentiment.common.stores import Listing
from sentiment.data.tables import kind_of
from sentiment.errors import InputError

FORMATS = ("parquet", "csv", "jsonl")
# Stretches of a file that is split: about three seconds of one core's work.
BYTES_PER_PART = 16 << 20
ROWS_PER_PART = 131_072
# Small files share a task, so that handing out costs nothing beside scoring.
_BYTES_PER_TASK = 4 << 20
FILES_PER_TASK = 256


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file as it was when the run began.

    Attributes:
        path: in its store.
        name: relative to what was asked for.
        size: bytes.
        changed: modification time, ns.
    """

    path: str
    name: str
    size: int
    changed: int

    @property
    def kind(self) -> str:
        """``parquet``, ``csv``, ``tsv`` or ``jsonl``."""
        return kind_of(self.name)

    @property
    def is_packed(self) -> bool:
        """Whether it must be unpacked from its beginning."""
        return self.name.endswith(".gz")


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a file: ``unit`` is ``file``, ``bytes`` or ``rows``; ``start`` and ``stop`` count those.

    Attributes:
        output: name of its answers, relative to the output folder.
        size: bytes of the input, about.
        header: bytes at the beginning of a CSV that go before each of its stretches.
        delimiter: of a CSV that is cut, found out from its beginning; empty lets the file scorer do so.
    """

    file: InputFile
    output: str
    size: int
    unit: str = "file"
    start: int = 0
    stop: int = 0
    header: int = 0
    delimiter: str = ""

    def identity(self) -> list[str | int]:
        """What a record must agree with."""
        return [self.file.path, self.file.size, self.file.changed, self.unit, self.start, self.stop]


def input_files(listings: Sequence[Listing], common: str) -> list[InputFile]:
    """All files of the ``listings``, once each, named relative to ``common``, by name."""
    files = {
        info.path: InputFile(info.path, info.path.removeprefix(common).lstrip("/"), info.size, info.mtime_ns or 0)
        for listing in listings
        for info in listing.files
    }
    return sorted(files.values(), key=lambda file: file.name)


def whole(file: InputFile, suffix: str) -> Part:
    """The file as one part; ``suffix`` is of its answers, empty for the file's own kind."""
    return Part(file, f"{_stem(file)}.{suffix or file.kind}", file.size)


class Cut(NamedTuple):
    """Where a file is cut: ``borders``, both ends included, in ``unit``; the rest as :class:`Part` has it."""

    unit: str
    borders: list[int]
    header: int = 0
    delimiter: str = ""


def stretches(file: InputFile, suffix: str, cut: Cut) -> list[Part]:
    """Parts between each of the borders and the next; one part alone is the whole file."""
    if len(cut.borders) <= 2:
        return [whole(file, suffix)]
    stem, ending = _stem(file), suffix or file.kind
    size = file.size // (len(cut.borders) - 1)
    return [
        Part(file, f"{stem}-{i:05d}.{ending}", size, cut.unit, start, stop, cut.header, cut.delimiter)
        for i, (start, stop) in enumerate(itertools.pairwise(cut.borders))
    ]


def row_borders(rows: int) -> list[int]:
    """Equal stretches of about ``ROWS_PER_PART`` of so many rows."""
    count = max(1, round(rows / ROWS_PER_PART))
    return [i * rows // count for i in range(count + 1)]


def require_distinct(parts: Iterable[Part]) -> None:
    """No two parts may have one name.

    Raises:
        InputError: as two inputs differ in their suffix only.
    """
    seen: dict[str, str] = {}
    for part in parts:
        if other := seen.get(part.output):
            raise InputError(f"{other} and {part.file.path}: both would be written as {part.output}; rename one")
        seen[part.output] = part.file.path


def tasks(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Parts by what is handed out at once: a large one alone, small ones together."""
    return grouped(parts, lambda part: part.size, _BYTES_PER_TASK, FILES_PER_TASK)


def _stem(file: InputFile) -> str:
    return file.name.removesuffix(".gz").rpartition(".")[0]
