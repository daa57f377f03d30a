"""Scoring many files: engines, file sizes and counts against one `predict`, with the memory of all processes.

Seconds are those of the work, from the plan to the summary; what an engine takes to start is a column of its own, and
the CPU of its start, found with a single tweet, is left out of the comparison.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.bench.processes import Watched, watched
from pipelines.bench.ray_nodes import nodes
from pipelines.shared import publishing, stage

if TYPE_CHECKING:
    import pyarrow as pa

SMALL_FILES, SMALL_ROWS, DAMAGED_FILES, DAMAGED, SEVERAL = 10_000, 100, 1000, 10, 64
_PART_OF_ROWS = 4  # memory is measured at this share of the rows too
_NODES = (1, 2, 4)
_BILLION, _SECONDS_AN_HOUR, _GB = 1_000_000_000, 3600, 1_000_000_000
SECTIONS = ("files", "parquet", "csv", "memory", "small", "counts", "workers", "nodes", "damaged")


@dataclass(frozen=True, slots=True)
class Run:
    """One command: ``seconds`` as it counts them itself, what was seen from outside, and the CPU of a single tweet."""

    seconds: float
    seen: Watched
    fixed: float
    output: Path

    @property
    def cpu(self) -> float:
        """CPU seconds beyond those of the start."""
        return self.seen.cpu - self.fixed


def run(this: stage.Stage) -> None:
    """Measure the sections asked for and print them as tables."""
    model = this.arguments.model or this.places.model
    publishing.require(model / "model.json", "make train")
    with tempfile.TemporaryDirectory(prefix="sentiment-bench-", dir=this.arguments.folder) as name:
        inputs = Inputs(Path(name), _texts(this), this.arguments.rows)
        bench = Bench(inputs, model, this.arguments.workers, this.arguments.engines)
        for section in this.arguments.only:
            _write(f"\n{section}, {this.arguments.rows:,} tweets, {this.arguments.workers} workers\n\n")
            _write("| what | seconds | start | CPU s | of it start | MiB, all processes |\n|---|--:|--:|--:|--:|--:|\n")
            found = list(getattr(bench, section)())
            _write("\n" + "".join(f"{line}\n" for line in found))


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _texts(this: stage.Stage) -> "pa.Array":
    import pyarrow.parquet as pq

    path = publishing.require(this.arguments.tweets or this.places.interim / "tweets.parquet", "make preprocess")
    return pq.read_table(path, columns=["text"]).column("text").combine_chunks()


class Inputs:
    """The same tweets, shuffled, as files of every kind, made when they are asked for."""

    def __init__(self, folder: Path, texts: "pa.Array", rows: int) -> None:
        self.folder, self.texts, self.rows = folder, texts, rows
        small = SMALL_FILES * SMALL_ROWS
        self.kinds = {
            "tweet": (1, 1), "one": (1, rows), "many": (32, rows), "few": (32 // _PART_OF_ROWS, rows // _PART_OF_ROWS),
            "small": (SMALL_FILES, small), "several": (SEVERAL, small), "single": (1, small),
            "damaged": (DAMAGED_FILES, DAMAGED_FILES * SMALL_ROWS),
        }  # fmt: skip

    def __call__(self, name: str) -> Path:
        """The only file, or else the folder, of one of the ``kinds``, or a CSV for ``csv``."""
        path = self.folder / name
        if name == "csv":
            return self._csv()
        if not path.exists():
            path.mkdir()
            for i, table in enumerate(self._tables(*self.kinds[name])):
                _write_parquet(table, path / f"{i:05d}.parquet")
            if name == "damaged":
                _cut_some_short(path)
        return path / "00000.parquet" if self.kinds[name][0] == 1 else path

    def _csv(self) -> Path:
        import pyarrow.csv as pa_csv

        path = self.folder / "one.csv"
        if not path.exists():
            pa_csv.write_csv(next(self._tables(1, self.rows)), path)
        return path

    def _tables(self, files: int, rows: int) -> Iterator["pa.Table"]:
        import numpy as np
        import pyarrow as pa

        random, count = np.random.default_rng(1), len(self.texts)
        order = np.concatenate([random.permutation(count) for _ in range(-(-rows // count))])[:rows]
        whole = pa.table({"id": np.arange(rows), "text": self.texts.take(pa.array(order))})
        for i in range(files):
            yield whole.slice(i * (rows // files), rows // files)


def _write_parquet(table: "pa.Table", path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, path)


def _cut_some_short(folder: Path) -> None:
    for path in sorted(folder.iterdir())[:: DAMAGED_FILES // DAMAGED]:
        path.write_bytes(path.read_bytes()[:-20])


class Bench:
    """A method a section, which tells what follows from its rows; a run that two of them need is done once."""

    def __init__(self, inputs: Inputs, model: Path, workers: int, engines: list[str]) -> None:
        self.inputs, self.model, self.most, self.engines = inputs, model, workers, engines
        self.number = 0
        self.starts: dict[str, float] = {}
        self.done: dict[tuple[str, str, int], Run] = {}

    def files(self) -> Iterator[str]:
        """As many tweets as in the single file, in 32; and what a billion would take."""
        yield from self._against("one", "many")
        for engine in self.engines:
            yield self._cost(engine, self._score("many", engine))

    def parquet(self) -> Iterator[str]:
        """One large Parquet file."""
        yield from self._against("one", "one")

    def csv(self) -> Iterator[str]:
        """One large CSV."""
        yield from self._against("csv", "csv")

    def memory(self) -> Iterator[str]:
        """A quarter of the tweets, and all."""
        for engine in self.engines:
            few, many = self._score("few", engine).seen, self._score("many", engine).seen
            more = 100 * (many.mib / few.mib - 1)
            yield f"{engine}: {more:+.1f}% memory at {_PART_OF_ROWS} times the rows"

    def small(self) -> Iterator[str]:
        """Ten thousand small files, against as many tweets in the share of 32."""
        for engine in self.engines:
            small, many = self._score("small", engine), self._score("many", engine)
            beyond = small.seconds - many.seconds * SMALL_FILES * SMALL_ROWS / self.inputs.rows
            yield f"{engine}: {1000 * beyond / SMALL_FILES:.2f} ms a file beyond scoring"

    def counts(self) -> Iterator[str]:
        """The same million tweets in one file, in several, and in ten thousand."""
        for engine in self.engines:
            for name in ("single", "several", "small"):
                rows, seconds = SMALL_FILES * SMALL_ROWS, self._score(name, engine).seconds
                yield f"{engine}: {self.inputs.kinds[name][0]:,} files, {rows / seconds:,.0f} tweets/s"

    def workers(self) -> Iterator[str]:
        """One worker, and as many as asked for."""
        for engine in self.engines:
            for count in sorted({1, self.most}):
                yield self._rate(f"{engine}, {count} workers", self._score("many", engine, workers=count))

    def nodes(self) -> Iterator[str]:
        """Ray nodes of one core each, all on this machine; what they themselves take is not in CPU and memory."""
        for count in _NODES:
            with nodes(count) as address:
                yield self._rate(f"{count} nodes", self._run(f"{count} Ray nodes", "many", ["--address", address]))

    def damaged(self) -> Iterator[str]:
        """Ten files of a thousand are cut short."""
        for engine in self.engines:
            done = self._score("damaged", engine)
            listed = len((done.output / "errors.jsonl").read_text().splitlines())
            right = len(list(done.output.glob("*.parquet")))
            yield f"{engine}: {right} files right, {listed} listed, status {done.seen.status}"

    def _against(self, alone: str, parts: str) -> Iterator[str]:
        one = self._predict(alone)
        for engine in self.engines:
            many = self._score(parts, engine)
            yield f"{engine}: {one.seconds / many.seconds:.2f} x of its speed, {many.cpu / one.cpu:.2f} x its CPU"

    def _rate(self, name: str, done: Run) -> str:
        return f"{name}: {self.inputs.rows / done.seconds:,.0f} tweets/s"

    def _cost(self, engine: str, done: Run) -> str:
        times = _BILLION / self.inputs.rows
        read, written = _size(self.inputs("many")), _size(done.output)
        return (
            f"{engine}, a billion tweets: {done.cpu * times / _SECONDS_AN_HOUR:.2f} core-hours, "
            f"{read * times / _GB:.0f} GB read, {written * times / _GB:.0f} GB written"
        )

    def _predict(self, source: str) -> Run:
        """One process on all cores."""
        if ("predict", source, 0) not in self.done:
            fixed = self._start("predict") if source != "tweet" else 0.0
            target = self.inputs.folder / f"predicted-{source}{self.inputs(source).suffix}"
            target.unlink(missing_ok=True)
            seen = self._watched("predict", ["--input", str(self.inputs(source)), "--output", str(target)])
            self.done["predict", source, 0] = _reported(f"predict, {source}", Run(seen.wall, seen, fixed, target))
        return self.done["predict", source, 0]

    def _score(self, source: str, engine: str, workers: int = 0) -> Run:
        workers = workers or self.most
        if (engine, source, workers) not in self.done:
            options = ["--engine", engine, "--workers", str(workers)]
            fixed = self._start(engine) if source != "tweet" else 0.0
            self.done[engine, source, workers] = self._run(f"{engine}, {workers} workers", source, options, fixed)
        return self.done[engine, source, workers]

    def _run(self, name: str, source: str, options: list[str], fixed: float = 0.0) -> Run:
        self.number += 1
        output = self.inputs.folder / f"answers-{self.number}"
        if "--address" in options:
            options = ["--engine", "ray", *options]
        seen = self._watched("score", [str(self.inputs(source)), "--output", str(output), *options])
        seconds = float(publishing.read_json(output / "summary.json", "make bench-scale")["seconds"])
        return _reported(f"{name}, {source}", Run(seconds, seen, fixed, output))

    def _start(self, command: str) -> float:
        """CPU seconds that go by with a single tweet."""
        if command not in self.starts:
            one = self._predict("tweet") if command == "predict" else self._score("tweet", command)
            self.starts[command] = one.seen.cpu
        return self.starts[command]

    def _watched(self, command: str, arguments: list[str]) -> Watched:
        return watched([sys.executable, "-m", "sentiment", command, *arguments, "--model", str(self.model)])


def _reported(name: str, done: Run) -> Run:
    seen = done.seen
    _write(
        f"| {name} | {done.seconds:.1f} | {seen.wall - done.seconds:.1f} | {seen.cpu:.1f} | {done.fixed:.1f} "
        f"| {seen.mib:.0f} |\n"
    )
    return done


def _size(place: Path) -> int:
    return sum(path.stat().st_size for path in place.glob("*.parquet"))


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
