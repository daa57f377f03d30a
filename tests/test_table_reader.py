"""The one reader of tables: quotes that enclose nothing, rows that vary, packed files, and blocks of every size."""

import bz2
import csv
import gzip
import io
import json
import lzma
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.data import csv_reader, table_files, table_reader
from sentiment.data.reading import RAW_LINE, BadRows, Reading
from sentiment.data.table_reader import read_batches, texts_of
from sentiment.errors import InputError

CSV = b"id,text\n1,love\n2,hate\n"


def rows_of(content: bytes, **reading: object) -> list[dict]:
    asked = Reading(**({"kind": "csv"} | reading))  # type: ignore[arg-type]
    return [row for batch in read_batches(io.BytesIO(content), asked, "t") for row in batch.to_pylist()]


def texts(path: Path, **reading: object) -> list[str]:
    asked = Reading(**reading)  # type: ignore[arg-type]
    return [text for batch in read_batches(path, asked) for text in texts_of(batch, asked.column, path).to_pylist()]


def test_quotes_that_are_text_swallow_no_row() -> None:
    lines = [
        f"{i}\tpositive\t{chr(34) if i % 30 == 3 else ''}tweet {i}{chr(34) if i % 30 == 18 else ''}\n"
        for i in range(600)
    ]
    found = rows_of("".join(lines).encode(), kind="tsv", column="2")
    assert len(found) == 600
    assert found[3]["2"] == '"tweet 3'


def test_quotes_that_swallow_rows_after_the_sample_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    head = 'id,text,label\n1,"a, b",4\n'
    swallowing = '7,"opened,0\n8,next,4\n9,closed",0\n'
    monkeypatch.setattr(csv_reader, "SAMPLE_BYTES", 30)
    with pytest.raises(InputError, match=r"^t:3: a quote opens a field that goes on over lines which look like rows"):
        rows_of((head + swallowing).encode())
    assert len(rows_of((head + swallowing).encode(), quotes=False, bad_rows=BadRows(1))) == 3
    assert rows_of((head + swallowing).encode(), quotes=True)[1:] == [
        {"id": "7", "text": "opened,0\n8,next,4\n9,closed", "label": "0"}
    ]
    assert rows_of(b'id,text,label\n1,"a\nb, c",4\n')[0]["text"] == "a\nb, c"


@pytest.mark.parametrize("mark", [",", ";", "|"])
@pytest.mark.parametrize(
    "swallowing", ['7,"opened,Rome\n8,next,New York\n9,closed",\n', '7,Rome,"opened\n8,,closed"\n']
)
def test_swallowed_rows_may_have_other_cells_that_vary(monkeypatch, mark, swallowing):
    monkeypatch.setattr(csv_reader, "SAMPLE_BYTES", 30)
    with pytest.raises(InputError, match=r"^t:3: a quote opens a field"):
        rows_of(('id,text,place\n1,"a b",x\n' + swallowing).replace(",", mark).encode())


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_bad_row_after_a_long_field_has_its_line(quote: str) -> None:
    long = quote + "a, b "[2 * (not quote) :] * 50_000 + quote
    with pytest.raises(InputError, match=r"^t:6: expected 2 columns, received 3"):
        rows_of(f'id,text\n1,{long}\n2,"a\nb"\n3,c\n4,d,e\n'.encode())


def test_a_csv_of_labels_without_header_is_no_fasttext() -> None:
    for mark in (",", " , ", ";", "|"):
        content = f"__label__pos{mark}so good\n__label__neg{mark}so bad\n".encode()
        assert [row["1"].strip() for row in rows_of(content, column="1")] == ["so good", "so bad"]
    assert rows_of(b"__label__pos so, good\n")[0]["text"] == "so, good"


