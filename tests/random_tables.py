"""Random tables in every format, scored: all rows are found, in order, and other columns stay as they came."""

import bz2
import csv
import datetime
import decimal
import gzip
import io
import json
import lzma
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sentiment.data.reading import Reading
from sentiment.predict.answers import AnswerOptions
from sentiment.predict.classifier import SentimentClassifier
from sentiment.predict.score_file import score_file
from tests.fuzz_targets import zipped

WORDS = ("love", "hate", "the", "qqq", ":)", "é", "\u2028", "日本", "", "5", "2023-01-01")
PIECES = ('"', ",", "\n", "\r\n", "\t", ";", "\\", "'", " ", "\u0085", "{", "}", "null", "NaN", "…", "__label__a")
VALUES = (
    '"2023-01-01T01:30:00+02:00"', '"2023-01-01"', '"2023-01-01T00:00:00Z"', "12345678901234567890123", "1.10", "1e400",
    "-0.0", "true", "null", '"\\u00e9"', '"\\ud83d"', '{"label": [1, {}]}', "[]", '{}', '"}"', '"label"',
)  # fmt: skip
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress,
    ".zst": lambda content: pa.compress(content, "zstd", asbytes=True), ".zip": lambda content: zipped({"a": content}),
}  # fmt: skip


def check_random_table(model: SentimentClassifier, folder: Path, seed: int) -> None:
    """Score the random table of a number in ``folder``, and compare what is written with what was there."""
    choose = random.Random(seed)
    CHECKS[seed % len(CHECKS)](model, folder, choose)


def scored(model: SentimentClassifier, source: Path, target: Path, prefix: str | None = None, **reading: str) -> Path:
    """Return ``target`` with what ``source`` became."""
    score_file(model, source, target, Reading(**reading), AnswerOptions(prefix=prefix), True, progress=False)
    return target


def label(model: SentimentClassifier, text: str | None) -> str | None:
    """Return the label of one text; None for a missing text."""
    return None if text is None else str(model.labels([text])[0])


def _text(choose: random.Random) -> str:
    return " ".join(choose.choices(WORDS, k=choose.randrange(4))) + choose.choice(("", *PIECES))


def _written(choose: random.Random, folder: Path, name: str, content: str) -> Path:
    ending = choose.choice([*PACKED])
    path = folder / f"{name}{ending}"
    path.write_bytes(PACKED[ending](content.encode()))
    return path


def _check_csv(model: SentimentClassifier, folder: Path, choose: random.Random) -> None:
    names, place = ["text", *(f"c{i}" for i in range(choose.randrange(4)))], choose.randrange(4)
    names[0], names[place % len(names)] = names[place % len(names)], names[0]
    rows = [[_text(choose) for _ in names] for _ in range(choose.randrange(1, 40))]
    delimiter, kind = choose.choice(((",", "csv"), (";", "csv"), ("\t", "tsv"), ("|", "csv")))
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([names, *rows])
    source = _written(choose, folder, f"a.{kind}", file.getvalue())
    asked = {"delimiter": delimiter} if len(names) > 1 else {}
    with scored(model, source, folder / "b.csv", **asked).open(newline="", encoding="utf-8") as target:
        header, *written = csv.reader(target)
    assert header[: len(names)] == names
    assert [row[: len(names)] for row in written] == rows


def _check_json_lines(model: SentimentClassifier, folder: Path, choose: random.Random) -> None:
    lines, texts = [], []
    for _ in range(choose.randrange(1, 40)):
        text = choose.choice((None, _text(choose)))
        members = [f'"c{i}" : {choose.choice(VALUES)}' for i in range(choose.randrange(4))]
        if text is not None or choose.random() < 0.5:
            members.insert(choose.randrange(len(members) + 1), f'"text":{json.dumps(text, ensure_ascii=False)}')
        lines.append("{" + choose.choice((" ", "")) + ",".join(members) + choose.choice((" }", "}", "} ")))
        texts.append(text)
    lines.append('{"text": "love"}')
    source = _written(choose, folder, "a.jsonl", "".join(f"{line}\n" for line in lines))
    written = scored(model, source, folder / "b.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    assert len(written) == len(lines)
    for line, extended, text in zip(lines, written, [*texts, "love"], strict=True):
        assert extended.startswith(line.rstrip().removesuffix("}").rstrip())
        assert (json.loads(line) | json.loads(extended)) == json.loads(extended)
        assert json.loads(extended)["label"] == label(model, text)


def _check_posts(model: SentimentClassifier, folder: Path, choose: random.Random) -> None:
    """Check an archive of X, pages of an API, or a list of objects, in any layout."""
    texts = [_text(choose) for _ in range(choose.randrange(1, 40))]
    places: dict[str, Callable[[str], dict[str, Any]]] = {
        "tweet.full_text": lambda text: {"tweet": {"full_text": text, "entities": [{"n": 1.5}]}},
        "commit.record.text": lambda text: {"commit": {"record": {"text": text}, "rkey": "5"}},
        "text": lambda text: {"text": text, "n": 12345678901234567890123},
        "a.b": lambda text: {"a": {"b": text}, "text": 5},
    }
    column = choose.choice([*places])
    rows: list[dict[str, Any]] = [places[column](text) for text in texts]
    if pages := choose.random() < 0.3:
        column, rows = "data[].text", [{"id": "1", "text": text} for text in texts]
    whole = [{"data": rows[:3]}, {"data": rows[3:]}] if pages else rows
    indent = choose.choice((None, 1))
    dumped = [json.dumps(each, indent=indent, ensure_ascii=choose.random() < 0.5) for each in whole]
    before = choose.choice(("", "window.YTD.tweets.part0 = ")) if column == "tweet.full_text" else ""
    content = f"{before}[{', '.join(dumped)}]" if before or choose.random() < 0.5 else "\n".join(dumped)
    source = _written(choose, folder, choose.choice(("a.json", "a.js", "a.jsonl")), content)
    written = scored(model, source, folder / "b.jsonl", column=column).read_text(encoding="utf-8").split("\n")[:-1]
    answered = [json.loads(line) for line in written]
    assert [row["label"] for row in answered] == [label(model, text) for text in texts]
    assert [{name: row[name] for name in old} for row, old in zip(answered, rows, strict=True)] == rows


def _check_parquet(model: SentimentClassifier, folder: Path, choose: random.Random) -> None:
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
    columns = {"text": pa.array([_text(choose) for _ in range(rows)], pa.string())}
    for name in choose.sample(list(kinds), 3):
        kind, make = kinds[name]
        values = [choose.choice((None, make())) for _ in range(rows)]
        array = pa.array(values, pa.string()).dictionary_encode() if name == "kind" else pa.array(values, kind)
        columns[name] = array.cast(kind)
    source = folder / "a.parquet"
    pq.write_table(pa.table(columns), source)
    written = pq.read_table(scored(model, source, folder / "b.parquet"))
    assert written.select(list(columns)).equals(pq.read_table(source))
    assert written["label"].to_pylist() == [label(model, text) for text in columns["text"].to_pylist()]


CHECKS = (_check_csv, _check_json_lines, _check_posts, _check_parquet)
