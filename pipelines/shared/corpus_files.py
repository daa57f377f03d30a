"""Opening a labelled corpus."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pipelines.shared import publishing
from sentiment.settings import CorpusSettings

if TYPE_CHECKING:
    from sentiment.data.corpus import TableRows


@contextlib.contextmanager
def open_corpus(path: Path, settings: CorpusSettings) -> "Iterator[IO[str] | TableRows]":
    """Open a corpus of any kind for a ``CorpusReader``.

    Raises:
        InputError: there is no such file, or it is in another encoding than the settings say.
    """
    from sentiment.data import tables

    kind = settings.format or tables.kind_of(path) or "csv"
    if kind in ("jsonl", "parquet"):
        yield _table_rows(path, settings, kind)
        return
    with tables.open_bytes(path) as stream:
        tables.refuse_utf16(stream.peek(tables.HEAD_BYTES), settings.encoding, path, "corpus.encoding")
        with tables.text_file(stream, settings.encoding) as file:
            yield file


def _table_rows(path: Path, settings: CorpusSettings, kind: str) -> "TableRows":
    from sentiment.data.batches import Reading, read_batches
    from sentiment.data.corpus import TableRows

    return TableRows(read_batches(path, Reading(column="", kind=kind, option="corpus.")), settings, str(path))


def read_corpus(path: Path, settings: CorpusSettings, option: str) -> list[tuple[str, str]]:
    """Every text of a labelled CSV with the name of its class; for test sets, which fit into memory.

    Raises:
        InputError: the file is missing (``option`` names it on the command line) or damaged.
    """
    from sentiment.data.corpus import CorpusReader

    publishing.require_input(path, option)
    names = list(settings.labels)
    with open_corpus(path, settings) as file:
        batches = CorpusReader(file, settings, str(path))
        return [
            (text, names[i]) for batch in batches for text, i in zip(batch.texts, batch.labels.tolist(), strict=True)
        ]
