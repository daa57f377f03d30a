"""A full disk and a short memory: one line, status 2, and what was there before stays. Files larger than memory pass."""

import contextlib
import os
import resource
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pytest

from pipelines import load, preprocess
from pipelines.shared import stage
from sentiment.common.parallel import available_cores
from sentiment.common.stores import open_store
from sentiment.data import csv_reader
from sentiment.predict import __main__ as predict
from sentiment.predict import score_file, table_writer
from tests.model_fixture import Trained, copied, run_child, shared_model
from tests.snapshot import all_artefacts


@pytest.fixture
def copy(tmp_path) -> Trained:
    return copied(tmp_path / "root")


@contextlib.contextmanager
def limited(kind: int, limit: int):
    """Limit a resource of this process, as by ``ulimit``."""
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


def refusal(module: ModuleType, options: list[str], caplog) -> str:
    """The one error of a stage that ends with status 2."""
    caplog.clear()
    with pytest.raises(SystemExit, match="^2$"):
        stage.main(module.run, "", module.OPTIONS, options)
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    return line


@pytest.mark.parametrize("module", [load, preprocess])
def test_no_room_for_an_artefact(copy, module, caplog):
    """Files of more than 1500 bytes cannot be written, whatever library writes them."""
    before = all_artefacts(copy.root)
    more = ["--corpus", str(copy.corpus)] if module is load else []
    with limited(resource.RLIMIT_FSIZE, 1500):
        said = refusal(module, copy.options(*more), caplog)
    assert "the disk is full; free some space and run the same command again" in said
    assert all_artefacts(copy.root) == before


def test_no_room_for_a_file_of_a_folder(tmp_path):
    with limited(resource.RLIMIT_FSIZE, 1500), pytest.raises(OSError, match="too large"):
        open_store(str(tmp_path)).write("big", b"x" * 2000)
    assert not list(tmp_path.iterdir())


def predict_file(source: Path, target: Path) -> int:
    places = ["--input", str(source), "--output", str(target), "--force"]
    return predict.main(["--model", str(shared_model().folder), *places])


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_no_room_for_predictions(tmp_path, suffix, capsys):
    path, target = tmp_path / "in.csv", tmp_path / f"out{suffix}"
    path.write_text("text\n" + "".join(f"some words x{i * i}\n" for i in range(25_000)))
    target.write_text("earlier")
    with limited(resource.RLIMIT_FSIZE, 100_000):
        assert predict_file(path, target) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "the disk is full; free some space and run the same command again" in line
    assert target.read_text() == "earlier"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in.csv", target.name]


def test_too_little_memory(copy, caplog):
    """The ids of this corpus take 8 GB, which is not to be had."""
    before, pages = all_artefacts(copy.root), int(Path("/proc/self/statm").read_text().split()[0])
    with limited(resource.RLIMIT_AS, pages * resource.getpagesize() + (2 << 30)):
        said = refusal(preprocess, copy.options("--set", "preprocessing.max_tokens=20000000"), caplog)
    assert "not enough memory" in said or "cannot allocate memory" in said.lower()
    assert all_artefacts(copy.root) == before


def test_arrows_memory_error_is_not_blamed_on_the_file(tmp_path, monkeypatch, capsys):
    def short(*_: object) -> None:
        raise pa.ArrowMemoryError("malloc of size 4194304 failed")

    (tmp_path / "in.csv").write_text("text\na\n")
    monkeypatch.setattr(csv_reader.pa_csv, "read_csv", short)
    assert predict_file(tmp_path / "in.csv", tmp_path / "o.csv") == 2
    assert capsys.readouterr().err == "predict: error: not enough memory for the model or for one batch of tweets\n"


KEEPS = """
import os, resource, sys
import numpy as np
import sentiment

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(20 << 20, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

sentiment.load(sys.argv[1]).predict_proba(["a tweet"] * 200)
faults()
print(faults() < 100, os.confstr("CS_GNU_LIBC_VERSION"))
"""


@pytest.mark.skipif("CS_GNU_LIBC_VERSION" not in os.confstr_names, reason="only glibc's allocator is meant")
def test_the_memory_of_a_batch_is_kept_for_the_next_one():
    """The system need not fill 5,000 pages with zeros again."""
    assert run_child("-c", KEEPS, shared_model().folder).stdout.startswith("True glibc")


def test_few_batches_are_in_memory_at_once(tmp_path, monkeypatch):
    """What bounds the memory, whatever the size of the file: reading waits for writing."""
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
    assert predict_file(Path("in.csv"), tmp_path / "out.csv") == 0
    assert (read, written) == (100, 100)
    assert max(ahead) <= 2 * available_cores() + 1
