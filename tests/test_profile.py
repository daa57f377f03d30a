"""`python -m pipelines.profile`: a profile drafted from a file reads that file."""

import json
import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import profile
from pipelines.shared import profiles
from pipelines.shared.profiles import read_corpus
from sentiment.data.csv_format import has_header
from sentiment.data.label_meanings import meaning_of
from sentiment.errors import InputError

TEXTS = ["I like the long way home", "no, not again; this is bad", "caf\u00e9 | tea, whatever", "a good day, really"]
QUESTION = "How do you feel about the service that you had today?"


def read_back(path: Path, capsys: pytest.CaptureFixture) -> tuple[list[tuple[str, str]], dict]:
    """The rows that the drafted profile reads, and the profile's corpus section."""
    profile.main([str(path)])
    tables = tomllib.loads(capsys.readouterr().out)
    settings = profiles.make_settings(tables, ())
    return read_corpus(path, settings.corpus, "--corpus"), tables["corpus"]


def write_rows(path: Path, rows: list[dict]) -> Path:
    """Write rows as Parquet, or as JSON lines for any other suffix."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


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
    profile.main([str(path)])
    training = profiles.make_settings(tomllib.loads(capsys.readouterr().out), ()).training
    assert (training.contrast, training.phrases) == (0.3, 0.3)


def test_without_header_and_with_numbers(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "tweets.csv"
    path.write_text("".join(f'"{mood}","{i}","{text}"\n' for i, mood, text in labelled(["4", "0", "2", "4"])))
    read, section = read_back(path, capsys)
    assert [name for _, name in read[:4]] == ["positive", "negative", "neutral", "positive"]
    assert section["header"] is False


@pytest.mark.parametrize("name", ["tweets.jsonl", "tweets.parquet"])
def test_other_kinds_and_labels_that_are_numbers(tmp_path: Path, capsys: pytest.CaptureFixture, name: str) -> None:
    rows = [{"body": text, "stars": mood} for text, mood in zip(TEXTS * 5, [1, 2, 3, 5] * 5, strict=True)]
    read, section = read_back(write_rows(tmp_path / name, rows), capsys)
    assert [label for _, label in read[:4]] == ["negative", "negative", "neutral", "positive"]
    assert section["labels"]["negative"] == ["1", "2"]
    rows = [{"text": text, "label": value} for text, value in zip(TEXTS * 3, [-1.0, 0.0, 1.0] * 4, strict=True)]
    read, section = read_back(write_rows(tmp_path / name, rows), capsys)
    assert section["labels"] == {"negative": "-1", "neutral": "0", "positive": "1"}
    assert [label for _, label in read[:3]] == ["negative", "neutral", "positive"]


def test_what_is_not_understood_is_said(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "tweets.csv"
    path.write_text(
        "tweet,label\n" + "".join(f'"{text} x{i}",{m}\n' for i, m, text in labelled(["yes", "no", "yes", ""]))
    )
    profile.main([str(path)])
    out = capsys.readouterr().out
    assert "max_bad_rows = 3" in out
    assert tomllib.loads(out)["corpus"]["labels"] == {"no": "no", "yes": "yes"}
    assert "training" not in tomllib.loads(out)  # nobody knows which of these is positive
    path.write_text("tweet\nI like this\nI do not\n")
    profile.main([str(path)])
    assert '# label_column = "?"' in capsys.readouterr().out


def test_values_of_no_class_are_left_out() -> None:
    found = meaning_of(["positive", "irrelevant", "neg"])
    assert found[:2] == ({"negative": ["neg"], "positive": ["positive"]}, ("irrelevant",))
    assert meaning_of(["glad", "meh", "sad"]).left_out == ()
    assert meaning_of(["joy", "fear"])[:2] == ({"fear": ["fear"], "joy": ["joy"]}, ())
    assert meaning_of(["no\nfear", "no fear", "joy"]).classes == {"joy": ["joy"], "no fear": ["no\nfear", "no fear"]}


def test_headers_are_told_from_rows() -> None:
    assert has_header([["tweet", "mood"], ["I like it", "good"]])
    assert not has_header([["0", "I like it"], ["4", "no"]])
    assert not has_header([["good", "I like it"], ["good", "no"]])
    long = "I like the long way home, and back again it goes"
    for label in ("good", "odd"):
        assert not has_header([[long, "good"], [long + "?", "bad"], [long + "!", label]])


def test_an_existing_profile_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys) -> None:
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
    for bad in (tmp_path, tmp_path / "none.csv", "-"):
        with pytest.raises(SystemExit, match="2"):
            profile.main([str(bad)])
    assert "argument file: expected a path or an address, received -" in capsys.readouterr().err
    nowhere = tmp_path / "nowhere" / "a.toml"
    with pytest.raises(SystemExit, match="2"):
        profile.main([str(source), "--output", str(nowhere)])
    assert f"--output {nowhere}: there is no folder {nowhere.parent}" in caplog.messages[-1]


def drafted(path: Path, capsys: pytest.CaptureFixture, header: str, rows: list[str]) -> dict:
    """The profile's corpus section of a CSV of these lines, which it reads."""
    path.write_text("".join(f"{line}\n" for line in [header, *rows]))
    return read_back(path, capsys)[1]


