"""Scoring many files: engines, file sizes and counts against one `predict`, with the memory of all processes.

Seconds are those of the work, from the plan to the summary; what an engine takes to start is a column of its own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.shared import publishing, stage

if TYPE_CHECKING:
    import pyarrow as pa

FILES, SMALL_FILES, SMALL_ROWS, DAMAGED = 32, 10_000, 100, 10
_PART_OF_ROWS = 4  # memory is measured at this share of the rows too
_SAMPLING_SECONDS = 0.2
_TICKS = os.sysconf("SC_CLK_TCK")
SECTIONS = ("files", "parquet", "csv", "memory", "small", "workers", "damaged")


@dataclass(frozen=True, slots=True)
class Run:
    """One command: ``seconds`` as it counts them itself; ``wall`` with its start; CPU seconds; MiB of all processes."""

    wall: float
    seconds: float
    cpu: float
    mib: float
    status: int


def run(this: stage.Stage) -> None:
    """Measure the sections asked for and print them as tables."""
    model = this.arguments.model or this.places.model
    publishing.require(model / "model.json", "make train")
    with tempfile.TemporaryDirectory(prefix="sentiment-bench-", dir=this.arguments.folder) as name:
        bench = Bench(Path(name), model, this.arguments.workers, this.arguments.engines)
        bench.make(_texts(this), this.arguments.rows, this.arguments.only)
        for section in this.arguments.only:
            sys.stdout.write(f"\n{section}, {this.arguments.rows:,} tweets, {this.arguments.workers} workers\n\n")
            sys.stdout.write(
                "| what | seconds | start | CPU s | MiB, all processes | of predict |\n|---|--:|--:|--:|--:|--:|\n"
            )
            getattr(bench, section)()
            sys.stdout.flush()


def _texts(this: stage.Stage) -> "pa.Array":
    import pyarrow.parquet as pq

    path = publishing.require(this.arguments.tweets or this.places.interim / "tweets.parquet", "make preprocess")
    return pq.read_table(path, columns=["text"]).column("text").combine_chunks()


class Bench:
    """Inputs below ``folder``, and a method a section."""

    def __init__(self, folder: Path, model: Path, workers: int, engines: list[str]) -> None:
        self.folder, self.model, self.most, self.engines = folder, model, workers, engines
        self.rows = self.number = 0

    def make(self, texts: "pa.Array", rows: int, sections: list[str]) -> None:
        """The same tweets, shuffled, as files of every kind that the ``sections`` need."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.csv as pa_csv
        import pyarrow.parquet as pq

        self.rows, random = rows, np.random.default_rng(1)
        order = np.concatenate([random.permutation(len(texts)) for _ in range(-(-rows // len(texts)))])[:rows]
        whole = pa.table({"id": np.arange(rows), "text": texts.take(pa.array(order))})
        pq.write_table(whole, self.folder / "one.parquet")
        if "csv" in sections:
            pa_csv.write_csv(whole, self.folder / "one.csv")
        counts = {"many": (FILES, rows), "few": (FILES // _PART_OF_ROWS, rows // _PART_OF_ROWS)}
        counts |= {"small": (SMALL_FILES, SMALL_FILES * SMALL_ROWS), "damaged": (1000, 100_000)}
        for name, (files, total) in counts.items():
            (self.folder / name).mkdir()
            if name in ("many", "few") or name in sections:
                for i in range(files):
                    per = total // files
                    pq.write_table(whole.slice(i * per % rows, per), self.folder / name / f"{i:05d}.parquet")

    def files(self) -> None:
        """As many tweets as in the single file, in 32."""
        one = self._predict("one.parquet")
        for engine in self.engines:
            self._score("many", engine, of=one)

    def parquet(self) -> None:
        """One large Parquet file."""
        one = self._predict("one.parquet")
        for engine in self.engines:
            self._score("one.parquet", engine, of=one)

    def csv(self) -> None:
        """One large CSV."""
        one = self._predict("one.csv")
        for engine in self.engines:
            self._score("one.csv", engine, of=one)

    def memory(self) -> None:
        """A quarter of the tweets, and all."""
        for engine in self.engines:
            few, many = self._score("few", engine), self._score("many", engine)
            sys.stdout.write(
                f"\n{engine}: {100 * (many.mib / few.mib - 1):+.1f}% memory at {_PART_OF_ROWS} times the rows\n"
            )

    def small(self) -> None:
        """Ten thousand small files, against as many tweets in 32."""
        for engine in self.engines:
            small, many = self._score("small", engine), self._score("many", engine)
            beyond = small.seconds - many.seconds * SMALL_FILES * SMALL_ROWS / self.rows
            sys.stdout.write(f"\n{engine}: {1000 * beyond / SMALL_FILES:.2f} ms a file beyond scoring\n")

    def workers(self) -> None:
        """One worker, and as many as asked for."""
        for engine in self.engines:
            for count in sorted({1, self.most}):
                self._score("many", engine, workers=count)

    def damaged(self) -> None:
        """Ten files of a thousand are cut short."""
        for path in sorted((self.folder / "damaged").iterdir())[: DAMAGED * 100 : 100]:
            path.write_bytes(path.read_bytes()[:-20])
        for engine in self.engines:
            done = self._score("damaged", engine)
            output = self.folder / f"answers-{self.number}"
            listed = len((output / "errors.jsonl").read_text().splitlines())
            right = len(list(output.glob("*.parquet")))
            sys.stdout.write(f"\n{engine}: {right} files right, {listed} listed, status {done.status}\n")

    def _predict(self, source: str) -> Run:
        target = self.folder / f"predicted-{source}"
        target.unlink(missing_ok=True)
        command = ["predict", "--input", str(self.folder / source), "--output", str(target), "--model", str(self.model)]
        return self._report(f"predict, {source}", _watched(command))

    def _score(self, source: str, engine: str, of: Run | None = None, workers: int = 0) -> Run:
        self.number += 1
        output, workers = self.folder / f"answers-{self.number}", workers or self.most
        command = ["score", str(self.folder / source), "--output", str(output), "--model", str(self.model)]
        done = _watched([*command, "--engine", engine, "--workers", str(workers)])
        seconds = float(publishing.read_json(output / "summary.json", "make bench-scale")["seconds"])
        return self._report(f"{engine}, {workers} workers, {source}", Run(done.wall, seconds, *_rest(done)), of)

    @staticmethod
    def _report(name: str, done: Run, of: Run | None = None) -> Run:
        ratio = f"{of.seconds / done.seconds:.2f} x, CPU {done.cpu / of.cpu:.2f} x" if of else ""
        start = done.wall - done.seconds
        sys.stdout.write(f"| {name} | {done.seconds:.1f} | {start:.1f} | {done.cpu:.1f} | {done.mib:.0f} | {ratio} |\n")
        sys.stdout.flush()
        return done


def _rest(done: Run) -> tuple[float, float, int]:
    return done.cpu, done.mib, done.status


def _watched(arguments: list[str]) -> Run:
    """Run our command; CPU and memory (each process's share of common pages) are of all its descendants."""
    begun = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "sentiment", *arguments])  # what it says is worth reading
    cpu: dict[int, float] = {}
    most = 0.0
    while process.poll() is None:
        memory = 0.0
        for pid in [process.pid, *_descendants(process.pid)]:
            cpu[pid] = max(cpu.get(pid, 0.0), _cpu_seconds(pid))
            memory += _mib(pid)
        most = max(most, memory)
        time.sleep(_SAMPLING_SECONDS)
    wall = time.monotonic() - begun
    return Run(wall, wall, sum(cpu.values()), most, process.returncode)


def _descendants(pid: int) -> Iterator[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in map(int, children):
        yield child
        yield from _descendants(child)


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("--rows", type=int, default=3_100_000, help="tweets (default: 3100000)")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--engines", nargs="+", default=["local", "ray"], choices=("local", "ray"))
    parser.add_argument("--only", nargs="+", default=list(SECTIONS), choices=SECTIONS, help="sections (default: all)")
    parser.add_argument("--model", type=Path, help="model folder (default: the profile's)")
    parser.add_argument("--tweets", type=Path, help="Parquet file with a column text (default: the profile's)")
    parser.add_argument("--folder", type=Path, help="where inputs and answers are put meanwhile")


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
