"""Scoring many files: parts, records, what a rerun does, damaged input. The engine here runs in this process."""

import contextlib
import json
import multiprocessing
import os
import random
import signal
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentiment.common.engines import LocalEngine, Outcome
from sentiment.common.parallel import available_cores
from sentiment.common.stores import open_store
from sentiment.errors import ArtefactError, InputError
from sentiment.predict import __main__ as predict
from sentiment.predict.answers import AnswerOptions
from sentiment.predict.model_files import model_checksum
from sentiment.score import __main__ as command
from sentiment.score import parts, records, run, worker
from tests.engine_tasks import fails, suicidal, uses_threads
from tests.test_structure import tiny_model

TEXTS = ("the love", "I hate it", "qqq", "", "love love\nhate", 'she said "love"', "hate, hate")


class Here:
    """An engine without processes; notes how many parts it was given."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def map(self, function, tasks):
        for number, task in enumerate(tasks):
            if function.func is worker.score_task:
                self.given += [part.output for part in task]
            yield Outcome(number, function(task))


@pytest.fixture
def small_parts(monkeypatch):
    """Treat files of a few kilobytes as large."""
    monkeypatch.setattr(parts, "ROWS_PER_PART", 100)
    monkeypatch.setattr(parts, "SMALLEST_SPLIT", 6144)


def table(rows: int, seed: int = 1) -> pa.Table:
    choose = random.Random(seed)
    return pa.table({"id": [str(i) for i in range(rows)], "text": [choose.choice(TEXTS) for _ in range(rows)]})


def write(path: Path, content: pa.Table) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith(".parquet"):
        pq.write_table(content, path, row_group_size=150)
    elif ".csv" in path.name:
        content.to_pandas().to_csv(path, index=False)  # compresses by the name
    else:
        content.to_pandas().to_json(path, orient="records", lines=True)
    return path


def read(folder: Path) -> dict[str, bytes]:
    """The answers."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in found
        if path.suffix in (".parquet", ".csv", ".jsonl") and path.name != records.ERRORS
    }


def rows_of(folder: Path, stem: str) -> list[dict]:
    rows: list[dict] = []
    for path in sorted(folder.glob(f"{stem}*")):
        if path.suffix == ".parquet":
            rows += pq.read_table(path).to_pylist()
        elif path.suffix == ".csv":
            rows += pd.read_csv(path, dtype=str).to_dict("records")
        else:
            rows += pd.read_json(path, lines=True, dtype=False).to_dict("records")
    return rows


def errors_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "out" / "errors.jsonl").read_text().splitlines()]


@pytest.fixture
def in_this_process(monkeypatch):
    """Have the command work in this process."""
    monkeypatch.setattr(command, "engine_of", lambda arguments: contextlib.nullcontext(Here()))


def score(inputs, output, model, engine=None, **options) -> dict:
    places = tuple(map(str, inputs if isinstance(inputs, list) else [inputs]))
    return run.score(run.Request(places, str(output), model, **options), engine or Here())


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.jsonl", "a.csv.gz", "a.jsonl.gz"])
def test_a_file_gets_the_answers_of_the_command_line(name, tmp_path, tiny_folder):
    source = write(tmp_path / "in" / name, table(300))
    summary = score(source, tmp_path / "out", tiny_folder)
    plain = f"a.{name.removesuffix('.gz').rpartition('.')[2]}"
    assert predict.main(["--model", str(tiny_folder), "--input", str(source), "--output", str(tmp_path / plain)]) == 0
    assert read(tmp_path / "out") == {plain: (tmp_path / plain).read_bytes()}
    assert summary["rows"] == 300
    assert sum(summary["labels"].values()) == 300


