"""Columns that are not ours leave a file as they came: random tables in every format, and cases that once failed."""

import datetime
import decimal
import json
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sentiment
from sentiment.errors import InputError
from sentiment.predict.classifier import SentimentClassifier
from sentiment.predict.score_file import keys_taken
from tests.fuzz_targets import zipped
from tests.random_tables import check_random_table, scored
from tests.test_structure import tiny_model

TABLES = 25  # `make fuzz` tries ten thousand


@pytest.mark.parametrize("seed", range(TABLES))
def test_random_tables_keep_their_rows_and_columns(
    tiny_classifier: SentimentClassifier, tmp_path: Path, seed: int
) -> None:
    check_random_table(tiny_classifier, tmp_path, seed)


def test_a_table_becomes_json_without_nan_and_with_dates_as_text(
    tiny_classifier: SentimentClassifier, tmp_path: Path
) -> None:
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
    written = scored(tiny_classifier, tmp_path / "a.parquet", tmp_path / "b.jsonl").read_text()
    row = json.loads(written, parse_constant=pytest.fail)
    expected = {
        "text": "love", "day": "2023-01-02", "at": "2023-01-01T00:30:00.000Z", "nan": None, "many": [1.0, None],
        "whole": 12345678901234567890, "half": 2.0, "exact": "1.10", "said": 'a "quote"\n', "label": "positive",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert '"half": 2.0' in written


@pytest.mark.parametrize("kind", [pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view()], ids=str)
@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_text_of_every_type_leaves_in_every_format(tiny_classifier, tmp_path, kind, ending):
    for name, of in (("a", kind), ("b", pa.string())):
        pq.write_table(
            pa.table({"text": pa.array(["love", None, 'é"'], pa.string()).cast(of)}), tmp_path / f"{name}.parquet"
        )
        scored(tiny_classifier, tmp_path / f"{name}.parquet", tmp_path / f"{name}.{ending}")
    assert (tmp_path / f"a.{ending}").read_text() == (tmp_path / f"b.{ending}").read_text()


@pytest.mark.parametrize("name", ["a.jsonl", "b/data/tweets.js"])
def test_json_in_a_zip_leaves_as_it_came(tiny_classifier: SentimentClassifier, tmp_path: Path, name: str) -> None:
    row = {"tweet": {"full_text": "love", "n": 1.5, "lang": "en"}, "id": 7}
    (tmp_path / "a.zip").write_bytes(zipped({name: json.dumps(row).encode(), "__MACOSX/a": b""}))
    written = json.loads(
        scored(tiny_classifier, tmp_path / "a.zip", tmp_path / "b.jsonl", column="tweet.full_text").read_text()
    )
    assert {key: written[key] for key in row} == row


def test_times_that_python_lacks_are_refused(tiny_classifier: SentimentClassifier, tmp_path: Path) -> None:
    times = pa.array([[2**63 - 1]], pa.list_(pa.timestamp("us")))
    pq.write_table(pa.table({"text": ["love"], "x": times}), tmp_path / "a.parquet")
    for ending in ("csv", "jsonl"):
        with pytest.raises(InputError, match=rf"which a \.{ending} cannot hold; write \.parquet instead"):
            scored(tiny_classifier, tmp_path / "a.parquet", tmp_path / f"b.{ending}")


@pytest.mark.parametrize("key", ["label", "known", "p_negative", "l\\u0061bel"])
@pytest.mark.parametrize("prefix", [None, ""])
def test_a_key_like_one_of_ours_in_a_later_block_is_refused(tiny_classifier, tmp_path, key, prefix):
    source = tmp_path / "a.jsonl"
    filler = '{"text": "love", "filler": "' + "x" * 1000 + '"}\n'
    source.write_text(filler * 9000 + f'{{"text": "love", "{key}": 1}}\n')
    with pytest.raises(InputError, match="already; rename them or set --prefix"):
        scored(tiny_classifier, source, tmp_path / "b.jsonl", prefix)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
    source.write_text(f'{{"text": "love"}}\n{{"text": "love", "{key}": 1}}\n')
    row = json.loads(scored(tiny_classifier, source, tmp_path / "b.jsonl", "x_").read_text().splitlines()[1])
    assert (row[json.loads(f'"{key}"')], row["x_label"]) == (1, "positive")


@pytest.mark.parametrize(
    "key", ["p_négatif", r"p_n\u00e9gatif", r"p_n\u00E9gatif", r"p_\ud83d\ude00", r"p_\"a\/b", r"l\u0061bel"]
)
def test_keys_with_any_escape_are_found(tmp_path: Path, key: str) -> None:
    model = sentiment.load(tiny_model(tmp_path / "model", ("négatif", "😀", '"a/b')))
    objects = pa.array(['{"text": "\\u2764 caf\\u00e9 \\/"}', f'{{"text": "x", "{key}": 1}}'])
    assert keys_taken(objects, model) == [json.loads(f'"{key}"')]