def test_a_damaged_packed_file_is_said_to_be_damaged(tmp_path: Path) -> None:
    for name, content in {
        "a.csv.zst": pa.compress(CSV * 9, "zstd", asbytes=True)[:-3],
        "b.csv.zst": pa.compress(CSV * 9, "zstd", asbytes=True) + b"more",
        "c.csv.gz": gzip.compress(CSV)[:-3],
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(
            InputError, match=r"not readable as (csv|a table) \(.*damaged or cut short: fetch or make it"
        ):
            texts(tmp_path / name)


def test_an_old_workbook_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600))
    with pytest.raises(InputError, match="is an Excel workbook, expected text; save it as CSV"):
        texts(tmp_path / "a.csv")


def test_bad_rows_have_their_lines() -> None:
    bad = BadRows(limit=9, kept=9)
    found = rows_of(b'text,id\n"a\nb",1\n\nshort\nc\xff,2\nd,3\ne,4,5\n', bad_rows=bad)
    assert [row["text"] for row in found] == ["a\nb", "d"]
    assert [(row.row, row.line) for row in bad.rows] == [(2, 5), (3, 6), (5, 8)]
    with pytest.raises(
        InputError, match=r"^t:5: expected 2 columns, received 1; mend the file, or allow more with --max"
    ):
        rows_of(b'text,id\n"a\nb",1\n\nshort\n')


CELLS = st.lists(st.sampled_from(["a", "é", ",", '"', "\n", "\r\n", " ", "x" * 20, "7"]), max_size=5).map("".join)


@settings(max_examples=30)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=12), st.sampled_from([40, 200, 4 << 20]))
def test_blocks_of_every_size_have_the_rows_that_were_written(rows: list[tuple[str, str, str]], size: int) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("text", "b", "c"), *rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_reader, "_BLOCK_BYTES", size)
        found = rows_of(file.getvalue().encode(), quotes=True)
    assert [tuple(row.values()) for row in found] == rows


def test_carriage_returns_alone_end_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_reader, "_BLOCK_BYTES", 50)
    rows = "".join(f"tweet {i},{i}\r" for i in range(40))
    assert [row["id"] for row in rows_of(f"text,id\r{rows}".encode())] == [str(i) for i in range(40)]


def test_odd_white_space_ends_no_line() -> None:
    assert rows_of("a\x85b\u2028c\x0c,1\n".encode("latin-1", "replace"), column="0", encoding="latin-1")[0]["1"] == "1"


def test_an_open_quote_is_named() -> None:
    with pytest.raises(InputError, match="opened in line 3"):
        rows_of(b'text\nfine\n"unclosed\nbad\n')


def test_only_the_column_that_is_asked_for_is_typed() -> None:
    lines = b'{"text": "a", "id": 1, "when": "2023-01-01T01:30:00+02:00"}\n{"id": "2", "text": null, "late": {"x": [1.50]}}\n'
    raw = rows_of(lines, kind="jsonl", raw_lines=True, columns=("text",))
    assert [row["text"] for row in raw] == ["a", None]
    assert [row[RAW_LINE].encode() for row in raw] == lines.splitlines()
    assert rows_of(lines, kind="jsonl", columns=("text",)) == [{"text": "a"}, {"text": None}]
    assert rows_of(lines, kind="jsonl")[1] == {"text": None, "id": "2", "when": None, "late": '{"x": [1.50]}'}


