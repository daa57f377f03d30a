"""A stage that fails or is killed leaves what was there, and says why in one line.

The refusals of load, preprocess and embed are in `tests/test_stages.py`.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines import load
from pipelines import settings_stamp as settings
from pipelines.shared import stage
from tests.model_fixture import SETTINGS, Trained, child_environment, write_corpus, write_inputs


def run(module, this: Trained, *more: str, options=SETTINGS) -> None:
    stage.main(module.run, str(module.__doc__), getattr(module, "OPTIONS", {}), this.options(*more, settings=options))


@pytest.fixture
def inputs(tmp_path) -> Trained:
    return write_inputs(tmp_path / "root")


def test_settings_file_changes_only_with_its_own_sections(inputs):
    path = inputs.interim / "settings" / "preprocess.json"

    def written(*options: str) -> str:
        run(settings, inputs, "preprocess", "--inputs", "a.csv", "b.txt", options=options)
        return path.read_text()

    first = written()
    old = path.stat().st_mtime_ns
    assert written("training.epochs=3", "network.units=9") == first
    assert path.stat().st_mtime_ns == old
    assert written("preprocessing.max_tokens=9") != first


def test_killed_load_leaves_whole_files_and_can_be_run_again(inputs):
    run(load, inputs, "--corpus", str(inputs.corpus))
    write_corpus(inputs.corpus, [(label, f"{label} tweet {i} of many") for i in range(10_000) for label in "04"])
    command = [sys.executable, "-m", "pipelines.load", *inputs.options("--corpus", str(inputs.corpus))]
    target = inputs.interim / "tweets.parquet"
    for delay in (0.05, 0.25, 0.45, 0.65):
        process = subprocess.Popen(command, env=child_environment(), stderr=subprocess.DEVNULL)
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not target.exists() or pq.read_metadata(target).num_rows in (480, 20_000)
    run(load, inputs, "--corpus", str(inputs.corpus))
    assert pq.read_metadata(target).num_rows == 20_000
    assert not list(Path(inputs.interim).glob(".staging-*"))
