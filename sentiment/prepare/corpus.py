"""The files of a corpus: one, those of a folder, or those that match a pattern."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sentiment.common.grouping import grouped
from sentiment.common.stores import list_input
from sentiment.data.tables import SUFFIXES
from sentiment.settings import CorpusSettings

# Small files share a task.
_BYTES_PER_TASK = 4 << 20
_FILES_PER_TASK = 256


class CorpusFile(NamedTuple):
    """A file: its path, what messages call it, and its name in the corpus, which goes into the checksum."""

    path: Path
    shown: str
    name: str


class Corpus(NamedTuple):
    """Files of one format, and what a row of them counts; ``name`` is what the user named, ``-`` standard input."""

    name: str
    files: tuple[CorpusFile, ...]
    settings: CorpusSettings
    weight: float = 1.0


class FileTask(NamedTuple):
    """Files of one corpus that one task reads, one after the other; tasks are numbered in the order of the rows.

    ``corpus`` is which of the corpora, and ``alone`` says that it has no other file.
    """

    number: int
    corpus: int
    files: tuple[CorpusFile, ...]
    alone: bool


def find_files(place: Path) -> list[CorpusFile]:
    """The file ``place``, or those of a folder or a pattern, by name.

    Raises:
        InputError: there is none.
    """
    if place.is_file():
        return [CorpusFile(place, str(place), place.name)]
    listing = list_input(str(place), SUFFIXES)
    names = [file.path.removeprefix(listing.base).lstrip("/") for file in listing.files]
    return [CorpusFile(Path(file.path), file.path, name) for file, name in zip(listing.files, names, strict=True)]


def file_tasks(corpora: Sequence[Corpus]) -> list[FileTask]:
    """What is read at once: a large file alone, small ones together; it depends on the files only."""
    groups = [
        (number, group)
        for number, corpus in enumerate(corpora)
        for group in grouped(corpus.files, lambda file: file.path.stat().st_size, _BYTES_PER_TASK, _FILES_PER_TASK)
    ]
    return [
        FileTask(i, number, tuple(group), len(corpora[number].files) == 1) for i, (number, group) in enumerate(groups)
    ]


def checksum(files: Sequence[CorpusFile], sums: Sequence[str]) -> str:
    """Of one file its own; of several one over their names and theirs, in order."""
    if len(files) == 1:
        return sums[0]
    lines = (f"{file.name}\0{each}\n" for file, each in zip(files, sums, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