def test_half_an_emoji_and_bad_lines() -> None:
    bad = BadRows(limit=2, kept=2)
    lines = b'{"text": "\\ud83d ok"}\n\n[1]\n{"text": 3}\n{"text": "fine"}\n'
    assert [row["text"] for row in rows_of(lines, kind="jsonl", raw_lines=True, columns=("text",), bad_rows=bad)] == [
        "\ufffd ok",
        "fine",
    ]
    assert [row.line for row in bad.rows] == [3, 4]
    with pytest.raises(InputError, match="expected a column 'text', received a, b"):
        rows_of(b'{"a": 1}\n{"b": 1}\n', kind="jsonl", raw_lines=True, columns=("text",))


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst", "zip"])
def test_packed_files(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.csv.{suffix}"
    if suffix == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.csv", CSV)
    elif suffix == "zst":
        path.write_bytes(pa.compress(CSV, "zstd", asbytes=True))
    else:
        path.write_bytes({"gz": gzip, "bz2": bz2, "xz": lzma}[suffix].compress(CSV))
    assert texts(path) == ["love", "hate"]


def zip_of(path: Path, **members: bytes) -> Path:
    """Write a zip of files, whose names have an underscore in the place of the dot; a link's name begins with it."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(name.strip("_").replace("_", "."))
            member.external_attr = (0o120777 if name.startswith("_") else 0o100644) << 16
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return path


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a_csv": CSV, "b_csv": CSV}, r"is a zip of 2 files \(a.csv, b.csv\), expected one"),
        ({}, "is an empty zip, expected one file in it; fetch or make it again$"),
        (
            {"a_txt": CSV},
            r"expected a name that ends in .csv, .*, received a.txt; rename it, or give `sentiment predict - < FILE`",
        ),
        ({"_a_csv": b"../t.csv"}, r"is a zip of a link \('a.csv'\), expected a file; zip what it leads to$"),
    ],
)
def test_zips_that_are_no_table_are_refused(tmp_path: Path, members: dict[str, bytes], message: str) -> None:
    (tmp_path / "t.csv").write_bytes(CSV)
    with pytest.raises(InputError, match=message):
        texts(zip_of(tmp_path / "a.zip", **members))


def test_what_a_zip_unpacks_to_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row, an object or a whole Parquet file that is unpacked into memory may have a limited size only."""
    monkeypatch.setattr(csv_reader, "_LONGEST_ROW", 1 << 20)
    monkeypatch.setattr(table_files, "_LONGEST_LINE", 1 << 20)
    monkeypatch.setattr(table_reader, "_MOST_IN_MEMORY", 1 << 10)
    row, parquet = b"a" * (9 << 20), tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["love"] * 9}), parquet)
    assert texts(parquet) == ["love"] * 9
    for name, content, message in (
        ("a_csv", b"text\n" + row, "a row is longer than 1 MiB"),
        ("a_jsonl", b'{"text": "love"}\n' + row, "a line is longer than 1 MiB"),
        ("a_parquet", parquet.read_bytes() + bytes(1 << 10), "because it is held in memory, received more; unpack it"),
    ):
        packed = zip_of(tmp_path / "a.zip", **{name: content})
        assert packed.stat().st_size < 1 << 15
        with pytest.raises(InputError, match=message):
            texts(packed)


@pytest.mark.parametrize(
    "lines", [['{"id": 1, "post": {"body": "love"}}'], ["[", '{"id": "1", "post": {"body": "love"}}]']]
)
def test_nested_texts_are_named_where_a_column_is_missing(tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "a.json").write_text("\n".join(lines))
    with pytest.raises(InputError, match="expected a column 'text', received id, post.body; set --column to one of"):
        texts(tmp_path / "a.json")
    assert texts(tmp_path / "a.json", column="post.body") == ["love"]


def test_a_zip_packed_in_a_way_of_other_programs_is_refused(tmp_path: Path) -> None:
    path, deflate64 = tmp_path / "a.csv.zip", b"\x09\x00"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", CSV)
    data = path.read_bytes()
    entry = data.index(b"PK\x01\x02")
    path.write_bytes(data[:8] + deflate64 + data[10 : entry + 10] + deflate64 + data[entry + 12 :])
    with pytest.raises(InputError, match=r"a.csv.zip: a zip of a kind that cannot be read \(.*\); unpack it"):
        texts(path)


