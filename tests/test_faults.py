"""A stage that is killed leaves whole files; what a stage that fails leaves is in `tests/test_stages.py`."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from pipelines import load
from pipelines.shared import stage
from tests.model_fixture import child_environment, write_corpus, write_inputs


def test_killed_load_leaves_whole_files_and_can_be_run_again(tmp_path):
    inputs = write_inputs(tmp_path / "root")
    options = inputs.options("--corpus", str(inputs.corpus))
    stage.main(load.run, "", load.OPTIONS, options)
    write_corpus(inputs.corpus, [(label, f"{label} tweet {i} of many") for i in range(10_000) for label in "04"])
    command = [sys.executable, "-m", "pipelines.load", *options]
    target = inputs.interim / "tweets.parquet"
    for delay in (0.05, 0.25, 0.45, 0.65):
        process = subprocess.Popen(command, env=child_environment(), stderr=subprocess.DEVNULL)
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not target.exists() or pq.read_metadata(target).num_rows in (480, 20_000)
    stage.main(load.run, "", load.OPTIONS, options)
    assert pq.read_metadata(target).num_rows == 20_000
    assert not list(Path(inputs.interim).glob(".staging-*"))
