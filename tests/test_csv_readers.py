"""The two readers of a CSV, Python's for training and Arrow's for scoring, see the same tweets in a file, or neither does.

So do the two ways of the former: block by block, and row by row.
"""

import io
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sentiment.data import csv_blocks
from sentiment.data.batches import Reading, read_batches, texts_of
from sentiment.data.corpus import CorpusReader
from sentiment.data.opening import open_corpus
from sentiment.data.table_rows import Layout
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
    "more behind quotes": (b'\n"a" b,0\nc,4\n', ["a b", "c"]),
    "backslashes": (b'\na\\"b,0\n"c\\",4\n', ['a\\"b', "c\\"]),
    "NUL": (b"\na\0b,0\n", ["a\0b"]),
    "empty cells": (b'\n,0\n"",4\n', ["", ""]),
    "blanks": (b"\n a ,0\n", [" a "]),
    "odd white space": ("\n\u00a0a\u2028b\u0085,0\n".encode(), ["\u00a0a\u2028b\u0085"]),
    "a blank before a quote": (b'\n "a,b",0\n', None),
    "a carriage return": (b"\na\rb,0\n", None),
    "an open quote": (b'\n"a,0\nb,4\n', None),
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
        with open_corpus(path, SETTINGS) as file:
            return [text for batch in CorpusReader(file, SETTINGS, path.name) for text in batch.texts]
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


SMALL = CorpusSettings(
    columns=2, text_column=0, label_column=1, labels={"negative": "0", "positive": "4"}, max_bad_rows=2
)
CELLS = st.sampled_from(["a", "4", "0", "say hi", "é", "Ã©", "\xff", ",", '"', '""', "\n", "\r", "\r\n", "\0", " ", ""])
WELL_FORMED = st.lists(
    st.tuples(st.lists(CELLS, max_size=4).map("".join), st.sampled_from("044")), min_size=1, max_size=9
).map(lambda rows: "".join('"{}",{}\n'.format(text.replace('"', '""'), label) for text, label in rows))
ODD = st.lists(
    st.sampled_from([*'ab"",,\n\n\r', "4\n", "x,0\n", '"x",4\r\n', '"a""b",0\n', '"a\nb",0\n']), max_size=20
).map("".join)


def outcome(file: io.TextIOBase, encoding: str) -> tuple[list[tuple[str, int]], tuple[object, ...] | str]:
    """Rows and report, or the complaint."""
    reader = CorpusReader(file, replace(SMALL, encoding=encoding), "x", one_of_many=True)  # type: ignore[arg-type]
    try:
        rows = [(text, int(label)) for batch in reader for text, label in zip(*batch, strict=True)]
    except InputError as error:
        return [], str(error)
    return rows, astuple(reader.report)


@settings(max_examples=100)
@given(st.one_of(WELL_FORMED, ODD), st.sampled_from(["latin-1", "utf-8"]), st.sampled_from([7, 40, 8 << 20]))
@example('"a",4\n"b""c",0\nd,"4"\n', "latin-1", 7)
@example("\ufeffa,4\n\n", "utf-8", 8 << 20)
def test_blocks_hold_the_rows_that_pythons_reader_sees(content: str, encoding: str, size: int) -> None:
    raw = content.encode(encoding, "replace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_blocks, "_BLOCK_BYTES", size)
        blocks = outcome(io.TextIOWrapper(io.BytesIO(raw), encoding, "surrogateescape", newline=""), encoding)
    rows = outcome(io.StringIO(raw.decode(encoding, "surrogateescape"), newline=""), encoding)
    assert blocks == rows


def test_plain_files_are_read_in_blocks() -> None:
    """Row by row they would be right too, only slower."""
    raw = b'"a ""b""",4\r\n"\xe9\n,",0\n' * 3
    blocks = csv_blocks.CsvBlocks(raw, io.BytesIO(b"c,0\nd,4"), header=False)
    written = csv_blocks.Format(",", Layout(2, 0, 1), "latin-1", True, 100)
    rows = []
    for block in blocks:
        rows.append(csv_blocks.rows_of(block, written))
        assert blocks.rest.startswith(block.data.tobytes())
        blocks.done()
    found = [each.fields for each in rows if each]
    assert [each and each.texts.to_pylist() for each in found] == [['a "b"', "é\n,"] * 3, ["c"]]
    assert [each and [each.values[i] for i in each.codes] for each in found] == [["4", "0"] * 3, ["0"]]
    assert (blocks.rest, [each.lines for each in rows if each]) == (b"d,4", [9, 1])


@given(st.lists(st.sampled_from([b'"', b"\n", b"a", b"a" * 9]), max_size=30).map(b"".join), st.integers(1, 9))
def test_rows_end_where_no_quote_is_open(data: bytes, tail: int) -> None:
    """However many bytes are looked at to find where."""
    array = np.frombuffer(data, np.uint8)
    odd = [data[: i + 1].count(b'"') % 2 == 1 for i in range(len(data))]
    assert csv_blocks.behind_odd_quotes(array).tolist() == odd
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_blocks, "_TAIL_BYTES", tail)
        ends = [i + 1 for i, byte in enumerate(data) if byte == ord("\n") and not odd[i]]
        assert csv_blocks._end_of_rows(array) == max(ends, default=0)