def test_a_packed_model_gives_the_same_bytes(tmp_path, tiny_folder, in_this_process):
    source, packed = write(tmp_path / "in" / "a.csv", table(50)), tmp_path / "mine.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in tiny_folder.iterdir():
            archive.write(path, path.name)
    score(source, tmp_path / "of folder", tiny_folder)
    assert command.main([str(source), "--output", str(tmp_path / "of zip"), "--model", str(packed)]) == 0
    assert read(tmp_path / "of zip") == read(tmp_path / "of folder")


def write_archives(folder: Path) -> None:
    """Write one post in each layout: an X archive, whole and packed, a list of objects, and a zip of a CSV."""
    (folder / "x").mkdir(parents=True)
    archive = 'window.YTD.tweets.part0 = [{"tweet": {"full_text": "love", "id_str": "1"}}]'
    (folder / "x" / "tweets.js").write_text(archive)
    (folder / "x" / "account.js").write_text('window.YTD.account.part0 = [{"account": {"email": "a@b.c"}}]')
    (folder / "posts.json").write_text('[{"text": "love"}]')
    for name, member, content in (("y.zip", "data/tweets.js", archive), ("z.zip", "z.csv", "text\nlove\n")):
        with zipfile.ZipFile(folder / name, "w") as file:
            file.writestr(member, content)


@pytest.mark.parametrize("pattern", ["", "**"])
def test_archives_of_posts_in_a_folder_are_scored(tmp_path, tiny_folder, pattern):
    write_archives(tmp_path / "in")
    summary = score(tmp_path / "in" / pattern, tmp_path / "out", tiny_folder)
    assert sorted(read(tmp_path / "out")) == ["posts.jsonl", "x/tweets.jsonl", "y.jsonl", "z.csv"]
    assert json.loads(read(tmp_path / "out")["y.jsonl"])["tweet"]["full_text"] == "love"  # the zip holds JSON
    assert (summary["rows"], summary["failed_files"]) == (4, 1 if pattern else 0)  # account.js matches the pattern


@pytest.mark.usefixtures("small_parts")
def test_a_large_parquet_file_is_split_and_every_row_is_there_once_in_order(tmp_path, tiny_folder):
    whole = write(tmp_path / "in" / "a.parquet", table(2000))
    expected = tmp_path / "expected.parquet"
    assert predict.main(["--model", str(tiny_folder), "--input", str(whole), "--output", str(expected)]) == 0
    assert score(whole, tmp_path / "out", tiny_folder)["parts"] == 20
    received = rows_of(tmp_path / "out", "a-")
    assert received == rows_of(tmp_path, "expected")
    assert [row["id"] for row in received] == [str(i) for i in range(2000)]
    others = parts.plan(*parts.find_inputs([str(tmp_path / "in" / "*.parquet")]), "")
    assert others == parts.plan(*parts.find_inputs([str(whole)]), "")


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_large_file_of_another_format_stays_whole(name, tmp_path, tiny_folder):
    write(tmp_path / "in" / name, table(2000))
    assert score(tmp_path / "in", tmp_path / "out", tiny_folder)["parts"] == 1
    assert [row["id"] for row in rows_of(tmp_path / "out", "a")] == [str(i) for i in range(2000)]


def test_a_rerun_does_what_changed_and_nothing_else(tmp_path, tiny_folder):
    for i in range(4):
        write(tmp_path / "in" / f"{i}.parquet", table(50, i))
    score(tmp_path / "in", tmp_path / "out", tiny_folder)
    first, engine = read(tmp_path / "out"), Here()
    assert score(tmp_path / "in", tmp_path / "out", tiny_folder, engine)["parts_done_before"] == 4
    assert engine.given == []
    write(tmp_path / "in" / "1.parquet", table(60, 9))
    (tmp_path / "out" / "2.parquet").write_bytes(b"cut")
    (tmp_path / "in" / "3.parquet").unlink()
    score(tmp_path / "in", tmp_path / "out", tiny_folder, engine)
    assert engine.given == ["1.parquet", "2.parquet"]
    fresh = tmp_path / "fresh"
    score(tmp_path / "in", fresh, tiny_folder)
    assert read(tmp_path / "out") == read(fresh)
    assert read(fresh)["0.parquet"] == first["0.parquet"]
    assert read(fresh)["1.parquet"] != first["1.parquet"]
    assert len(read(fresh)) == 3


