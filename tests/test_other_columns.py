"""Columns that are not ours leave a file as they came: random tables in every format, and cases that once failed."""

import csv
import datetime
import decimal
import gzip
import json
import math
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sentiment
from sentiment.data.reading import Reading
from sentiment.errors import InputError
from sentiment.predict.classifier import SentimentClassifier
from sentiment.predict.score_file import AnswerOptions, score_file
from tests.test_structure import tiny_model

WORDS = ("love", "hate", "the", "qqq", ":)", "é", "\u2028", "日本", "", "5", "2023-01-01")
PIECES = ('"', ",", "\n", "\r\n", "\t", ";", "\\", "'", " ", "\u0085", "{", "}", "null", "NaN")
VALUES = (
    '"2023-01-01T01:30:00+02:00"', '"2023-01-01"', '"2023-01-01T00:00:00Z"', "12345678901234567890123", "1.10", "1e400",
    "-0.0", "true", "null", '"\\u00e9"', '"\\ud83d"', '{"label": [1, {}]}', "[]", '{}', '"}"', '"label"',
)  # fmt: skip
TABLES = 150


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SentimentClassifier:
    return sentiment.load(tiny_model(tmp_path_factory.mktemp("columns") / "model"))


def scored(model: SentimentClassifier, source: Path, target: Path, prefix: str | None = None, **reading: str) -> Path:
    score_file(model, source, target, Reading(**reading), AnswerOptions(prefix=prefix), True, progress=False)
    return target


def random_text(choose: random.Random, pieces: tuple[str, ...]) -> str:
    return " ".join(choose.choices(WORDS, k=choose.randrange(4))) + choose.choice(("", *pieces))


def label(model: SentimentClassifier, text: str | None) -> str | None:
    """Return the label of one text; None for a missing text."""
    return None if text is None else str(model.labels([text])[0])


@pytest.mark.parametrize("seed", range(TABLES))
def test_csv_keeps_every_cell(model: SentimentClassifier, tmp_path: Path, seed: int) -> None:
    choose = random.Random(seed)
    names, place = ["text", *(f"c{i}" for i in range(choose.randrange(1, 4)))], choose.randrange(4)
    names[0], names[place % len(names)] = names[place % len(names)], names[0]
    rows = [[random_text(choose, PIECES) for _ in names] for _ in range(choose.randrange(1, 40))]
    source, delimiter = tmp_path / "a.csv", choose.choice(",;\t|")
    with source.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([names, *rows])
    target = scored(model, source, tmp_path / "b.csv", delimiter=delimiter)
    with target.open(newline="", encoding="utf-8") as file:
        header, *written = csv.reader(file)
    assert header[: len(names)] == names
    assert [row[: len(names)] for row in written] == rows


