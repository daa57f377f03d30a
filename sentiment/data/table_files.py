"""Find the files that one path stands for: a file, the files in a folder, or the files that match a pattern."""

import glob
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sentiment.common.file_checks import sha256_of
from sentiment.data.file_format import TABLE_NAMES, is_table


class TableFile(NamedTuple):
    """A file: its path, the name ``shown`` in messages, and its ``name`` within the folder, used in the checksum."""

    path: Path
    shown: str
    name: str


def is_several(place: Path) -> bool:
    """Return whether ``place`` is a folder or a glob pattern."""
    return place.is_dir() or (glob.has_magic(str(place)) and not place.exists())


def find_files(place: Path) -> list[TableFile]:
    """Return the file ``place``, or all tables in a folder or matching a glob pattern, sorted by name.

    Raises:
        InputError: the folder contains no table, or the pattern matches none.
    """
    if not is_several(place):
        return [TableFile(place, str(place), place.name)]
    from sentiment.common.stores import list_input

    listing = list_input(str(place), is_table, TABLE_NAMES)
    names = [file.path.removeprefix(listing.base).lstrip("/") for file in listing.files]
    return [TableFile(Path(file.path), file.path, name) for file, name in zip(listing.files, names, strict=True)]


def checksum(files: Sequence[TableFile], sums: Sequence[str]) -> str:
    """Return one checksum for ``files``, given the SHA-256 of each file in ``sums``.

    For one file it is the file's SHA-256. For several files it is the SHA-256 of their names and ``sums``.
    """
    if len(files) == 1:
        return sums[0]
    lines = (f"{file.name}\0{each}\n" for file, each in zip(files, sums, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def checksum_of(place: Path) -> str:
    """Return the combined checksum of the files that ``place`` stands for at this moment.

    Raises:
        InputError: a folder contains no table, or a pattern matches none.
        OSError: a file cannot be read.
    """
    files = find_files(place)
    return checksum(files, [sha256_of(file.path) for file in files])