def test_a_record_that_was_overtaken_never_comes_true_again(tmp_path, tiny_folder):
    """An input is changed and changed back, time stamp included, and the run between is killed after it published."""
    path = write(tmp_path / "in" / "a.parquet", table(50, 1))
    before, stamp = path.read_bytes(), path.stat()
    score(tmp_path / "in", tmp_path / "out", tiny_folder)
    right = read(tmp_path / "out")
    write(path, table(50, 2))
    os.utime(path, ns=(1, 1))
    store = open_store(str(tmp_path / "out"))
    system, files = parts.find_inputs([str(tmp_path / "in")])
    checksum = model_checksum(tiny_folder)
    assert records.keep_valid(store, parts.plan(system, files, ""), checksum, system) == {}
    (tmp_path / "out" / "a.parquet").write_bytes(right["a.parquet"][::-1])  # of the same size
    path.write_bytes(before)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    score(tmp_path / "in", tmp_path / "out", tiny_folder)
    assert read(tmp_path / "out") == right


def test_another_model_or_other_options_are_refused_unless_forced(tmp_path, tiny_folder):
    write(tmp_path / "in" / "a.csv", table(50))
    score(tmp_path / "in", tmp_path / "out", tiny_folder)
    other = tiny_model(tmp_path / "other")
    described = json.loads((other / "model.json").read_text())
    (other / "model.json").write_text(json.dumps(described, indent=1))
    for request, wanted in (
        ((other, {}), "another model"),
        ((tiny_folder, {"options": AnswerOptions(0.9)}), "another threshold"),
    ):
        with pytest.raises(InputError, match=wanted):
            score(tmp_path / "in", tmp_path / "out", request[0], **request[1])
    engine = Here()
    score(tmp_path / "in", tmp_path / "out", tiny_folder, engine, options=AnswerOptions(0.9), force=True)
    assert engine.given == ["a.csv"]
    assert "uncertain" in read(tmp_path / "out")["a.csv"].decode()


def test_a_folder_of_other_things_is_refused(tmp_path, tiny_folder):
    write(tmp_path / "in" / "a.csv", table(5))
    write(tmp_path / "out" / "mine.csv", table(5))
    with pytest.raises(InputError, match="holds other files"):
        score(tmp_path / "in", tmp_path / "out", tiny_folder)


def test_names_that_would_collide_are_refused(tmp_path, tiny_folder):
    write(tmp_path / "in" / "a.csv", table(5))
    write(tmp_path / "in" / "a.csv.gz", table(5))
    with pytest.raises(InputError, match=r"both would be written as a\.csv"):
        score(tmp_path / "in", tmp_path / "out", tiny_folder)


def test_a_damaged_description_of_a_run_is_refused_unless_forced(tmp_path, tiny_folder):
    write(tmp_path / "in" / "a.csv", table(5))
    score(tmp_path / "in", tmp_path / "out", tiny_folder)
    (tmp_path / "out" / "_run.json").write_text('{"format"')
    with pytest.raises(ArtefactError, match=r"_run.json: damaged .*, or --force"):
        score(tmp_path / "in", tmp_path / "out", tiny_folder)
    assert score(tmp_path / "in", tmp_path / "out", tiny_folder, force=True)["rows"] == 5


def test_the_most_frequent_label_is_said_first(tmp_path, tiny_folder, capsys, in_this_process):
    texts = ["love"] * 1100 + ["hate"] * 3 + ["qqq"] * 2
    write(tmp_path / "in.parquet", pa.table({"text": texts}))
    options = [str(tmp_path / "in.parquet"), "--output", str(tmp_path / "out"), "--model", str(tiny_folder)]
    assert command.main(options) == 0
    assert capsys.readouterr().err.splitlines()[-1].endswith(" s: positive 1,100, negative 3, unknown 2")


