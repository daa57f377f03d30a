"""Training and scoring see the same tweets in a CSV, whatever its lines and quotes are like, or both refuse it."""

from pathlib import Path

import pytest

from sentiment.data.corpus import CorpusReader
from sentiment.data.reading import Reading
from sentiment.data.table_reader import read_batches, texts_of
from sentiment.errors import InputError
from sentiment.settings import CorpusSettings

SETTINGS = CorpusSettings(
    encoding="utf-8", repair_utf8=False, header=True, columns=0, text_column="text", label_column="label",
    labels={"negative": "0", "positive": "4"},
)  # fmt: skip
# What stands behind the header line ``text,label``, and the tweets in it; None is refused.
FILES = {
    "lines of Windows": (b"\r\na,0\r\nb,4\r\n", ["a", "b"]),
    "lines of old Macs": (b"\ra,0\rb,4\r", ["a", "b"]),
    "no end of line": (b"\na,0\nb,4", ["a", "b"]),
    "blank lines": (b"\n\na,0\n\n\nb,4\n\n", ["a", "b"]),
    "a line break in quotes": (b'\n"a\nb",0\nc,4\n', ["a\nb", "c"]),
    "Windows' line break in quotes": (b'\r\n"a\r\nb",0\r\n', ["a\r\nb"]),
    "a carriage return in quotes": (b'\n"a\rb",0\n', ["a\rb"]),
    "doubled quotes": (b'\n"say ""hi""",0\n', ['say "hi"']),
    "quotes inside": (b'\na "b" c,0\n', ['a "b" c']),
    "more behind quotes": (b'\n"a" b,0\nc,4\n', ['"a" b', "c"]),
    "backslashes": (b'\na\\"b,0\n"c\\",4\n', ['a\\"b', "c\\"]),
    "NUL": (b"\na\0b,0\n", ["a\0b"]),
    "empty cells": (b'\n,0\n"",4\n', ["", ""]),
    "blanks": (b"\n a ,0\n", [" a "]),
    "odd white space": ("\n\u00a0a\u2028b\u0085,0\n".encode(), ["\u00a0a\u2028b\u0085"]),
    "a blank before a quote": (b'\n "a,b",0\n', None),
    "a carriage return": (b"\na\rb,0\n", None),
    "an open quote": (b'\n"a,0\nb,4\n', ['"a', "b"]),
    "a long row": (b"\na,0,1\nb,4\n", None),
    "a short row": (b"\na\nb,4\n", None),
    "not UTF-8": (b"\na\xff,0\n", None),
}


def by_scoring(path: Path) -> list[str] | None:
    try:
        batches = list(read_batches(path, Reading("text")))
    except InputError:
        return None
    return [text or "" for batch in batches for text in texts_of(batch, "text", path).to_pylist()]


def by_training(path: Path) -> list[str] | None:
    try:
        return [text for batch in CorpusReader(path, SETTINGS, path.name) for text in batch.texts.to_pylist()]
    except InputError:
        return None


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "byte order mark"])
@pytest.mark.parametrize("name", FILES)
def test_both_readers_see_the_same(tmp_path: Path, name: str, mark: bytes) -> None:
    rest, expected = FILES[name]
    path = tmp_path / "t.csv"
    path.write_bytes(mark + b"text,label" + rest)
    assert by_scoring(path) == expected
    assert by_training(path) == expected
