"""One reader for what people hold: every kind of file, for training and for prediction, and what is wrong with one."""

import gzip
import hashlib
import io
import json
import os
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import load
from pipelines.shared import stage
from pipelines.shared.profiles import read_corpus
from sentiment.data.corpus import CorpusReader
from sentiment.data.csv_format import sniff_delimiter
from sentiment.data.reading import Reading
from sentiment.data.table_names import kind_of
from sentiment.data.table_reader import read_batches
from sentiment.errors import InputError
from sentiment.predict import __main__ as predict
from sentiment.predict.answers import PREFIX
from sentiment.settings import CorpusSettings
from tests.model_fixture import write_inputs

ROWS = [("love, love", "good"), ("hate; I hate", "Bad "), ("love", "GREAT"), ("hate", "bad")]
NAMED = CorpusSettings(
    encoding="utf-8", header=True, columns=0, text_column="tweet", label_column="mood",
    labels={"no": "bad", "yes": ["good", "great"]},
)  # fmt: skip
KINDS = ("a.csv", "a.csv.gz", "semicolon.csv", "bar.txt", "a.tsv", "a.tsv.gz", "a.jsonl", "a.jsonl.gz", "a.parquet")


@pytest.fixture
def run(answered: Callable, tiny_folder: Path) -> Callable[..., tuple[int, str, str]]:
    return partial(answered, tiny_folder)


def write(path: Path, rows: list[tuple[str, str]] = ROWS) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"tweet": [t for t, _ in rows], "mood": [m for _, m in rows]}), path)
        return path
    if ".jsonl" in path.name:
        content = "".join(json.dumps({"tweet": text, "mood": mood}) + "\n" for text, mood in rows)
    else:
        mark = {"semicolon.csv": ";", "bar.txt": "|"}.get(path.name, "\t" if ".tsv" in path.name else ",")
        content = f"tweet{mark}mood\n" + "".join(f'"{text}"{mark}{mood}\n' for text, mood in rows)
    path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())
    return path


def refused(done: tuple[int, str, str]) -> str:
    status, out, err = done
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize("name", KINDS)
def test_training_reads_every_kind(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name)
    expected = [("love, love", "yes"), ("hate; I hate", "no"), ("love", "yes"), ("hate", "no")]
    assert read_corpus(path, NAMED, "--corpus") == expected