def test_damaged_files_and_rows_are_listed_and_the_rest_is_there(tmp_path, tiny_folder, capsys, in_this_process):
    folder = tmp_path / "in"
    for i in range(20):
        write(folder / f"{i:02d}.parquet", table(20, i))
    for i in (3, 7):
        content = (folder / f"{i:02d}.parquet").read_bytes()
        (folder / f"{i:02d}.parquet").write_bytes(content[: len(content) // 2])
    (folder / "x.jsonl").write_bytes(b'{"text": "love"}\n{"text": 5}\n{"text": "\xff"}\n[]\n{"text": "hate"}\n{"te\n')
    (folder / "y.csv").write_bytes(b'id,text\n1,love\n2,hate,more\n3,\xff\n4,"so ""love"", it"\n')
    options = [str(folder), "--output", str(tmp_path / "out"), "--model", str(tiny_folder)]
    assert command.main(options) == 3
    err, advice = (
        capsys.readouterr().err,
        "; mend them and run the same command again, or permit them with --max-errors N\n",
    )
    assert "2 files and 6 rows could not be scored" in err
    assert err.endswith(advice)
    assert not (tmp_path / "out" / "_SUCCESS").exists()
    listed = errors_of(tmp_path)
    assert [(Path(each["file"]).name, each["row"]) for each in listed] == [
        ("03.parquet", None), ("07.parquet", None), ("x.jsonl", 2), ("x.jsonl", 3), ("x.jsonl", 4), ("x.jsonl", 6),
        ("y.csv", 2), ("y.csv", 3),
    ]  # fmt: skip
    assert all(str(tmp_path / "out") not in each["reason"] for each in listed)
    assert len(read(tmp_path / "out")) == 20
    assert [row["text"] for row in rows_of(tmp_path / "out", "x")] == ["love", "hate"]
    assert [row["text"] for row in rows_of(tmp_path / "out", "y")] == ["love", 'so "love", it']
    assert command.main([*options, "--max-errors", "8"]) == 0
    assert advice not in capsys.readouterr().err
    assert (tmp_path / "out" / "_SUCCESS").exists()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("b.csv", 'text\nlove\n"hate\nlove\n', "the file ends inside a quote that was opened in line 3"),
        ("b.csv", 'id,text\n1\n2,love\n3,"hate\nlove\n', "the file ends inside a quote that was opened in line 4"),
        (
            "b.csv",
            "id,body\n1,love\n",
            "line 1: expected a column 'text', received id, body; set --column to one of them",
        ),
        ("b.parquet", None, "column 'raw' holds binary, which a .csv cannot hold; write .parquet instead"),
    ],
)
def test_a_file_that_cannot_be_scored_is_an_error_of_its_own(tmp_path, tiny_folder, name, content, reason):
    write(tmp_path / "in" / "a.parquet", table(5))
    (tmp_path / "in" / "d.jsonl").write_text('{"text": "love", "n": {"a": [1]}}\n')
    if content is None:
        write(tmp_path / "in" / name, table(2).append_column("raw", pa.array([b"\xff", b"x"])))
    else:
        (tmp_path / "in" / name).write_text(content)
    summary = score(tmp_path / "in", tmp_path / "out", tiny_folder, suffix="csv")
    assert (summary["failed_files"], summary["failed_rows"], sorted(read(tmp_path / "out"))) == (
        1,
        0,
        ["a.csv", "d.csv"],
    )
    assert rows_of(tmp_path / "out", "d")[0]["n"] == '{"a": [1]}'
    assert errors_of(tmp_path)[0]["reason"].partition(" (")[0] == reason


