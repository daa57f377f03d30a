"""`python -m sentiment.predict` and `sentiment.load`: what a user types, and what goes wrong."""

import csv
import gzip
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sentiment
from sentiment.common.messages import as_command, explained
from sentiment.predict import __main__ as predict
from tests.model_fixture import child_environment, shared_model

TWEETS = ["I love this coffee", "I hate this, really", 'a "quoted" one,\nin two lines', ""]


@pytest.fixture(scope="module")
def folder() -> Path:
    return shared_model().folder


@pytest.fixture
def run(answered: Callable, folder: Path) -> Callable[..., tuple[int, str, str]]:
    return partial(answered, folder)


def refused(answer: tuple[int, str, str]) -> str:
    """The one-line message of a command that failed as it should."""
    status, out, err = answer
    lines = [line for line in err.splitlines() if line.startswith("predict: ")]
    assert (status, out, len(lines)) == (2, "", 1), err
    assert "Traceback" not in err
    return lines[0].removeprefix("predict: error: ")


def command(folder: Path, *arguments: str | bytes | Path) -> list[str | bytes | Path]:
    return [sys.executable, "-m", "sentiment.predict", "--model", folder, *arguments]


def child(folder: Path, *arguments: str | bytes, **options: Any) -> subprocess.CompletedProcess:
    return subprocess.run(command(folder, *arguments), **{"env": child_environment(), "capture_output": True} | options)


# Arguments


def test_a_pipe_without_a_dash_is_read(folder: Path) -> None:
    done = child(folder, "--json", input=b"I love this coffee\n\nthey hate soup\r\n")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [row["text"] for row in rows] == ["I love this coffee", "", "they hate soup"]
    assert [rows[0]["label"], rows[2]["label"]] == ["positive", "negative"]


