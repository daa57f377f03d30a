"""Derive the kind of a table from its file's name. The readers are not imported, which saves a process 5 ms."""

import re
from pathlib import Path

KINDS = ("csv", "tsv", "jsonl", "parquet")
NOTES = "note-tweet.js"  # the file with the long posts of an X archive
STANDARD = "-"  # standard input or output
COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
# The file extensions that can be read, for messages.
TABLE_NAMES = ".csv, .tsv, .jsonl, .json, .js, .parquet (also packed: .gz, .bz2, .xz, .zst, .zip)"
_TWEETS = re.compile(r"(?:.*/)?tweets?(?:-part\d+)?\.js")  # the files of tweets in an X archive


def kind_of(name: str | Path) -> str:
    """Return the kind in ``KINDS`` that a file name shows, such as ``csv`` for ``a.csv.gz``, or an empty string."""
    suffix = _suffix_of(name)
    kind = {"ndjson": "jsonl"}.get(suffix, suffix)
    return kind if kind in KINDS else ""


def input_kind_of(name: str | Path) -> str:
    """Return the kind that an input file's name shows: as :func:`kind_of`, or ``jsonl`` for ``.json`` and ``.js``."""
    return kind_of(name) or ("jsonl" if _suffix_of(name) in ("json", "js") else "")


def is_table(name: str, is_chosen: bool = True) -> bool:
    """Return whether a file is a table, by its name.

    A script (``.js``) is a table only if an X archive uses its name for tweets, or if the user has chosen the file.
    """
    kind = input_kind_of(name) or ("jsonl" if name.lower().endswith(".zip") else "")
    return bool(kind) and (is_chosen or _suffix_of(name) != "js" or is_x_archive(name))


def is_x_archive(name: str) -> bool:
    """Return whether ``name`` is the name of a file of tweets in an X archive, such as ``tweets-part1.js``."""
    return bool(_TWEETS.fullmatch(name))


def _suffix_of(name: str | Path) -> str:
    path = Path(Path(name).name.lower())
    return (path.with_suffix("") if path.suffix in COMPRESSED else path).suffix[1:]
