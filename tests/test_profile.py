"""`python -m pipelines.profile`: a profile drafted from a file reads that file."""

import json
import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import profile
from pipelines.shared import stage
from pipelines.shared.corpus_files import read_corpus
from sentiment.data.drafting import classes_of, has_header

TEXTS = ["I like the long way home", "no, not again; this is bad", "caf\u00e9 | tea, whatever", "a good day, really"]


def read_back(path: Path, capsys: pytest.CaptureFixture) -> tuple[list[tuple[str, str]], dict]:
    """The rows that the drafted profile reads, and the profile's corpus section."""
    profile.main([str(path)])
    tables = tomllib.loads(capsys.readouterr().out)
    settings = stage.make_settings(tables, ())
    return read_corpus(path, settings.corpus, "--corpus"), tables["corpus"]


def labelled(moods: list[str], copies: int = 3) -> list[tuple[str, str, str]]:
    pairs = zip(TEXTS * copies, moods * copies, strict=True)
    return [(str(i), mood, f"{text} {i}") for i, (text, mood) in enumerate(pairs)]


@pytest.mark.parametrize(("mark", "encoding"), [(",", "utf-8"), (";", "latin-1"), ("\t", "utf-16"), ("|", "utf-8-sig")])
def test_a_csv(tmp_path: Path, capsys: pytest.CaptureFixture, mark: str, encoding: str) -> None:
    path = tmp_path / "tweets.csv"
    rows = labelled(["good", "bad", "so-so", "good"])
    lines = [f"id{mark}mood{mark}tweet\n", *(f'{i}{mark}{mood}{mark}"{text}"\n' for i, mood, text in rows)]
    path.write_bytes("".join(lines).encode(encoding))
    read, section = read_back(path, capsys)
    meaning = {"good": "positive", "bad": "negative", "so-so": "neutral"}
    assert read == [(text, meaning[mood]) for _, mood, text in rows]
    assert (section["delimiter"], section["text_column"], section["label_column"]) == (mark, "tweet", "mood")
    assert list(section["labels"]) == ["negative", "neutral", "positive"]


def test_without_header_and_with_numbers(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "tweets.csv"
    path.write_text("".join(f'"{mood}","{i}","{text}"\n' for i, mood, text in labelled(["4", "0", "2", "4"])))
    read, section = read_back(path, capsys)
    assert [name for _, name in read[:4]] == ["positive", "negative", "neutral", "positive"]
    assert section["header"] is False


@pytest.mark.parametrize("name", ["tweets.jsonl", "tweets.parquet"])
def test_other_kinds(tmp_path: Path, capsys: pytest.CaptureFixture, name: str) -> None:
    path = tmp_path / name
    rows = [{"body": text, "stars": mood} for text, mood in zip(TEXTS * 5, [1, 2, 3, 5] * 5, strict=True)]
    if name.endswith("jsonl"):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    read, section = read_back(path, capsys)
    assert [label for _, label in read[:4]] == ["negative", "negative", "neutral", "positive"]
    assert section["labels"]["negative"] == ["1", "2"]


def test_what_is_not_understood_is_said(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "tweets.csv"
    path.write_text(
        "tweet,label\n" + "".join(f'"{text} x{i}",{m}\n' for i, m, text in labelled(["yes", "no", "yes", ""]))
    )
    profile.main([str(path)])
    out = capsys.readouterr().out
    assert "max_bad_rows = 3" in out
    assert tomllib.loads(out)["corpus"]["labels"] == {"no": "no", "yes": "yes"}
    path.write_text("tweet\nI like this\nI do not\n")
    profile.main([str(path)])
    assert '# label_column = "?"' in capsys.readouterr().out


def test_values_of_no_class_are_left_out() -> None:
    assert classes_of(["positive", "irrelevant", "neg"]) == (
        {"negative": ["neg"], "positive": ["positive"]}, ("irrelevant",),
    )  # fmt: skip
    assert classes_of(["glad", "meh", "sad"])[1] == ()
    assert classes_of(["joy", "fear"]) == ({"fear": ["fear"], "joy": ["joy"]}, ())


def test_values_that_are_left_out_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = tmp_path / "tweets.csv"
    source.write_text("mood,tweet\n" + "good,I like it\nbad,I do not\nodd,who knows\n" * 4)
    profile.main([str(source)])
    assert [line for line in caplog.messages if "odd (4 rows)" in line and "left out" in line]


def test_headers_are_told_from_rows() -> None:
    assert has_header([["tweet", "mood"], ["I like it", "good"]])
    assert not has_header([["0", "I like it"], ["4", "no"]])
    assert not has_header([["good", "I like it"], ["good", "no"]])


def test_an_existing_profile_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source, target = tmp_path / "tweets.csv", tmp_path / "mine.toml"
    source.write_text(
        "tweet,mood\n" + "".join(f"{text.replace(',', '')},{m}\n" for _, m, text in labelled(["a", "b"] * 2))
    )
    profile.main([str(source), "--output", str(target)])
    before = target.read_text()
    with pytest.raises(SystemExit, match="2"):
        profile.main([str(source), "--output", str(target)])
    assert "exists already" in caplog.records[-1].getMessage()
    assert target.read_text() == before
    for bad in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(SystemExit, match="2"):
            profile.main([str(bad)])