def with_values(values: list[str], copies: int = 6) -> list[str]:
    """Rows of a text and each of the values, so many times."""
    return [f'"{TEXTS[i % 4]} {i}",{value}' for i, value in enumerate(values * copies)]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("post_id,headline,label", "headline"), ("tweet_id,sentence,label", "sentence"),
        ("context_id,sentence,label", "sentence"), ("TextId,whatever,label", "whatever"),
        ("content,whatever,label", "whatever"),
    ],
)  # fmt: skip
def test_an_id_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture, header: str, name: str) -> None:
    rows = [f"{10**17 + i},{row}" for i, row in enumerate(with_values(["good", "bad"]))]
    section = drafted(tmp_path / "tweets.csv", capsys, header, rows)
    assert (section["text_column"], section["label_column"]) == (name, "label")


@pytest.mark.parametrize("date", ["1/{}/20 10:00 AM", "{}.01.20 10:00 Uhr", "2020-01-{} 10:00:00"])
def test_a_date_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture, date: str) -> None:
    rows = [f"{date.format(10 + i % 19)},so {i},{'good' if i % 2 else 'bad'}" for i in range(40)]
    assert drafted(tmp_path / "tweets.csv", capsys, "when,msg,mood", rows)["text_column"] == "msg"


def test_long_cells_are_the_text_against_a_name(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rows = [f"so {i},{10 * 'a long way '}{i},{row}" for i, row in enumerate(["good,1", "bad,0"] * 6)]
    assert drafted(tmp_path / "tweets.csv", capsys, "post,what,mood,n", rows)["text_column"] == "what"


@pytest.mark.parametrize(
    ("name", "values", "classes", "guess"),
    [
        ("is_negative", ["True", "False"], {"negative": "true", "positive": "false"}, False),
        ("isPositive", ["True", "False"], {"negative": "false", "positive": "true"}, False),
        ("not_negative", ["0", "1"], {"negative": "0", "positive": "1"}, False),
        ("is_negative", ["yes", "no"], {"negative": "yes", "positive": "no"}, False),
        ("positive or negative", ["0", "1"], {"negative": "0", "positive": "1"}, True),
        *((name, ["0", "1"], {"negative": "1", "positive": "0"}, True) for name in ("toxic", "hate", "spam")),
        ("spam", ["-1", "1"], {"negative": "1", "positive": "-1"}, True),
        ("is_negative", ["1", "2"], {"negative": "2", "positive": "1"}, True),
        ("label", ["1", "2"], {"negative": "1", "positive": "2"}, True),
        ("label", ["1", "2", "3", "4"], {"negative": ["1", "2"], "positive": ["3", "4"]}, True),
        ("label", ["0.0", "1.0"], {"negative": "0.0", "positive": "1.0"}, True),
        ("label", ["-1.0", "0.0", "1.0"], {"negative": "-1.0", "neutral": "0.0", "positive": "1.0"}, False),
        ("label", ["0", "1", "2", "3", "4"], {"negative": ["0", "1"], "neutral": "2", "positive": ["3", "4"]}, True),
        ("label", ["-2", "-1", "0", "1"], {"negative": ["-2", "-1"], "neutral": "0", "positive": "1"}, False),
        (
            "stars",
            ["1.0", "2.0", "3.0", "5.0"],
            {"negative": ["1.0", "2.0"], "neutral": "3.0", "positive": "5.0"},
            True,
        ),
        ("label", ["0", "4"], {"negative": "0", "positive": "4"}, False),
        ("label", ["0", "2"], {"negative": "0", "positive": "2"}, True),
        ("label", ["P", "N", "NEU"], {"negative": "n", "neutral": "neu", "positive": "p"}, False),
        ("Stimmung", ["Positiv", "Negativ"], {"negative": "negativ", "positive": "positiv"}, False),
        ("label", ["good", "not good"], {"negative": "not good", "positive": "good"}, False),
        ("label", ["Very Good", "very_bad"], {"negative": "very_bad", "positive": "very good"}, False),
    ],
)
def test_what_values_mean(tmp_path, capsys, caplog, name, values, classes, guess):
    path = tmp_path / "tweets.csv"
    assert drafted(path, capsys, f"text,{name}", with_values(values))["labels"] == classes
    assert [line.startswith("WARNING: what the values") for line in caplog.messages] == [True] * guess
    profile.main([str(path)])
    assert ("is a guess" in capsys.readouterr().out) == guess


def test_what_excel_writes_keeps_its_apostrophes(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "tweets.csv"
    rows = "".join(f"I don\u2019t {i},{mood}\r\n" for i, mood in enumerate(["good", "bad"] * 4))
    path.write_bytes(f"text,mood\r\n{rows}".encode("cp1252"))
    read, section = read_back(path, capsys)
    assert section["encoding"] == "cp1252"
    assert read[0] == ("I don\u2019t 0", "positive")


def test_the_format_of_sentiment140_is_repaired(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "tweets.csv"
    texts = [f"{i}\u2019s caf\u00e9 is nice".encode() for i in range(9)] + [b"an old \x92 and \xe9 here"]
    start = b'"Mon Apr 06 2009","NO_QUERY","me",'
    path.write_bytes(b"".join(b'"%d","%d",%s"%s"\n' % (4 * (i % 2), i, start, text) for i, text in enumerate(texts)))
    read, section = read_back(path, capsys)
    assert (section["encoding"], section["text_column"], section["label_column"]) == ("latin-1", 5, 0)
    assert read[1] == ("1\u2019s caf\u00e9 is nice", "positive")


@pytest.mark.parametrize(
    ("header", "row", "text"),
    [
        (",text,label", "{i},{row}", "text"), ("text,label,", "{row},", "text"),
        ("text,label,note,note", "{row},{i},", "text"), ("text,label,text", "{row},{i}", 0),
        (f"Timestamp,{QUESTION},Mood", "{i}:30 h,{row}", QUESTION),
    ],
)  # fmt: skip
def test_headers_with_odd_names(tmp_path, capsys, header, row, text):
    rows = [row.format(i=i, row=each) for i, each in enumerate(with_values(["good", "bad"]))]
    section = drafted(tmp_path / "tweets.csv", capsys, header, rows)
    assert section["header"] is True
    assert section["text_column"] == text


def test_objects_are_neither_text_nor_labels(tmp_path, capsys, caplog):
    rows = [{"data": {"text": text}, "label": {"name": "good"}} for text in TEXTS]
    path = write_rows(tmp_path / "tweets.jsonl", rows)
    with pytest.raises(SystemExit, match="2"):
        profile.main([str(path)])
    assert "column 'data' holds objects, expected text" in caplog.messages[-1]
    more = ({"body": text, "mood": mood} for text, mood in zip(TEXTS, ["good", "bad"] * 2, strict=True))
    section = read_back(write_rows(path, [row | own for row, own in zip(rows, more, strict=True)]), capsys)[1]
    assert (section["text_column"], section["label_column"]) == ("body", "mood")
    for column, message in (
        ("data", r"tweets.jsonl:1: column 'data' holds an object, expected text"),
        (7, r"tweets.jsonl: column 7 \(from 0\) is not among its 4 columns"),
    ):
        settings = profiles.make_settings({"corpus": section | {"text_column": column}}, ())
        with pytest.raises(InputError, match=message):
            read_corpus(path, settings.corpus, "--corpus")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["text,label", *with_values(["good"])], "'label' has one class only, good"),
        (["text,score", *with_values([f"{i / 90:.3f}" for i in range(90)], 1)], "no label column was found"),
        (["text,label"], "no label column was found"),
        (["text,label", *with_values(["0", "1", "2", "3"])], "which of the classes 0, 1, 2, 3 are negative and posit"),
        (["text,mood", *with_values(["good", "bad", "odd"])], "have no class in [corpus.labels]: odd (6 rows)"),
        (["text,mood", *with_values(["good", "bad"]), ",good"], "1 row without text"),
        (["text,mood", *with_values(["good", "bad"]), "what is left…,good"], "1 text with an ellipsis"),
        (["text,mood", *with_values(["good", "bad"]), "a,good,b"], "1 row with more or fewer cells"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture, lines: list[str], said: str) -> None:
    source, target = tmp_path / "tweets.csv", tmp_path / "mine.toml"
    source.write_text("".join(f"{line}\n" for line in lines))
    profile.main([str(source), "--output", str(target)])
    assert [line for line in caplog.messages if line.startswith("WARNING") and said in line]
    assert said in target.read_text()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b"", "the file is empty"),
        ("a.csv", "text,mood\nno,bad\n".encode("utf-16-le"), "looks like UTF-16, which is not utf-8"),
        ("a.csv", b"SQLite format 3\x00\x10\x00text,mood\nno,bad\n", "holds bytes of 0"),
        ("a.xlsx", b"PK\x03\x04 and so on", "save it as CSV"),
        ("a.csv", b"sep=;\r\ntext;label\r\n", "a.csv:1: expected names of columns, received 'sep=;'"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, caplog, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SystemExit, match="2"):
        profile.main([str(tmp_path / name)])
    assert said in caplog.messages[-1]


def test_json_lines_of_another_name(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rows = [{"text": text, "mood": mood} for text, mood in zip(TEXTS * 2, ["good", "bad"] * 4, strict=True)]
    for name, content in {"a.txt": "\n".join(map(json.dumps, rows)), "a.json": json.dumps(rows, indent=1)}.items():
        (tmp_path / name).write_text(content)
        settings = read_back(tmp_path / name, capsys)[1]
        assert (settings.get("format"), settings["text_column"]) == ({"a.txt": "jsonl"}.get(name), "text")


def test_the_next_command_is_named(tmp_path, monkeypatch, capsys, caplog):
    source, target = tmp_path / "my tweets.csv", tmp_path / "shop.toml"
    source.write_text("".join(f"{line}\n" for line in ["text,mood", *with_values(["good", "bad"])]))
    command = f"make evaluate PROFILE=shop CORPUS='{source}' GLOVE=VECTORS"
    profile.main([str(source), "--output", str(target)])
    assert f"#   {command.replace('PROFILE=shop', f'PROFILE={target}')}\n" in target.read_text()
    target.unlink()
    caplog.set_level("INFO")
    monkeypatch.setattr(profiles, "PROFILES", tmp_path.resolve())
    profile.main([str(source), "--output", str(target)])
    assert f"#   {command}\n" in target.read_text()
    assert caplog.messages[-1].endswith(f"then: {command}")
    with pytest.raises(SystemExit):
        profile.main([str(source), "--output", str(tmp_path / "shop")])
    assert caplog.messages[-1].endswith("expected a name that ends in .toml, by which make knows a profile")
    profile.main([str(source)])
    assert "save it as pipelines/profiles/mine.toml, then:\n#   make evaluate PROFILE=mine" in capsys.readouterr().out
