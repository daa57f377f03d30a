"""Measure `sentiment score` by engine, kind of file and number of workers, beside `sentiment predict`.

Seconds are the duration of the whole command. CPU seconds and memory are totals over all its processes.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.bench.timing import Entries, machine, markdown
from pipelines.shared import publishing, stage

if TYPE_CHECKING:
    import pyarrow as pa

_SAMPLING_SECONDS = 0.3
_SMALL_FILES, _SMALL_ROWS = 10_000, 100
SOURCES = ("one.parquet", "one.csv", "many", "small")


def run(this: stage.Stage) -> None:
    """Measure every source with every engine and print one table per source."""
    arguments, entries = this.arguments, {}
    model = ["--model", str(arguments.model or this.places.model)]
    publishing.require(Path(model[1]) / "model.json", "make train")
    texts = _texts(arguments.tweets or this.places.interim / "tweets.parquet")
    sys.stdout.write(f"Measured on {machine()}.\n\n")
    with tempfile.TemporaryDirectory(prefix="sentiment-bench-", dir=arguments.folder) as name:
        folder = Path(name)
        for source in arguments.only:
            rows = _SMALL_FILES * _SMALL_ROWS if source == "small" else arguments.rows
            write_source(folder / source, texts, rows)
            entries = _measured(folder, source, rows, arguments, model)
            sys.stdout.write(markdown(f"{source}, {rows:,} tweets", entries) + "\n")


def _texts(path: Path) -> "pa.Array":
    import pyarrow.parquet as pq

    return pq.read_table(publishing.require(path, "make preprocess"), columns=["text"]).column("text").combine_chunks()


def write_source(path: Path, texts: "pa.Array", rows: int) -> None:
    """Write ``rows`` shuffled tweets to ``path``: one Parquet file or CSV, or a folder of Parquet files.

    A folder called ``small`` gets files of 100 tweets each, any other folder 32 files.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    random, count = np.random.default_rng(1), len(texts)
    order = np.concatenate([random.permutation(count) for _ in range(-(-rows // count))])[:rows]
    table = pa.table({"id": np.arange(rows), "text": texts.take(pa.array(order))})
    if path.suffix == ".csv":
        pa_csv.write_csv(table, path)
    elif path.suffix == ".parquet":
        pq.write_table(table, path)
    else:
        path.mkdir()
        size = _SMALL_ROWS if path.name == "small" else -(-rows // 32)
        for i, start in enumerate(range(0, rows, size)):
            pq.write_table(table.slice(start, size), path / f"{i:05d}.parquet")


def _measured(folder: Path, source: str, rows: int, arguments: argparse.Namespace, model: list[str]) -> Entries:
    """Measure time, speed, CPU and memory of `predict` (if there is one file) and of `score` with each engine."""
    entries: Entries = {}
    if "." in source:
        answers = ["--output", str(folder / f"predicted-{source}")]
        entries["predict"] = watch(["predict", "--input", str(folder / source), *answers, *model])
    for engine in arguments.engines:
        for workers in sorted({1, arguments.workers}):
            output = folder / f"{source}-{engine}-{workers}"
            options = ["--output", str(output), "--engine", engine, "--workers", str(workers)]
            entries[f"score, {engine}, {workers} workers"] = watch(["score", str(folder / source), *options, *model])
    return {name: each | {"tweets_per_second": rows / each["seconds"]} for name, each in entries.items()}


def watch(arguments: list[str]) -> dict[str, float]:
    """Run `sentiment`, and return its duration, and CPU seconds and peak MiB of all its processes together."""
    import psutil

    begun = time.monotonic()
    command = subprocess.Popen([sys.executable, "-m", "sentiment", *arguments])
    cpu: dict[int, float] = {}
    most = 0.0
    while command.poll() is None:
        memory = 0.0
        for process in _family(command.pid):
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


def _family(pid: int) -> list:
    import psutil

    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--rows", type=int, default=3_100_000, help="tweets (default: 3100000)")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--engines", nargs="+", default=["local", "ray"], choices=("local", "ray"))
    parser.add_argument("--only", nargs="+", default=list(SOURCES), choices=SOURCES, help="sources (default: all)")
    parser.add_argument("--model", type=Path, help="model folder (default: the profile's)")
    parser.add_argument("--tweets", type=Path, help="Parquet file with a column text (default: the profile's)")
    parser.add_argument("--folder", type=Path, help="where inputs and answers are put meanwhile")


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
