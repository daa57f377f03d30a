"""Read labelled tweets into memory from a file that the command line names."""

from pathlib import Path
from typing import Any

from pipelines.shared import publishing, stage
from sentiment.errors import InputError
from sentiment.settings import CorpusSettings


def read_corpus(path: Path, settings: CorpusSettings, option: str) -> list[tuple[str, str]]:
    """Return the rows (text, class name) of a labelled table.

    Raises:
        InputError: the file is damaged or missing. The message names the command-line ``option`` for the file.
    """
    from sentiment.data.corpus import CorpusReader

    publishing.require_input(path, option)
    names = list(settings.labels)
    batches = CorpusReader(path, settings, str(path))
    return [(text, names[i]) for batch in batches for text, i in zip(batch.texts, batch.labels.tolist(), strict=True)]


def profile_and_path(given: str, own: dict[str, Any]) -> tuple[dict[str, Any], Path]:
    """Split ``profile:file`` into the tables of that profile and the path; a plain path gets the profile ``own``.

    Raises:
        InputError: neither the file nor the profile exists.
    """
    before, colon, after = given.partition(":")
    if not colon or Path(given).exists():
        return own, Path(given)
    if not stage.is_profile(before):
        raise InputError(f"{given}: neither a file nor PROFILE:FILE; there is no profile {before!r}")
    return stage.read_profile(before), Path(after)
