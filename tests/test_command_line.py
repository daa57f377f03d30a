"""`python -m sentiment.predict` and `sentiment.load`: what a user types, and what goes wrong."""

import gzip
import io
import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sentiment
from sentiment.common.messages import explained
from sentiment.predict import __main__ as predict
from tests.model_fixture import child_environment, shared_model

TWEETS = ["I love this coffee", "I hate this, really", 'a "quoted" one,\nin two lines', ""]


@pytest.fixture(scope="module")
def folder() -> Path:
    return shared_model().folder


def run(capsys, folder, *arguments):
    status = predict.main(["--model", str(folder), *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def command(folder, *arguments):
    return [sys.executable, "-m", "sentiment.predict", "--model", str(folder), *arguments]


def test_one_line_a_tweet(capsys, folder):
    status, out, err = run(capsys, folder, "I love this coffee", "I hate\tthis \x1b[31mtrain")
    assert (status, err) == (0, "")
    first, second = (line.split("\t") for line in out.splitlines())
    assert first[0] == "positive"
    assert 0.5 <= float(first[1]) <= 1
    assert first[2] == "I love this coffee"
    assert second[0] == "negative"
    assert second[2] == "I hate this  [31mtrain"


def test_json(capsys, folder):
    _, out, _ = run(capsys, folder, "--json", "I love this coffee")
    row = json.loads(out)
    assert row["label"] == "positive"
    assert row["text"] == "I love this coffee"
    assert row["probability"] == max(row["probabilities"].values())
    assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_threshold(capsys, folder):
    assert run(capsys, folder, "--threshold", "1", "I love this coffee")[1].startswith("uncertain\t")
    assert run(capsys, folder, "--threshold", "0.5", "I love this coffee")[1].startswith("positive\t")


def test_a_line_in_gives_a_line_out_at_once(folder):
    with subprocess.Popen(
        command(folder, "-"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=child_environment(), text=True
    ) as process:
        for text, label in (("I love this coffee", "positive"), ("I hate this train", "negative")):
            process.stdin.write(text + "\n")
            process.stdin.flush()
            assert process.stdout.readline().split("\t")[0] == label
        process.stdin.write("no line end")
        process.stdin.close()
        assert process.stdout.readline().endswith("\tno line end\n")
        assert process.wait() == 0


def test_binary_input_names_the_line(capsys, folder, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"fine\n\xff\xfe\x00\n")))
    message = "standard input:2: expected utf-8 text, received b'\\xff\\xfe\\x00\\n'; set --encoding"
    assert run(capsys, folder, "-")[::2] == (2, f"predict: error: {message}\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"fine\ncaf\xe9\n")))
    assert run(capsys, folder, "--encoding", "latin-1", "-")[1].splitlines()[1].endswith("\tcafé")


def write_table(path: Path) -> Path:
    frame = pd.DataFrame({"id": range(len(TWEETS)), "tweet": TWEETS})
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_parquet(path)
    return path


def read_table(path: Path) -> pd.DataFrame:
    if path.suffix == ".csv":
        return pd.read_csv(path, keep_default_na=False)
    return pd.read_json(path, lines=True) if path.suffix == ".jsonl" else pd.read_parquet(path)


@pytest.mark.parametrize("source", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("target", [".csv", ".jsonl", ".parquet"])
def test_files_of_all_kinds(capsys, folder, tmp_path, source, target):
    path, output = write_table(tmp_path / f"in{source}"), tmp_path / f"out{target}"
    status, out, _ = run(capsys, folder, "--input", str(path), "--column", "tweet", "--output", str(output))
    assert (status, out) == (0, "")
    scored = read_table(output)
    *texts, last = scored["tweet"].fillna("").tolist()
    assert [*texts, last] == TWEETS
    blank = "" if source == ".csv" else "unknown"  # an empty cell of a CSV is a missing one
    assert scored["label"].fillna("").tolist() == ["positive", "negative", "unknown", blank]
    expected = sentiment.load(folder).predict_proba(TWEETS[:-1])
    np.testing.assert_allclose(scored[["p_negative", "p_positive"]][:-1].astype(float), expected, atol=1e-6)
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("header", ["", "label,tweet\n"])
def test_column_by_position(capsys, caplog, folder, tmp_path, header):
    path = tmp_path / "rows.csv"
    path.write_text(f'{header}"0","I love this coffee"\n"4","I hate this train"\n')
    _, out, _ = run(capsys, folder, "--input", str(path), "--column", "1")
    assert [line.split("\t")[0] for line in out.splitlines()][-2:] == ["positive", "negative"]
    assert ("rows.csv: row 1 looks like a header, and is read as a tweet" in caplog.text) == bool(header)
    assert len(out.splitlines()) == (3 if header else 2)


def parquet(**column: list) -> bytes:
    file = io.BytesIO()
    pd.DataFrame(column).to_parquet(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.csv", None, "no such file"),
        ("empty.csv", b"", "the file is empty"),
        ("other.csv", b"a,b\n1,2\n", "expected a column 'tweet', received a, b; set --column to one of them"),
        ("short.csv", b"id,tweet\n1,x\n2\n", "short.csv:3: expected 2 columns, received 1; mend the file"),
        ("wide.csv", b"id,tweet\n1,x,2\n", "or allow more with --max-bad-rows (now 0)"),
        ("narrow.csv", b"tweet\nx\ny,z\n", "narrow.csv:3: expected 1 column, received 2; mend the file"),
        ("latin.csv", b"id,tweet\n1,caf\xe9\n", "latin.csv:2: holds bytes that are not utf-8; set --encoding"),
        ("cut.csv.gz", gzip.compress(b"id,tweet\n1,x\n", mtime=0)[:-9], "damaged or cut short: fetch or make it again"),
        ("list.jsonl", b'[\n{"other": "x"}\n]\n', "expected a column 'tweet', received other"),
        ("text.txt", b"hello\n", "expected a name that ends in .csv, .tsv, .jsonl, .json, .js, .parquet (also packed"),
        ("fake.parquet", b"not parquet at all", "not readable as parquet ("),
        ("fake2.parquet", b"not parquet at all", "is it Parquet, and whole? write it again, or give it the ending"),
        ("bad.jsonl", b'{"tweet": "x"}\n{"tweet": \n', "bad.jsonl:2: expected a JSON object"),
        ("number.jsonl", b'{"tweet": 3}\n', "number.jsonl:1: "),
        ("number.parquet", parquet(tweet=[3]), "column 'tweet' holds int64, expected text; name another"),
        ("bytes.parquet", parquet(tweet=[b"\xff"]), "'tweet' holds bytes that are not UTF-8; write it as text"),
    ],
)
def test_bad_files_leave_the_output_alone(capsys, folder, tmp_path, name, content, message):
    path, output = tmp_path / name, tmp_path / "out.csv"
    if content is not None:
        path.write_bytes(content)
    output.write_text("earlier")
    options = ("--input", str(path), "--column", "tweet", "--output", str(output), "--force")
    status, out, err = run(capsys, folder, *options)
    assert (status, out) == (2, "")
    assert message in err
    assert err.startswith("predict: error: ")
    assert err.count("\n") == 1 or sys.stderr.isatty() or "tweets" in err
    assert output.read_text() == "earlier"


def test_no_model_says_which_command_makes_one(capsys, tmp_path):
    status, _, err = run(capsys, tmp_path / "none", "hello")
    assert status == 2
    assert "run `make preprocess train evaluate` in a checkout to make one" in err


def test_a_model_can_be_pickled(folder):
    model = sentiment.load(folder)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(TWEETS), model.predict_proba(TWEETS))


def test_many_texts_in_blocks(folder):
    model = sentiment.load(folder)
    times = 20_000 // len(TWEETS)
    expected = np.tile(model.predict_proba(TWEETS), (times, 1))
    np.testing.assert_allclose(model.predict_proba(TWEETS * times), expected, atol=1e-6)


def test_explain_is_plain_when_piped(capsys, folder):
    _, out, _ = run(capsys, folder, "--explain", "I don't love the qwzx")
    assert "\x1b" not in out
    assert "unknown" in out
    assert "n't" in out


def test_standard_output_that_is_not_a_terminal_gets_utf8(folder):
    environment = child_environment() | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = subprocess.run(command(folder, "love ❤"), capture_output=True, env=environment, check=True)
    assert "love ❤" in done.stdout.decode("utf-8")


def test_an_error_of_arrow_names_its_own_file():
    error = PermissionError(13, "Cannot list directory '/Tweets'. Detail: [errno 13] Permission denied")
    assert explained(error, "", "output") == "cannot list directory '/Tweets'. Detail: [errno 13] Permission denied"
    assert explained(PermissionError(13, "Permission denied"), "", "output") == "output: permission denied"


def test_a_path_with_control_characters_is_told_without_them(capsys, folder):
    assert run(capsys, folder, "--input", "a\x1b[31m.csv")[::2] == (2, "predict: error: a?[31m.csv: no such file\n")