@pytest.mark.parametrize(("tasks", "processes"), [(1, 0), (2, 2)])
def test_no_more_processes_are_started_than_there_are_tasks(tasks, processes):
    before = len(multiprocessing.active_children())
    with LocalEngine(available_cores() + 1) as engine:
        assert [outcome.result for outcome in engine.map(abs, [-1] * tasks)] == [1] * tasks
        assert len(multiprocessing.active_children()) == before + processes


@pytest.mark.parametrize("files", [1, 2])
def test_a_single_part_shows_its_tweets(tmp_path, tiny_folder, monkeypatch, files):
    shown, score_file = [], worker.score_file

    def watched(*arguments):
        shown.append(arguments[-1])
        return score_file(*arguments)

    monkeypatch.setattr(worker, "score_file", watched)
    for i in range(files):
        write(tmp_path / "in" / f"{i}.csv", table(2))
    assert command.main([str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--model", str(tiny_folder)]) == 0
    assert shown == [files == 1] * files


@pytest.mark.parametrize("by_sigterm", [False, True])
def test_an_interrupt_of_a_single_task_tells_how_to_go_on(tmp_path, tiny_folder, monkeypatch, capsys, by_sigterm):
    def interrupted(*arguments, **options):
        if by_sigterm:
            signal.raise_signal(signal.SIGTERM)
        raise KeyboardInterrupt("rows written so far are in x.part")

    monkeypatch.setattr(worker, "score_file", interrupted)
    source = str(write(tmp_path / "in.csv", table(2)))
    assert command.main([source, "--output", str(tmp_path / "out"), "--model", str(tiny_folder)]) == 130
    assert capsys.readouterr().err == "score: stopped; run the same command again to go on\n"
    assert os.listdir(tmp_path / "out") == ["_run.json"]


def test_a_disk_that_is_full_stops_the_run_and_the_next_one_goes_on(tmp_path, tiny_folder, monkeypatch, capsys):
    for i in range(3):
        write(tmp_path / "in" / f"{i}.parquet", table(20, i))
    publish, published = type(open_store(".")).publish, []

    def full(self, source, name):
        if len(published) == 1:
            raise OSError(28, "No space left on device", name)
        published.append(name)
        publish(self, source, name)

    monkeypatch.setattr("sentiment.score.parts.FILES_PER_TASK", 1)
    monkeypatch.setattr("sentiment.common.stores.FileStore.publish", full)
    with pytest.raises(OSError, match="No space left"):
        score(tmp_path / "in", tmp_path / "out", tiny_folder)
    assert not (tmp_path / "out" / "_staging").exists()
    monkeypatch.undo()
    assert score(tmp_path / "in", tmp_path / "out", tiny_folder)["parts_done_before"] == 1
    assert len(read(tmp_path / "out")) == 3


def test_two_runs_at_once_into_one_folder_are_refused(tmp_path, tiny_folder):
    write(tmp_path / "in" / "a.csv", table(5))
    with run.locked(open_store(str(tmp_path / "out"))), pytest.raises(InputError, match="another run is at work"):
        score(tmp_path / "in", tmp_path / "out", tiny_folder)


def test_the_local_engine_survives_its_workers(tmp_path):
    tasks = [tmp_path / name for name in ("a", "b", "always")]  # the last alone, so each of its attempts is its own
    with LocalEngine(2) as engine:
        outcomes = {outcome.task: outcome for outcome in engine.map(suicidal, tasks)}
    assert sorted(outcomes) == [0, 1, 2]
    assert [bool(outcomes[i].lost) for i in range(3)] == [False, False, True]
    assert "its process ended 3 times" in outcomes[2].lost
    assert (tmp_path / "always").read_text() == "xxx"


def test_a_single_task_has_all_cores():
    """A large CSV file is one task, and is scored as fast as `sentiment predict` does it."""
    with LocalEngine(available_cores()) as engine:
        for tasks in ([0], [0, 1], [0]):
            wanted = len(tasks) == 1 and available_cores() > 1
            assert {outcome.result for outcome in engine.map(uses_threads, tasks)} == {wanted}


def test_the_local_engine_passes_errors_on():
    with LocalEngine(1) as engine, pytest.raises(InputError, match="no 5"):
        list(engine.map(fails, [5]))


def test_a_task_that_ends_its_process_is_taken_apart(tmp_path, tiny_folder):
    """So that of small files scored together only the one that does it is given up."""
    for i in range(3):
        write(tmp_path / "in" / f"{i}.parquet", table(20, i))

    class Deadly(Here):
        def map(self, function, tasks):
            for number, task in enumerate(tasks):
                if any(part.output == "1.parquet" for part in task if hasattr(part, "output")):
                    yield Outcome(number, None, "killed")
                else:
                    yield Outcome(number, function(task))

    summary = score(tmp_path / "in", tmp_path / "out", tiny_folder, Deadly())
    assert (summary["rows"], summary["failed_files"]) == (40, 1)
    assert sorted(read(tmp_path / "out")) == ["0.parquet", "2.parquet"]


def test_folders_keep_their_shape_and_notes_are_left_out(tmp_path, tiny_folder):
    write(tmp_path / "in" / "x" / "a.csv", table(5))
    write(tmp_path / "in" / "y" / "a.csv", table(5))
    write(tmp_path / "in" / "_notes" / "a.csv", table(5))
    write(tmp_path / "in" / ".hidden.csv", table(5))
    (tmp_path / "in" / "README.md").write_text("x")
    score(tmp_path / "in", tmp_path / "out", tiny_folder, suffix="parquet")
    assert sorted(read(tmp_path / "out")) == ["x/a.parquet", "y/a.parquet"]
    score(str(tmp_path / "in" / "*" / "a.csv"), tmp_path / "two", tiny_folder)
    assert sorted(read(tmp_path / "two")) == ["x/a.csv", "y/a.csv"]
    with pytest.raises(InputError, match="found none"):
        score(str(tmp_path / "in" / "*.jsonl"), tmp_path / "three", tiny_folder)


def test_a_store_that_is_overloaded_costs_its_part_and_the_next_run_does_it(tmp_path, tiny_folder, monkeypatch):
    for i in range(3):
        write(tmp_path / "in" / f"{i}.csv", table(20, i))
    copy = parts.local_copy

    def overloaded(part, system, folder):
        if part.output == "1.csv":
            raise OSError("When reading information for key '1.csv': AWS Error SLOW_DOWN (HTTP status 503)")
        return copy(part, system, folder)

    with monkeypatch.context() as patch:
        patch.setattr("sentiment.score.worker.local_copy", overloaded)
        assert score(tmp_path / "in", tmp_path / "out", tiny_folder)["failed_files"] == 1
    assert "SLOW_DOWN" in (tmp_path / "out" / "errors.jsonl").read_text()
    engine = Here()
    assert score(tmp_path / "in", tmp_path / "out", tiny_folder, engine)["failed_files"] == 0
    assert engine.given == ["1.csv"]
    assert not (tmp_path / "out" / "errors.jsonl").exists()


def test_an_input_that_changes_while_it_is_read_is_not_called_done(tmp_path, tiny_folder, monkeypatch):
    path = write(tmp_path / "in" / "a.csv", table(20, 1))
    score_file = worker.score_file

    def meanwhile(*arguments, **options):
        labels = score_file(*arguments, **options)
        write(path, table(21, 2))
        return labels

    with monkeypatch.context() as patch:
        patch.setattr(worker, "score_file", meanwhile)
        assert score(tmp_path / "in", tmp_path / "out", tiny_folder)["failed_files"] == 1
    assert read(tmp_path / "out") == {}
    assert score(tmp_path / "in", tmp_path / "out", tiny_folder)["rows"] == 21


def test_small_files_together_get_the_bytes_that_each_gets_alone(tmp_path, tiny_folder, monkeypatch):
    for i, rows in enumerate((1, 7, 30, 0, 30)):
        content = table(rows, i % 4)
        texts = pa.array([None if text == "qqq" else text for text in content["text"].to_pylist()], pa.string())
        write(tmp_path / "in" / f"{i}.parquet", content.set_column(1, "text", texts))
    score(tmp_path / "in", tmp_path / "together", tiny_folder)
    monkeypatch.setattr(parts, "FILES_PER_TASK", 1)
    score(tmp_path / "in", tmp_path / "alone", tiny_folder)
    assert read(tmp_path / "together") == read(tmp_path / "alone")
    assert len(read(tmp_path / "alone")) == 5


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("**/*.csv", ["a/b/x.csv", "a/x.csv", "x.csv"]),
        ("a/**", ["a/b/x.csv", "a/x.csv"]),
        ("**/b/*.csv", ["a/b/x.csv"]),
        ("*/*.csv", ["a/x.csv"]),
        ("[x].c?v", ["x.csv"]),
    ],
)
def test_patterns_match_as_in_glob(tmp_path, pattern, found):
    for name in ("x.csv", "a/x.csv", "a/b/x.csv", "_notes/x.csv"):
        write(tmp_path / name, table(1))
    names = [file.path for file in parts.find_inputs([str(tmp_path / pattern)])[1]]
    assert names == [str(tmp_path / name) for name in found]