@pytest.mark.parametrize("seed", range(TABLES))
def test_json_lines_keep_every_byte(model: SentimentClassifier, tmp_path: Path, seed: int) -> None:
    choose = random.Random(seed)
    lines, texts = [], []
    for _ in range(choose.randrange(1, 40)):
        text = choose.choice((None, random_text(choose, PIECES)))
        members = [f'"c{i}" : {choose.choice(VALUES)}' for i in range(choose.randrange(4))]
        if text is not None or choose.random() < 0.5:
            members.insert(choose.randrange(len(members) + 1), f'"text":{json.dumps(text, ensure_ascii=False)}')
        lines.append("{" + choose.choice((" ", "")) + ",".join(members) + choose.choice((" }", "}", "} ")))
        texts.append(text)
    lines.append('{"text": "love"}')
    opener = choose.choice((open, gzip.open))
    source = tmp_path / f"a.jsonl{'.gz' if opener is gzip.open else ''}"
    with opener(source, "wt", encoding="utf-8", newline="") as file:
        file.writelines(f"{line}\n" for line in lines)
    written = scored(model, source, tmp_path / "b.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    assert len(written) == len(lines)
    for line, extended, text in zip(lines, written, [*texts, "love"], strict=True):
        assert extended.startswith(line.rstrip().removesuffix("}").rstrip())
        assert (json.loads(line) | json.loads(extended)) == json.loads(extended)
        assert json.loads(extended)["label"] == label(model, text)


@pytest.mark.parametrize("seed", range(TABLES // 3))
def test_parquet_keeps_values_and_types(model: SentimentClassifier, tmp_path: Path, seed: int) -> None:
    choose = random.Random(seed)
    rows = choose.randrange(1, 40)
    kinds = {
        "date": (pa.date32(), lambda: datetime.date(2023, 1, choose.randrange(1, 29))),
        "time": (pa.timestamp("ns", "Europe/Berlin"), lambda: choose.randrange(1 << 60)),
        "big": (pa.uint64(), lambda: choose.randrange(1 << 64)),
        "exact": (pa.decimal128(20, 5), lambda: decimal.Decimal(choose.randrange(10**9)).scaleb(-5)),
        "list": (pa.list_(pa.float64()), lambda: [choose.choice((1.5, math.inf))]),
        "raw": (pa.binary(), lambda: choose.randbytes(3)),
        "kind": (pa.dictionary(pa.int8(), pa.string()), lambda: choose.choice("ab")),
    }
    columns = {"text": pa.array([random_text(choose, PIECES) for _ in range(rows)], pa.string())}
    for name in choose.sample(list(kinds), 3):
        kind, make = kinds[name]
        values = [choose.choice((None, make())) for _ in range(rows)]
        array = pa.array(values, pa.string()).dictionary_encode() if name == "kind" else pa.array(values, kind)
        columns[name] = array.cast(kind)
    source = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns), source)
    written = pq.read_table(scored(model, source, tmp_path / "b.parquet"))
    assert written.select(list(columns)).equals(pq.read_table(source))
    assert written["label"].to_pylist() == [label(model, text) for text in columns["text"].to_pylist()]


def test_a_table_becomes_json_without_nan_and_with_dates_as_text(model: SentimentClassifier, tmp_path: Path) -> None:
    moment = datetime.datetime(2023, 1, 1, 0, 30, tzinfo=datetime.UTC)
    table = pa.table(
        {
            "text": ["love"],
            "day": [datetime.date(2023, 1, 2)],
            "at": pa.array([moment], pa.timestamp("s", "UTC")),
            "nan": [math.nan],
            "many": [[1.0, -math.inf]],
            "whole": pa.array([12345678901234567890], pa.uint64()),
            "half": [2.0],
            "exact": [decimal.Decimal("1.10")],
            "said": ['a "quote"\n'],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    written = scored(model, tmp_path / "a.parquet", tmp_path / "b.jsonl").read_text()
    row = json.loads(written, parse_constant=pytest.fail)
    expected = {
        "text": "love", "day": "2023-01-02", "at": "2023-01-01T00:30:00.000Z", "nan": None, "many": [1.0, None],
        "whole": 12345678901234567890, "half": 2.0, "exact": "1.10", "said": 'a "quote"\n', "label": "positive",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert '"half": 2.0' in written


@pytest.mark.parametrize("key", ["label", "known", "p_negative", "l\\u0061bel"])
@pytest.mark.parametrize("prefix", [None, ""])
def test_a_key_like_one_of_ours_in_a_later_block_is_refused(
    model: SentimentClassifier, tmp_path: Path, key: str, prefix: str | None
) -> None:
    source = tmp_path / "a.jsonl"
    filler = '{"text": "love", "filler": "' + "x" * 1000 + '"}\n'
    source.write_text(filler * 9000 + f'{{"text": "love", "{key}": 1}}\n')
    with pytest.raises(InputError, match="already; set --prefix to something else"):
        scored(model, source, tmp_path / "b.jsonl", prefix)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
    source.write_text(f'{{"text": "love"}}\n{{"text": "love", "{key}": 1}}\n')
    row = json.loads(scored(model, source, tmp_path / "b.jsonl", "x_").read_text().splitlines()[1])
    assert (row[json.loads(f'"{key}"')], row["x_label"]) == (1, "positive")
