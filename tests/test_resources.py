"""A full disk and a short memory: one line, status 2, and what was there before stays. Files larger than memory pass."""

import resource
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from pipelines.shared import stage
from tests.model_fixture import Trained, child_environment, shared_model
from tests.snapshot import all_artefacts


@pytest.fixture
def copy(tmp_path) -> Trained:
    this = replace(shared_model(), root=tmp_path / "root")
    shutil.copytree(shared_model().root, this.root, symlinks=True)
    return this


def limited(command: list[str], kind: int, limit: int) -> subprocess.CompletedProcess:
    """Run a module with a resource limited, as by ``ulimit``."""
    return subprocess.run(
        [sys.executable, "-m", *command],
        env=child_environment() | {"OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(kind, (limit, limit)),
    )


def one_line(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if "error" in line]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize("name", ["load", "preprocess"])
def test_no_room_for_an_artefact(copy, name):
    """Files of more than 1500 bytes cannot be written, whatever library writes them."""
    before = all_artefacts(copy.root)
    more = ["--corpus", str(copy.corpus)] if name == "load" else []
    done = limited([f"pipelines.{name}", *copy.options(*more)], resource.RLIMIT_FSIZE, 1500)
    assert "the disk is full; free some space and run the same command again" in one_line(done)
    assert all_artefacts(copy.root) == before


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_no_room_for_predictions(tmp_path, suffix):
    path, target = tmp_path / "in.csv", tmp_path / f"out{suffix}"
    path.write_text("text\n" + "".join(f"some words x{i * i}\n" for i in range(25_000)))
    target.write_text("earlier")
    command = [
        "sentiment.predict",
        "--model",
        str(shared_model().folder),
        "--input",
        str(path),
        "--output",
        str(target),
        "--force",
    ]
    assert "the disk is full; free some space and run the same command again" in one_line(
        limited(command, resource.RLIMIT_FSIZE, 100_000)
    )
    assert target.read_text() == "earlier"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in.csv", target.name]


def test_too_little_memory(copy, tmp_path):
    """The ids of this corpus take 1 GB, which is not to be had."""
    before = all_artefacts(copy.root)
    options = copy.options("--set", "preprocessing.max_tokens=20000000")
    done = limited(["pipelines.preprocess", *options], resource.RLIMIT_AS, 3 << 30)
    assert "not enough memory" in one_line(done) or "cannot allocate memory" in one_line(done).lower()
    assert all_artefacts(copy.root) == before


def test_arrows_memory_error_is_not_blamed_on_the_file(tmp_path, monkeypatch, capsys):
    import pyarrow as pa

    from sentiment.data import csv_reader as files
    from sentiment.predict import __main__ as predict

    def short(*_: object) -> None:
        raise pa.ArrowMemoryError("malloc of size 4194304 failed")

    (tmp_path / "in.csv").write_text("text\na\n")
    monkeypatch.setattr(files.pa_csv, "read_csv", short)
    arguments = [
        "--model",
        str(shared_model().folder),
        "--input",
        str(tmp_path / "in.csv"),
        "--output",
        str(tmp_path / "o.csv"),
    ]
    assert predict.main(arguments) == 2
    assert capsys.readouterr().err == "predict: error: not enough memory for the model or for one batch of tweets\n"


def test_a_stage_short_of_memory(copy, caplog):
    def body(this: stage.Stage) -> None:
        raise MemoryError

    with pytest.raises(SystemExit) as caught:
        stage.main(body, "", argv=copy.options())
    assert caught.value.code == 2
    assert "not enough memory; lower preprocessing.max_vocabulary" in caplog.records[-1].getMessage()


def test_few_batches_are_in_memory_at_once(tmp_path, monkeypatch):
    """What bounds the memory, whatever the size of the file: reading waits for writing."""
    import pyarrow as pa

    from sentiment.common.parallel import available_cores
    from sentiment.predict import __main__ as predict
    from sentiment.predict import score_file, table_writer

    read, written, ahead = 0, 0, []

    def reading(*_: object):
        nonlocal read
        for _ in range(100):
            read += 1
            ahead.append(read - written)
            yield pa.record_batch({"text": ["some words"]})

    class Writer:
        def __init__(self, *_: object, **__: object) -> None: ...

        def __enter__(self):
            return self

        def __exit__(self, *_: object) -> None: ...

        def write_batch(self, _: object) -> None:
            nonlocal written
            written += 1

    monkeypatch.setattr(score_file, "read_batches", reading)
    monkeypatch.setattr(table_writer.pa_csv, "CSVWriter", Writer)
    arguments = ["--model", str(shared_model().folder), "--input", "in.csv", "--output", str(tmp_path / "out.csv")]
    assert predict.main(arguments) == 0
    assert (read, written) == (100, 100)
    assert max(ahead) <= 2 * available_cores() + 1
