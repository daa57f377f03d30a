"""The model says when it does not know: the share of known tokens, ``unknown`` and missing cells."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sentiment
from sentiment.predict.answers import labels_of

CELLS = ["love", None, "hate qqq zzz love", "犬が好き", "", "the"]
KNOWN = [1.0, None, 0.5, 0.0, 0.0, 0.0]
LABELS = ["positive", None, "positive", "unknown", "unknown", "unknown"]


@pytest.fixture
def run(answered: Callable, tiny_folder: Path) -> Callable[..., list[str]]:
    def lines(*arguments: object) -> list[str]:
        status, out, _ = answered(tiny_folder, *arguments)
        assert status == 0
        return out.splitlines()

    return lines


def test_known_is_the_share_of_ids_that_are_not_unknown(tiny_folder: Path) -> None:
    model = sentiment.load(tiny_folder)
    probabilities, known, _ = model.answer(["love", "love qqq", "qqq the love hate", "犬が好き", "", "the"])
    np.testing.assert_allclose(known, [1, 1 / 2, 2 / 3, 0, 0, 0], atol=1e-6)
    assert known.dtype == probabilities.dtype == np.float32
    many = ["love qqq", "", "hate"] * 2000
    np.testing.assert_allclose(model.answer(many).known, [0.5, 0, 1] * 2000)
    assert model.answer([]).known.shape == (0,)


def test_labels_admit_it_unless_forced() -> None:
    classes, known = np.array(["no", "yes"]), np.array([1.0, 0.0, 0.2])
    probabilities = np.array([[0.1, 0.9], [0.1, 0.9], [0.55, 0.45]])
    assert labels_of(classes, probabilities, known, 0.6).tolist() == ["yes", "unknown", "uncertain"]
    assert labels_of(classes, probabilities, known, 0.6, force=True).tolist() == ["yes", "yes", "uncertain"]


def test_a_text_without_a_known_token_is_unknown(run: Callable) -> None:
    assert [line.split("\t")[0] for line in run("love", "犬が好き", " ")] == ["positive", "unknown", "unknown"]
    assert run("--answer-unknown", "犬が好き")[0].split("\t")[0] == "negative"
    row = json.loads(run("--json", "犬が好き")[0])
    assert (row["label"], row["known"]) == ("unknown", 0)
    assert json.loads(run("--json", "love qqq zzz")[0])["known"] == pytest.approx(1 / 3, abs=1e-4)
    assert run("--explain", "犬が好き")[0].startswith("unknown: no known token; forced answer negative")


def write(path: Path) -> Path:
    if path.suffix == ".csv":
        path.write_text("id,text\n" + "".join(f"{i},{_csv(text)}\n" for i, text in enumerate(CELLS)), encoding="utf-8")
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in CELLS), encoding="utf-8")
    else:
        pq.write_table(pa.table({"text": CELLS}), path)
    return path


def _csv(text: str | None) -> str:
    return "" if text is None else f'"{text}"'


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".parquet"])
def test_files_carry_known_and_missing_cells_stay_missing(run: Callable, tmp_path: Path, kind: str) -> None:
    source = write(tmp_path / f"in{kind}")
    run("--input", source, "--output", tmp_path / "out.parquet")
    scored = pq.read_table(tmp_path / "out.parquet")
    assert scored["text"].to_pylist() == CELLS
    assert scored["label"].to_pylist() == LABELS
    assert scored["known"].to_pylist() == KNOWN
    for name in ("probability", "p_negative", "p_positive"):
        assert [value is None for value in scored[name].to_pylist()] == [text is None for text in CELLS]
    run("--input", source, "--output", tmp_path / "forced.parquet", "--answer-unknown")
    assert pq.read_table(tmp_path / "forced.parquet")["label"].to_pylist()[3:] == ["negative"] * 3


def test_lines_of_a_file_keep_missing_cells_missing(run: Callable, tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl")
    assert run("--input", source)[1] == "\t\t"
    rows = [json.loads(line) for line in run("--input", source, "--json")]
    assert [row["known"] for row in rows] == KNOWN
    assert rows[1] == dict.fromkeys(("label", "probability", "known", "probabilities", "text"))
    assert run("--input", source, "--explain")[0].startswith("positive")


def test_a_tweet_whose_end_was_not_read_says_so(run: Callable, tiny_folder: Path, tmp_path: Path) -> None:
    model = sentiment.load(tiny_folder)
    most = model.preprocessor.max_tokens
    texts = ["love " * most, "love " * most + "hate", "love"]
    assert model.answer(texts).cut.tolist() == [False, True, False]
    assert model.answer(texts * 2000).cut.tolist() == [False, True, False] * 2000
    assert ["cut" in json.loads(line) for line in run("--json", *texts)] == [False, True, False]
    (tmp_path / "in.csv").write_text("text\n" + "".join(f"{text}\n" for text in texts), encoding="utf-8")
    run("--input", tmp_path / "in.csv", "--output", tmp_path / "out.csv")
    scored = [row.split(",")[4] for row in (tmp_path / "out.csv").read_text().splitlines()]
    assert scored == ['"cut"', "false", "true", "false"]
