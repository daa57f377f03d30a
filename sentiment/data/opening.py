"""Opening a labelled corpus."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sentiment.data import tables
from sentiment.data.batches import Reading, read_batches
from sentiment.data.table_rows import TableRows
from sentiment.settings import CorpusSettings


@contextlib.contextmanager
def open_corpus(path: Path, settings: CorpusSettings) -> Iterator[IO[str] | TableRows]:
    """Open a corpus of any kind for a ``CorpusReader``.

    Raises:
        InputError: there is no such file, or it is in another encoding than the settings say.
    """
    kind = settings.format or tables.kind_of(path) or "csv"
    if kind in ("jsonl", "parquet"):
        reading = Reading(column="", kind=kind, option="corpus.")
        yield TableRows(read_batches(path, reading), settings, str(path))
        return
    with tables.open_bytes(path) as stream:
        tables.refuse_utf16(stream.peek(tables.HEAD_BYTES), settings.encoding, path, "corpus.encoding")
        with tables.text_file(stream, settings.encoding) as file:
            yield file
