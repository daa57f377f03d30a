"""Labelled tweets that fit into memory, and how their file is named on a command line."""

from pathlib import Path
from typing import Any

from pipelines.shared import publishing, stage
from sentiment.errors import InputError
from sentiment.settings import CorpusSettings


def read_corpus(path: Path, settings: CorpusSettings, option: str) -> list[tuple[str, str]]:
    """Return every text of a labelled table with the name of its class.

    Raises:
        InputError: the file is missing (``option`` names it on the command line) or damaged.
    """
    from sentiment.data.corpus import CorpusReader

    publishing.require_input(path, option)
    names = list(settings.labels)
    batches = CorpusReader(path, settings, str(path))
    return [(text, names[i]) for batch in batches for text, i in zip(batch.texts, batch.labels.tolist(), strict=True)]


def profile_and_path(given: str, own: dict[str, Any]) -> tuple[dict[str, Any], Path]:
    """Return the profile that describes the format of a file, and the path of the file.

    The profile is ``own`` for a plain path, and the named one for ``profile:file``.

    Raises:
        InputError: there is neither such a file nor such a profile.
    """
    before, colon, after = given.partition(":")
    if not colon or Path(given).exists():
        return own, Path(given)
    if not stage.is_profile(before):
        raise InputError(f"{given}: neither a file nor PROFILE:FILE; there is no profile {before!r}")
    return stage.read_profile(before), Path(after)