def test_training_reads_what_a_zip_holds(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(path, "a.jsonl")
    assert read_corpus(tmp_path / "a.zip", NAMED, "--corpus") == read_corpus(path, NAMED, "--corpus")


@pytest.mark.parametrize("name", KINDS)
def test_prediction_reads_every_kind(run: Callable, tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name)
    status, out, err = run("--input", path, "--column", "tweet", *(["--format", "csv"] if ".txt" in name else []))
    assert (status, err) == (0, "")
    assert [line.split("\t")[::2] for line in out.splitlines()] == [
        ["positive", "love, love"], ["negative", "hate; I hate"], ["positive", "love"], ["negative", "hate"],
    ]  # fmt: skip


@pytest.mark.parametrize("piped", [True, False])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.jsonl", "a.parquet"])
def test_standard_input_to_standard_output(tiny_folder, tmp_path, name, piped, monkeypatch, capfdbinary):
    kind = kind_of(name)
    arguments = ["--model", str(tiny_folder), "--column", "tweet", "--input", "-", "--format", kind, "--output", "-"]
    path = write(tmp_path / name)
    read, written = os.pipe()
    with open(written, "wb") as file:
        file.write(path.read_bytes())
    with open(read) as pipe, open(path) as redirected:
        stream = pipe if piped else redirected
        monkeypatch.setattr(sys, "stdin", stream)
        assert predict.main(arguments) == 0
    sys.stdout.flush()
    printed, said = capfdbinary.readouterr()
    (tmp_path / f"out.{kind}").write_bytes(printed)
    (batch,) = read_batches(tmp_path / f"out.{kind}", Reading("tweet"))
    assert batch.column("label").to_pylist() == ["positive", "negative", "positive", "negative"]
    assert said.startswith(b"predict: 4 tweets in ")


def test_standard_input_is_called_so(run, tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("id,tweet\n1,love,2\n")
    with (tmp_path / "a.csv").open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert "error: standard input:2: expected 2 columns" in refused(run("--column", "tweet", "--input", "-"))


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.tsv", "out.jsonl", "out.jsonl.gz", "out.parquet"])
def test_every_kind_of_output_and_zero_rows(run: Callable, tmp_path: Path, name: str) -> None:
    for number, rows in enumerate((ROWS, [])):
        source = write(tmp_path / f"in{number}.csv", rows)
        status, _, err = run("--input", source, "--column", "tweet", "--output", tmp_path / f"{number}{name}")
        assert (status, err.count("\n")) == (0, 1)
        batches = list(read_batches(tmp_path / f"{number}{name}", Reading("" if not rows else "tweet")))
        assert sum(batch.num_rows for batch in batches) == len(rows)
        if rows or "jsonl" not in name:
            answers = ["label", "probability", "known", "cut", "p_negative", "p_positive"]
            assert batches[0].schema.names == ["tweet", "mood", *answers]


@pytest.mark.parametrize("name", ["in.jsonl", "in.parquet"])
def test_zero_rows_of_other_kinds(run: Callable, tmp_path: Path, name: str) -> None:
    (tmp_path / "in.jsonl").write_text("")
    pq.write_table(pa.table({"tweet": pa.array([], pa.string())}), tmp_path / "in.parquet")
    assert run("--input", tmp_path / name, "--column", "tweet", "--output", tmp_path / "out.csv")[0] == 0
    assert (tmp_path / "out.csv").read_text().startswith('"tweet","label"')


def test_a_labelled_corpus_is_scored_as_it_is(run: Callable, tmp_path: Path) -> None:
    source = tmp_path / "corpus.csv"
    source.write_text("text,label,probability\nlove,mine,0.1\n")
    assert run("--input", source, "--output", tmp_path / "out.jsonl")[0] == 0
    row = json.loads((tmp_path / "out.jsonl").read_text())
    assert (row["label"], row["probability"], row[f"{PREFIX}label"]) == ("mine", "0.1", "positive")
    assert not {"known", "p_positive"} & row.keys()
    assert run("--input", source, "--output", tmp_path / "two.jsonl", "--prefix", "m_")[0] == 0
    assert json.loads((tmp_path / "two.jsonl").read_text())["m_label"] == "positive"
    message = refused(run("--input", source, "--output", tmp_path / "x.csv", "--prefix", ""))
    assert "has columns label, probability already; rename them or set --prefix" in message


def test_the_summary_says_what_was_found(run: Callable, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "love"}\n{"text": "love love"}\n{"text": null}\n{"text": "qqq"}\n')
    err = run("--input", source, "--output", tmp_path / "out.csv")[2]
    assert "4 tweets in " in err
    assert "positive 2, missing 1, unknown 1; written to " in err


def test_an_existing_output_is_kept_unless_forced(run: Callable, tmp_path: Path) -> None:
    source, output = write(tmp_path / "in.csv"), tmp_path / "out.csv"
    output.write_text("earlier")
    arguments = ("--input", source, "--column", "tweet", "--output", output)
    assert "exists already; give another name, or --force to replace it" in refused(run(*arguments))
    assert output.read_text() == "earlier"
    assert run(*arguments, "--force")[0] == 0
    assert output.read_text() != "earlier"


def test_mistakes_are_one_line(run: Callable, tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv")
    twice = tmp_path / "twice.csv"
    twice.write_text("text,id,id\nlove,1,2\n")
    assert "more than one column is named 'id'; rename them" in refused(
        run("--input", twice, "--output", tmp_path / "o.csv")
    )
    assert "is a folder, expected a file" in refused(run("--input", tmp_path))
    scored = ("--input", source, "--column", "tweet", "--output")
    assert "is a folder, expected the name of a file" in refused(run(*scored, _folder(tmp_path / "f.csv")))
    assert "there is no folder" in refused(run(*scored, tmp_path / "none" / "out.csv"))
    for delimiter in ("::", '"', "\n", "\r", "é"):
        assert "expected one ASCII character, or tab" in refused(run("--input", source, "--delimiter", delimiter))
    assert "--column '': expected the name of a column, received none" in refused(
        run("--input", source, "--column", "")
    )
    assert "see --help" in refused(run("--format", "xls", "love"))
    assert "see --help" in refused(run("--threshold", "2", "love"))
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"text\nlove\n" * 9999)[:-20])
    assert "not readable as csv" in refused(run("--input", tmp_path / "cut.csv.gz", "--output", tmp_path / "o.csv"))


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le"])
def test_utf16_gets_a_hint(run: Callable, tmp_path: Path, codec: str) -> None:
    path = tmp_path / "excel.csv"
    path.write_bytes("tweet,mood\nlove,good\nhate,bad\n".encode(codec))
    assert "looks like UTF-16, which is not utf-8; set --encoding to utf-16" in refused(run("--input", path))
    with pytest.raises(InputError, match=r"looks like UTF-16, which is not latin-1; set corpus.encoding to utf-16"):
        read_corpus(path, CorpusSettings(), "--corpus")
    status, out, _ = run("--input", path, "--column", "tweet", "--encoding", codec)
    assert (status, [line.split("\t")[0] for line in out.splitlines()]) == (0, ["positive", "negative"])


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_delimiters_are_found(mark: str) -> None:
    lines = [f"id{mark}text{mark}mood\n", f'1{mark}"a, b; c | d"{mark}x\n', f"2{mark}well: so, so{mark}y\n"] * 9
    assert sniff_delimiter(lines, lambda first: "text" in first) == mark
    assert sniff_delimiter(lines, lambda first: False) == mark
    assert sniff_delimiter(["text\n", "no delimiter, but a comma\n"], lambda first: True) == ","


def test_a_given_delimiter_wins(run: Callable, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text;b,c\nlove;x,hate\n")
    assert run("--input", path, "--delimiter", ";")[1].startswith("positive")
    assert run("--input", path, "--delimiter", ",", "--column", "c")[1].startswith("negative")


def labels_in(content: str, settings: CorpusSettings) -> list[int]:
    reader = CorpusReader(io.BytesIO(content.encode(settings.encoding)), settings, "c.csv")
    return [label for batch in reader for label in batch.labels]


def test_labels_are_trimmed_and_compared_without_case() -> None:
    numbers = replace(NAMED, text_column="t", label_column="l", labels={"no": [0, -1], "yes": 1})
    assert labels_in("t,l\na, 1\nb,0 \nc,-1\n", numbers) == [1, 0, 0]
    exact = replace(numbers, labels={"no": "b", "yes": "B"}, exact_labels=True)
    assert labels_in("t,l\na,B\nb,b\n", exact) == [1, 0]
    with pytest.raises(InputError, match="c.csv:2: expected a label out of b, B, received 'B '"):
        labels_in("t,l\na,B \n", exact)
    ignoring = replace(numbers, labels={"no": 0, "yes": 1}, ignored_labels=("Skip", 2))
    assert labels_in("t,l\na,1\nb, SKIP\nc,2\nd,0\n", ignoring) == [1, 0]


def test_numbers_and_booleans_in_other_kinds(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"tweet": "love", "mood": true}\n{"tweet": "hate", "mood": false}\n')
    settings = replace(NAMED, labels={"no": False, "yes": True})
    assert read_corpus(path, settings, "--corpus") == [("love", "yes"), ("hate", "no")]
    path.write_text('{"tweet": "love", "mood": true}\n{"tweet": "hate", "mood": null}\n')
    with pytest.raises(InputError, match=r"a.jsonl:2: expected a label out of false, true, received ''"):
        read_corpus(path, settings, "--corpus")


def test_no_header_and_as_many_columns_as_there_are() -> None:
    settings = CorpusSettings(columns=0, text_column=1, label_column=0, labels={"no": 0, "yes": 1})
    assert labels_in("1,good\n0,bad\n", settings) == [1, 0]
    with pytest.raises(InputError, match="c.csv:3: expected 2 columns, received 3"):
        labels_in("1,good\n0,bad\n0,b,c\n", settings)


def test_a_column_that_is_wanted_may_not_be_there_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("tweet,mood,mood\na,good,bad\n")
    with pytest.raises(InputError, match="more than one column is named 'mood'"):
        read_corpus(path, NAMED, "--corpus")


def load_stage(root: Path, *more: str) -> dict:
    options = ["--root", str(root), "--set", "split.validation=0.1", "--set", "split.test=0.1", *more]
    stage.main(load.run, "", load.OPTIONS, ["--profile", str(write_inputs(root).profile), *options])
    return json.loads((root / "data/interim/tiny/load.json").read_text())


def test_the_first_bad_row_is_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    this = write_inputs(tmp_path)
    path = tmp_path / "bad.csv"
    path.write_text(this.corpus.read_text(encoding="latin-1") + "short\n", encoding="latin-1")
    load_stage(tmp_path, "--corpus", str(path), "--set", "corpus.max_bad_rows=1")
    assert "the first bad row: " in caplog.text
    assert "bad.csv:481: expected 6 columns, received 1" in caplog.text


def test_a_corpus_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    this = write_inputs(tmp_path)
    with this.corpus.open("rb") as file, io.TextIOWrapper(file) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        report = load_stage(tmp_path, "--corpus", "-")
    assert (report["rows"], report["source"]) == (480, "-")
    assert report["source_sha256"] == hashlib.sha256(this.corpus.read_bytes()).hexdigest()
    assert "standard-input" not in {path.name for path in (tmp_path / "data/interim/tiny").iterdir()}
