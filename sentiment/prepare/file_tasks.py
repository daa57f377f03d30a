"""List the files to read, of one format or several, and divide them into tasks."""

from collections.abc import Sequence
from typing import NamedTuple

from sentiment.common.grouping import grouped
from sentiment.data.table_files import TableFile
from sentiment.settings import CorpusSettings

# Small files share a task.
_BYTES_PER_TASK = 4 << 20
_FILES_PER_TASK = 256


class Corpus(NamedTuple):
    """Files of one format, and what a row of them counts; ``name`` is what the user named, ``-`` standard input."""

    name: str
    files: tuple[TableFile, ...]
    settings: CorpusSettings
    weight: float = 1.0


class FileTask(NamedTuple):
    """Files of one corpus that one task reads, one after the other; tasks are numbered in the order of the rows.

    ``corpus`` is which of the corpora, and ``alone`` says that it has no other file.
    """

    number: int
    corpus: int
    files: tuple[TableFile, ...]
    alone: bool


def file_tasks(corpora: Sequence[Corpus]) -> list[FileTask]:
    """Return the tasks of reading: a large file alone, small ones together. They depend on the files only."""
    groups = [
        (number, group)
        for number, corpus in enumerate(corpora)
        for group in grouped(corpus.files, lambda file: file.path.stat().st_size, _BYTES_PER_TASK, _FILES_PER_TASK)
    ]
    return [
        FileTask(i, number, tuple(group), len(corpora[number].files) == 1) for i, (number, group) in enumerate(groups)
    ]