def test_an_empty_pipe_gives_no_line(run: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    assert run("-") == (0, "", "")


def test_arguments_that_are_not_utf8_are_answered(folder: Path) -> None:
    done = child(folder, b"I love caf\xe9")
    assert done.returncode == 0
    assert done.stdout.decode().split("\t")[2] == "I love caf\ufffd\n"


@pytest.mark.parametrize(
    "control", ["\x1b[2J", "\x9b2J", "\x07", "\n", "\r", "\u202e", "\u2028", "\t", "\x85"], ids=repr
)
def test_control_characters_do_not_reach_the_terminal(run: Callable, control: str) -> None:
    status, out, _ = run(f"a{control}b")
    shown = out.removesuffix("\n").split("\t", 2)[2]
    assert (status, shown[:2], shown[-1], shown.isprintable()) == (0, "a ", "b", True)


def test_json_escapes_control_characters(run: Callable) -> None:
    out = run("--json", "a\x1b[2J\nb")[1]
    assert "\x1b" not in out
    assert json.loads(out)["text"] == "a\x1b[2J\nb"
    assert out.count("\n") == 1


# Files


@pytest.fixture
def tweets(tmp_path: Path) -> Path:
    path = tmp_path / "tweets.csv"
    path.write_text("text\nI love this coffee\nthey hate soup\n")
    return path


def test_lines_of_a_file_without_an_output(run: Callable, tweets: Path) -> None:
    out = run("--input", tweets, "--json")[1]
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["I love this coffee", "they hate soup"]


def test_threshold_in_a_scored_file(run: Callable, tweets: Path, tmp_path: Path) -> None:
    assert run("--input", tweets, "--output", tmp_path / "out.csv", "--threshold", "1")[0] == 0
    scored = pd.read_csv(tmp_path / "out.csv")
    assert scored["label"].tolist() == ["uncertain", "uncertain"]
    assert (scored["probability"] < 1).all()


def test_another_encoding_and_a_byte_order_mark(run: Callable, tmp_path: Path) -> None:
    path, output = tmp_path / "t.csv", tmp_path / "out.jsonl"
    for encoding, options in (("latin-1", ["--encoding", "latin-1"]), ("utf-8-sig", [])):
        path.write_bytes("text\nI love cafés\n".encode(encoding))
        assert run("--input", path, "--output", output, "--force", *options)[0] == 0
        assert json.loads(output.read_text(encoding="utf-8"))["text"] == "I love cafés"


DAMAGED = 'text,id\nI love this,1\nI hate,2,3\n"a, b",3\njust\nI love it,4\n'


@pytest.mark.parametrize("to_file", [False, True])
def test_damaged_rows_are_left_out_counted_and_shown(run: Callable, tmp_path: Path, to_file: bool) -> None:
    path, output = tmp_path / "t.csv", tmp_path / "out.csv"
    path.write_text(DAMAGED)
    more = ("--output", output) if to_file else ()
    message = refused(run("--input", path, "--max-bad-rows", "1", *more))
    assert "t.csv:5: expected 2 columns, received 1 (2 bad rows" in message
    status, out, err = run("--input", path, "--max-bad-rows", "2", *more)
    said = "predict: 2 bad rows left out (the first, line 3: expected 2 columns, received 3)"
    assert (status, err.splitlines()[-1]) == (0, said)
    lines = output.read_text().splitlines()[1:] if to_file else out.splitlines()
    assert len(lines) == 3


@pytest.mark.parametrize(("row", "said"), [("2", "predict: 1 bad row left out (the first, line 3"), ("2,hate", "")])
def test_one_damaged_row_is_counted_in_the_singular_and_none_not_at_all(run, tmp_path, row, said):
    path = tmp_path / "t.csv"
    path.write_text(f"id,text\n1,love\n{row}\n")
    status, _, err = run("--input", path, "--max-bad-rows", "5")
    assert (status, err[: len(said)], bool(err)) == (0, said, bool(said))


def test_a_position_past_the_columns(run: Callable, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("0,I love this\n")
    assert "expected a column '7', received 0, 1; set --column" in refused(run("--input", path, "--column", "7"))


def test_an_output_that_links_to_the_input(run: Callable, tweets: Path, tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tweets)
    assert "is the input itself" in refused(run("--input", tweets, "--output", tmp_path / "link.csv"))
    assert tweets.read_text().startswith("text\nI love")


def hear_interrupts() -> None:
    """For a child of this process, which may have been told to ignore them, as `nohup` does."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupt_in_the_middle_leaves_no_final_file(folder: Path, tmp_path: Path) -> None:
    path, output = tmp_path / "big.csv", tmp_path / "out.csv"
    row = "I love this coffee number x{} and more words of all kinds\n"
    path.write_text("text\n" + "".join(map(row.format, range(250_000))))
    options = {"env": child_environment(), "stderr": subprocess.PIPE, "text": True, "preexec_fn": hear_interrupts}
    with subprocess.Popen(command(folder, "--input", path, "--output", output), **options) as process:
        until = time.monotonic() + 30
        while not any(part.stat().st_size for part in tmp_path.glob("out.csv.*.part")) and time.monotonic() < until:
            time.sleep(0.005)
        assert not output.exists()
        process.send_signal(signal.SIGINT)
        err = process.communicate()[1]
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not output.exists()
    (part,) = tmp_path.glob("out.csv.*.part")
    assert err == f"predict: stopped; rows written so far are in {part}\n"
    written = part.read_text(encoding="utf-8")
    assert written.endswith("\n")
    assert {len(row) for row in csv.reader(written.splitlines())} == {7}


@pytest.mark.parametrize(
    "line", [b'{"text": "love", "na\xf8me": 1}', b'{"text": "love", "other": "\xff"}', b'{"te\xf4t": "a"}']
)
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_json_lines_that_are_not_utf8(run: Callable, tmp_path: Path, line: bytes, kind: str) -> None:
    path, output = tmp_path / "in.jsonl", tmp_path / f"out.{kind}"
    path.write_bytes(line + b"\n")
    assert f"{path}:1: expected a JSON object in UTF-8, received " in refused(run("--input", path, "--output", output))
    assert not output.exists()


OPEN_QUOTES = {
    'text\nfine\n"unclosed tweet\nbad\nworse\n': 3,
    'id,text\n1,"a\nb"\n2,"cut sho': 4,
    'text\r\na 5" disk\r\n"he said ""no""\r\nbad\r\n': 3,
}


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
@pytest.mark.parametrize(("content", "line"), OPEN_QUOTES.items())
def test_a_csv_that_ends_inside_quotes_is_refused(run, tmp_path, content, line, encoding):
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode(encoding))
    message = refused(run("--input", path, "--output", tmp_path / "o.csv", "--encoding", encoding))
    assert message.startswith(f"{path}: the file ends inside a quote that was opened in line {line} (before ")
    assert not (tmp_path / "o.csv").exists()


def test_a_row_that_may_be_left_out_does_not_take_the_rest_of_the_file_with_it(run: Callable, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('text,id\nhate\n"love\nlove,2\nhate,3\n')
    assert "opened in line 3" in refused(run("--input", path, "--max-bad-rows", "2", "--quotes", "yes"))
    path.write_text('text,id\nlove,2\n"hate\nhate"\n')
    assert run("--input", path, "--max-bad-rows", "2")[0] == 0


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
@pytest.mark.parametrize(
    "last", ['5" disk', 'a "b" c', '"a"b', '"a\nb"', '"\n"', '""""', '""', '"a ""b"""', '"a\n""b"', '"']
)
def test_quotes_that_are_closed_or_mean_nothing_are_read(run: Callable, tmp_path: Path, last: str, end: str) -> None:
    for content in (f"text\nfine\n{last}{end}", f'id,text\n"1",fine\n2,{last}{end}'):
        (tmp_path / "t.csv").write_text(content, newline="")
        assert run("--input", tmp_path / "t.csv", "--delimiter", ",")[0] == 0


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([[1]]), "csv"),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "tsv"),
        (pa.array([b"\xff"]), "csv"),
    ],
)
def test_a_column_that_the_output_cannot_hold_is_named(run, tmp_path, values, kind):
    path, output = tmp_path / "t.parquet", tmp_path / f"o.{kind}"
    pq.write_table(pa.table({"text": ["love"], "odd": values}), path)
    message = refused(run("--input", path, "--output", output))
    assert message.startswith(f"{path}: column 'odd' holds {str(values.type).partition('<')[0]}")
    assert f", which a .{kind} cannot hold; write ." in message
    assert not output.exists()


def test_an_output_that_cannot_be_written_is_called_by_its_own_name(run, tmp_path, monkeypatch):
    path, output = tmp_path / "t.csv", tmp_path / "out.csv"
    path.write_text("text\nlove\n")
    with monkeypatch.context() as patched:
        patched.setattr(os, "access", lambda folder, mode: False)  # this may be run by root, who may write anywhere
        message = refused(run("--input", path, "--output", output))
    assert message == f"--output {output}: the folder {tmp_path} cannot be written to; give a file in another"
    monkeypatch.setattr(Path, "with_name", lambda path, name: tmp_path / "gone" / name)
    assert refused(run("--input", path, "--output", output)) == f"{output}: no such file or directory"


def test_two_runs_into_one_file_do_not_share_a_temporary_file(run, tmp_path, monkeypatch):
    path, output = tmp_path / "t.csv", tmp_path / "out.csv"
    path.write_text("text\nlove\n")
    opened: list[str] = []
    monkeypatch.setattr("pyarrow.output_stream", lambda path, **options: opened.append(path) or 1 / 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            run("--input", path, "--output", output)
    assert opened[0] != opened[1]
    assert {Path(path).parent for path in opened} == {tmp_path}


OTHER_KIND = "expected a name that ends in .csv, .tsv, .jsonl, .parquet (.gz), or -"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--explain --json hi", "--json: has no use with explanations"),
        ("--explain --threshold 0.5 hi", "--threshold: has no use with explanations"),
        ("--explain --input a.csv --output -", "--output: has no use with explanations"),
        ("--input a.csv --output - --json", "--json: has no use with --output"),
        ("--column text hi", "--column: has no use without --input"),
        ("--max-bad-rows 2 --delimiter ; hi", "--delimiter, --max-bad-rows: has no use without --input"),
        ("--input a.csv --force", "--force: has no use without --output"),
        ("--encoding latin-1 hi", "--encoding: has no use with tweets as arguments"),
        ("hi --input a.csv", "expected either tweets or --input FILE; --output goes with --input"),
        ("hi --output a.csv", "expected either tweets or --input FILE; --output goes with --input"),
        ("--input a.csv --encoding utf-99", "--encoding utf-99: not a codec that Python knows"),
        ("--input a.csv --output b.txt", f"--output b.txt: {OTHER_KIND}"),
        ("--input a.csv --output b", f"--output b: {OTHER_KIND}"),
        ("--input a.csv --output b.gz", f"--output b.gz: {OTHER_KIND}"),
        (f"hi {__file__}", f"{__file__}: expected a tweet, received a path; --input FILE reads a table"),
        (f"--explain {Path(__file__).parent}", f"{Path(__file__).parent}: expected a tweet, received a path; "),
        ("explain hi", "explain: expected a tweet, received a command; write --explain instead"),
    ],
)
def test_options_that_do_nothing_or_do_not_fit_are_refused(run: Callable, arguments: str, message: str) -> None:
    assert refused(run(*arguments.split())).startswith(message)


@pytest.mark.parametrize(
    ("shell", "message"),
    [
        ("<&-", 'expected a tweet, for instance: python -m sentiment.predict "I love this"'),
        ("- <&-", "standard input is closed; give it tweets, or --input FILE"),
        ("--input - <&-", "standard input is closed; give it tweets, or --input FILE"),
        ("hi >&-", "standard output is closed; give it a place, or --output FILE"),
        ("hi >&- 2>&-", None),
    ],
)
def test_standard_streams_that_are_closed(folder: Path, shell: str, message: str | None) -> None:
    command = f"{sys.executable} -m sentiment.predict --model {folder} {shell}"
    done = subprocess.run(command, shell=True, env=child_environment(), capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (2, f"predict: error: {message}\n" if message else "")


@pytest.mark.parametrize(
    ("shell", "status"),
    [
        ("--help | true", 141),
        ("--help >/dev/full", 2),
        ("predict --input tweets.csv --output - | true", 141),
        ("predict - <tweets.csv | true", 141),
        ("predict --input tweets.csv --output - >/dev/full", 2),
        ("verify . >&-", 2),
        ("verify . | true", 141),
        ("score tweets.csv --output answers <&- >&- 2>&-", 0),
        ("score tweets.csv --output answers 2>&1 | true", 141),
        ("share tweets.csv --output answers >&-", 0),
        ("share tweets.csv --output answers | true", 141),
    ],
)
def test_commands_with_streams_that_are_closed_unread_or_full(
    folder: Path, tmp_path: Path, shell: str, status: int
) -> None:
    (tmp_path / "tweets.csv").write_text("text\nI love this\nI hate this\n")
    (tmp_path / "manifest.json").write_text(
        '{"artefacts": {"table.npy": "0"}, "inputs": {"a": {"path": "gone", "sha256": "0"}}}'
    )
    environment = child_environment() | {"SENTIMENT_MODEL": str(folder), "PYTHONUNBUFFERED": ""}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{sys.executable} -m sentiment {shell}"],
        env=environment, cwd=tmp_path, capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    assert not {"Traceback", "Exception", "Broken"} & set(done.stderr.split())
    assert not shell.startswith("score") or (tmp_path / "answers" / "_SUCCESS").exists()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-32", "utf-8-sig", "shift-jis", "cp037"])
def test_lines_of_any_encoding(encoding: str) -> None:
    for text in ("I love it\r\nso bad\n\ncoffee", "hate\n"):
        blocks = predict.read_lines(io.BytesIO(text.encode(encoding)), encoding, block=3)
        assert [line for block in blocks for line in block] == text.replace("\r", "").removesuffix("\n").split("\n")


def test_lines_in_utf_16_come_as_they_are_complete_and_may_be_cut_anywhere() -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader, os.fdopen(write, "wb", 0) as writer:
        lines = predict.read_lines(reader, "utf-16", block=3)
        writer.write("love\nh".encode("utf-16"))
        assert next(each for each in lines if each) == ["love"]
        writer.write("\u0a0a\nlast".encode("utf-16-le") + b"x")
        writer.close()
        with pytest.raises(sentiment.InputError, match="standard input:3: expected utf-16 text, received "):
            list(lines)


def test_explain_goes_by_its_own_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert predict.main(["--explain", "--model", "gone", "hi"], "sentiment explain") == 2
    assert capsys.readouterr().err.startswith("explain: error: ")
    for name in ("explain", "predict"):
        with pytest.raises(SystemExit):
            predict.main(["--help"], f"sentiment {name}")
        out = capsys.readouterr().out
        assert f'sentiment {name} "I ' in out
        assert "python -m" not in out
        for option in ("--explain", "--json", "--threshold", "--answer-unknown", "--output", "--force", "--prefix"):
            assert (option in out) == (name == "predict")


@pytest.mark.parametrize("text", ["/", "../", "...", "explain"])
def test_a_tweet_that_is_hardly_a_path_or_a_command_is_answered(run, text):
    assert run(text)[1].endswith(f"\t{text}\n")


# What is typed, and files of all kinds


def test_one_line_a_tweet(run):
    status, out, err = run("I love this coffee", "I hate\tthis \x1b[31mtrain")
    assert (status, err) == (0, "")
    first, second = (line.split("\t") for line in out.splitlines())
    assert first[0] == "positive"
    assert 0.5 <= float(first[1]) <= 1
    assert first[2] == "I love this coffee"
    assert second[0] == "negative"
    assert second[2] == "I hate this  [31mtrain"


def test_json(run):
    _, out, _ = run("--json", "I love this coffee")
    row = json.loads(out)
    assert row["label"] == "positive"
    assert row["text"] == "I love this coffee"
    assert row["probability"] == max(row["probabilities"].values())
    assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_threshold(run):
    assert run("--threshold", "1", "I love this coffee")[1].startswith("uncertain\t")
    assert run("--threshold", "0.5", "I love this coffee")[1].startswith("positive\t")


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


def test_binary_input_names_the_line(run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"fine\n\xff\xfe\x00\n")))
    message = "standard input:2: expected utf-8 text, received b'\\xff\\xfe\\x00\\n'; set --encoding"
    assert run("-")[::2] == (2, f"predict: error: {message}\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"fine\ncaf\xe9\n")))
    assert run("--encoding", "latin-1", "-")[1].splitlines()[1].endswith("\tcafé")


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
def test_files_of_all_kinds(run, folder, tmp_path, source, target):
    path, output = write_table(tmp_path / f"in{source}"), tmp_path / f"out{target}"
    status, out, _ = run("--input", path, "--column", "tweet", "--output", output)
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
def test_column_by_position(run, caplog, tmp_path, header):
    path = tmp_path / "rows.csv"
    path.write_text(f'{header}"0","I love this coffee"\n"4","I hate this train"\n')
    _, out, _ = run("--input", path, "--column", "1")
    assert [line.split("\t")[0] for line in out.splitlines()][-2:] == ["positive", "negative"]
    assert ("rows.csv: row 1 looks like a header, and is read as a tweet" in caplog.text) == bool(header)
    assert len(out.splitlines()) == (3 if header else 2)


@pytest.mark.parametrize(
    ("rows", "remark"),
    [("1,I love this coffee\n", True), (",0,1\n7,8,bad\n", True), ("0,1\n7,bad\n", False), ("1\nbad\n", False)],
)
def test_a_number_in_row_1_that_may_be_a_position(run, caplog, tmp_path, rows, remark):
    path = tmp_path / "rows.csv"
    path.write_text(rows)
    run("--input", path, "--column", "1")
    assert ("rows.csv: row 1 has a cell '1', and is read as a header" in caplog.text) == remark


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
def test_bad_files_leave_the_output_alone(run, tmp_path, name, content, message):
    path, output = tmp_path / name, tmp_path / "out.csv"
    if content is not None:
        path.write_bytes(content)
    output.write_text("earlier")
    assert message in refused(run("--input", path, "--column", "tweet", "--output", output, "--force"))
    assert output.read_text() == "earlier"


def test_no_model_says_which_command_makes_one(answered, tmp_path):
    said = "run `make preprocess train evaluate` in a checkout to make one"
    assert said in refused(answered(tmp_path / "none", "hello"))


def test_a_model_can_be_pickled(folder):
    model = sentiment.load(folder)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(TWEETS), model.predict_proba(TWEETS))


def test_many_texts_in_blocks(folder):
    model = sentiment.load(folder)
    times = 20_000 // len(TWEETS)
    expected = np.tile(model.predict_proba(TWEETS), (times, 1))
    np.testing.assert_allclose(model.predict_proba(TWEETS * times), expected, atol=1e-6)


def test_explain_is_plain_when_piped(run):
    _, out, _ = run("--explain", "I don't love the qwzx")
    assert "\x1b" not in out
    assert "unknown" in out
    assert "n't" in out


def test_standard_output_that_is_not_a_terminal_gets_utf8(folder):
    environment = child_environment() | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    assert "love ❤" in child(folder, "love ❤", env=environment, check=True).stdout.decode("utf-8")


def test_an_error_of_arrow_names_its_own_file():
    error = PermissionError(13, "Cannot list directory '/Tweets'. Detail: [errno 13] Permission denied")
    assert explained(error, "", "output") == "cannot list directory '/Tweets'. Detail: [errno 13] Permission denied"
    assert explained(PermissionError(13, "Permission denied"), "", "output") == "output: permission denied"


def test_the_calling_program_keeps_its_handler_of_sigterm():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with as_command():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_path_with_control_characters_is_told_without_them(run):
    assert run("--input", "a\x1b[31m.csv")[::2] == (2, "predict: error: a?[31m.csv: no such file\n")
