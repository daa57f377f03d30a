"""Opening a labelled corpus."""

from pathlib import Path
from typing import TextIO

from pipelines.shared import publishing
from sentiment.settings import CorpusSettings


def open_corpus(path: Path, settings: CorpusSettings) -> TextIO:
    """Open a corpus such that undecodable bytes reach the reader, which reports them by line."""
    return path.open(encoding=settings.encoding, errors="surrogateescape", newline="")


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
        return [(text, names[i]) for batch in batches for text, i in zip(batch.texts, batch.labels, strict=True)]
