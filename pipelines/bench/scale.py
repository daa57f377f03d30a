"""Measure `sentiment score` by engine (local processes or Ray), kind of file and number of workers.

`sentiment predict` is measured too. Seconds are the duration of the whole command. CPU seconds and memory are totals
over all its processes.
"""

import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from pipelines.bench.timing import Entries, family, machine, markdown
from pipelines.shared import publishing, stage

_SAMPLING_SECONDS = 0.3
_SOURCES = {"one.parquet": 3_100_000, "one.csv": 3_100_000, "many": 3_100_000, "small": 1_000_000}  # tweets


def run(this: stage.Stage) -> None:
    """Measure every engine on each source (a kind and number of input files), and print one table per source."""
    publishing.require(this.places.model / "model.json")
    tweets = publishing.require(this.places.interim / "tweets.parquet")
    texts = pq.read_table(tweets, columns=["text"]).column("text").combine_chunks()
    sys.stdout.write(f"Measured on {machine()}.\n\n")
    with tempfile.TemporaryDirectory(prefix="sentiment-bench-") as name:
        for source, rows in _SOURCES.items():
            write_source(Path(name) / source, texts, rows)
            entries = _measured(Path(name) / source, ["--model", str(this.places.model)])
            entries = {key: each | {"tweets_per_second": rows / each["seconds"]} for key, each in entries.items()}
            sys.stdout.write(markdown(f"{source}, {rows:,} tweets", entries) + "\n")


def write_source(path: Path, texts: pa.Array, rows: int) -> None:
    """Write ``rows`` shuffled tweets to ``path``: one Parquet file or CSV, or a folder of Parquet files.

    The suffix decides which. The folder ``small`` gets files of 100 tweets each, any other folder 32 files.
    """
    random, count = np.random.default_rng(1), len(texts)
    order = np.concatenate([random.permutation(count) for _ in range(-(-rows // count))])[:rows]
    table = pa.table({"id": np.arange(rows), "text": texts.take(pa.array(order))})
    if path.suffix == ".csv":
        pa_csv.write_csv(table, path)
    elif path.suffix == ".parquet":
        pq.write_table(table, path)
    else:
        path.mkdir()
        size = 100 if path.name == "small" else -(-rows // 32)
        for i, start in enumerate(range(0, rows, size)):
            pq.write_table(table.slice(start, size), path / f"{i:05d}.parquet")


def _measured(source: Path, model: list[str]) -> Entries:
    """Measure time and memory of `score` with local processes and with Ray, and of `predict` if there is one file."""
    entries: Entries = {}
    if source.suffix:
        answers = source.with_name(f"predicted-{source.name}")
        entries["predict"] = watch(["predict", "--input", str(source), "--output", str(answers), *model])
    for engine, workers in itertools.product(("local", "ray"), (1, 2)):
        output = source.with_name(f"{source.name}-{engine}-{workers}")
        options = ["--output", str(output), "--engine", engine, "--workers", str(workers)]
        entries[f"score, {engine}, {workers} workers"] = watch(["score", str(source), *options, *model])
    return entries


def watch(arguments: list[str]) -> dict[str, float]:
    """Run `sentiment`, and return its duration, and CPU seconds and peak MiB of all its processes together."""
    import psutil

    begun = time.monotonic()
    command = subprocess.Popen([sys.executable, "-m", "sentiment", *arguments])
    cpu: dict[int, float] = {}
    most = 0.0
    while command.poll() is None:
        memory = 0.0
        for process in family(command.pid):
            try:
                times = process.cpu_times()
                memory += process.memory_full_info().pss / 2**20
            except psutil.Error:
                continue  # the process has ended
            cpu[process.pid] = times.user + times.system
        most = max(most, memory)
        time.sleep(_SAMPLING_SECONDS)
    seconds = time.monotonic() - begun
    return {"seconds": seconds, "CPU_seconds": sum(cpu.values()), "MiB": most, "status": command.returncode}


if __name__ == "__main__":
    stage.main(run, __doc__)