@pytest.mark.parametrize(
    "kind", [pa.string_view(), pa.binary(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
)
def test_text_in_parquet(tmp_path: Path, kind: pa.DataType) -> None:
    values = pa.array(["love", None], pa.string())
    column = values.dictionary_encode() if pa.types.is_dictionary(kind) else values.cast(kind)
    pq.write_table(pa.table({"text": column}), tmp_path / "a.parquet")
    assert texts(tmp_path / "a.parquet") == ["love", None]


@pytest.mark.parametrize("size", [30, 4 << 20])
def test_fasttext_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(table_files, "BLOCK_BYTES", size)
    (tmp_path / "a.txt").write_text("__label__good __label__new I love, it \n \n__label__bad no\nnone\n")
    bad = BadRows(limit=1)
    assert texts(tmp_path / "a.txt", bad_rows=bad) == ["I love, it", "no"]
    assert bad.rows[0].line == 4
    assert rows_of(b"__label__bad no", columns=("text", "label")) == [{"text": "no", "label": "__label__bad"}]


@pytest.mark.parametrize("seed", ["7\r\n", ";a7\r\n \n", '""', "a"])
def test_one_column_in_quotes(seed: str) -> None:
    rows = [seed, '"\r\n\t\n', "a"]
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["text"], *([row] for row in rows)])
    assert [row["text"] for row in rows_of(file.getvalue().encode())] == rows


def test_a_header_with_blanks(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id, Tweet Text ,Label\n1,love,x\n")
    assert texts(tmp_path / "a.csv", column="Tweet Text") == ["love"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_no_thread_ends_the_process_at_exit(tmp_path: Path, name: str) -> None:
    """An error in the middle of a file, met in eight processes at once, always ends with the same status."""
    from tests.model_fixture import child_environment

    path = tmp_path / name
    long = "x" * 200
    row = json.dumps({"other": long}) if name == "a.jsonl" else f'"{long}","y"'
    path.write_text(("text,id\n" if name == "a.csv" else "") + f"{row}\n" * 20_000 + '"open')
    code = (  # the eight are forked once everything is imported, and before there are threads
        "import os, sys; from sentiment.data.table_reader import read_batches\n"
        "from sentiment.data.reading import Reading; import sentiment.data.csv_reader, sentiment.data.json_lines_reader\n"
        "children = []\n"
        "for _ in range(8):\n"
        "    children.append(os.fork())\n"
        "    if not children[-1]:\n"
        "        for batch in read_batches(sys.argv[1], Reading()): sys.exit(3 if batch.num_rows > 9 else 4)\n"
        "print({os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children})"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(
        command, env=child_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert done.stdout == ("{1}\n" if name == "a.jsonl" else "{3}\n")


CONTROLS = "a\x1b[31m\0\u202e" * 3000


@pytest.mark.parametrize(
    ("name", "content", "column"),
    [
        ("a.csv", f"{CONTROLS},b\nx,y\n", "text"),
        ("a.csv", f"{CONTROLS},{CONTROLS}\nx,y\n", "b"),
        ("a.jsonl", json.dumps({CONTROLS: "x"}), "text"),
        ("a.jsonl", '{"text": "x"}\n' + json.dumps({"text": "x", CONTROLS: "y"}), "text"),
        ("a.jsonl", json.dumps({"text": {CONTROLS: "x"}}), "text"),
        ("a.json", json.dumps([{CONTROLS: "x"}]), "text"),
        ("a.parquet", pa.table({CONTROLS: ["x"]}), "text"),
        ("a.parquet", pa.table({"text": [{CONTROLS: "x"}]}), "text"),
        ("a.zip", CONTROLS.replace("\0", ""), "text"),
    ],
)
def test_names_in_a_file_are_cut_and_without_controls_in_messages(
    tmp_path: Path, name: str, content: str | pa.Table, column: str
) -> None:
    path = tmp_path / name
    if isinstance(content, pa.Table):
        pq.write_table(content, path)
    elif name == "a.zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(content, "x")
            archive.writestr("b", "x")
    else:
        path.write_text(content)
    with pytest.raises(InputError) as raised:
        [texts_of(batch, column, path) for batch in read_batches(path, Reading(column=column))]
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 500 + len(str(path))
