"""Labelled test sets, which fit into memory."""

from pathlib import Path

from pipelines.shared import publishing
from sentiment.settings import CorpusSettings


def read_corpus(path: Path, settings: CorpusSettings, option: str) -> list[tuple[str, str]]:
    """Every text of a labelled CSV with the name of its class.

    Raises:
        InputError: the file is missing (``option`` names it on the command line) or damaged.
    """
    from sentiment.data.corpus import CorpusReader
    from sentiment.data.opening import open_corpus

    publishing.require_input(path, option)
    names = list(settings.labels)
    with open_corpus(path, settings) as file:
        batches = CorpusReader(file, settings, str(path))
        return [
            (text, names[i]) for batch in batches for text, i in zip(batch.texts, batch.labels.tolist(), strict=True)
        ]