@pytest.mark.parametrize(
    ("pattern", "output", "refused"),
    [
        ("", "answers", True), ("**/*.csv", "answers", True), ("*/*.csv", "answers", True), ("*.csv", "answers", False),
        ("**/*.csv", "_answers", False),
    ],
)  # fmt: skip
def test_an_output_that_the_next_run_would_read_is_refused(tmp_path, tiny_folder, pattern, output, refused):
    write(tmp_path / "in" / "x" / "a.csv", table(5))
    write(tmp_path / "in" / "a.csv", table(5))
    place = str(tmp_path / "in" / pattern)
    if refused:
        with pytest.raises(InputError, match="is inside the input"):
            score(place, tmp_path / "in" / output, tiny_folder)
    else:
        first = score(place, tmp_path / "in" / output, tiny_folder)
        assert score(place, tmp_path / "in" / output, tiny_folder)["parts_done_before"] == first["parts"]


@pytest.mark.parametrize("place", ["in", os.fsdecode(b"in/b\xff.csv")])
def test_a_name_that_is_not_utf8_is_refused(place, tmp_path, tiny_folder, monkeypatch, capsys):
    write(tmp_path / "in" / "a.csv", table(5)).rename(tmp_path / os.fsdecode(b"in/b\xff.csv"))
    monkeypatch.chdir(tmp_path)
    assert command.main([place, "--output", "out", "--model", str(tiny_folder)]) == 2
    err = capsys.readouterr().err
    assert "expected names of files in UTF-8, received " in err
    assert err.endswith("; rename it\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["in", "--encoding", "foo"], "--encoding foo: not a codec that Python knows"),
        (["in", "--delimiter", "ab"], "--delimiter 'ab': expected one ASCII character, or tab"),
        (["nothing"], "nothing: no such file or folder"),
        (["in", "--address", "foo"], "--address, --patience: have no use without --engine ray"),
        (["in", "--model", "nothing"], "nothing: no model here (/"),
        (["/dev/null"], "/dev/null: expected a file or a folder, received a device or a pipe"),
        (["in", "--engine", "ray", "--address", "127.0.0.1:1"], "--address 127.0.0.1:1: no Ray cluster there"),
    ],
)
def test_mistakes_are_one_line_and_leave_no_folder(options, message, tmp_path, tiny_folder, monkeypatch, capsys):
    write(tmp_path / "in" / "a.csv", table(5))
    monkeypatch.chdir(tmp_path)
    assert command.main(["--output", "out", "--workers", "1", "--model", str(tiny_folder), *options]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"score: error: {message}")
    assert not (tmp_path / "out").exists()
