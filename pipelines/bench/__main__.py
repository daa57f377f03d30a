"""Compare speed, memory and size with other libraries, and write `models/bench.json` and `models/bench.md`.

Each section runs in a process of its own. Prediction is measured on one core and on all cores.
"""

import argparse
import csv
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pipelines.bench import contenders
from pipelines.bench.contenders import FASTTEXT, Material
from pipelines.bench.sizes import measure_sizes
from pipelines.bench.timing import (
    TURNS,
    Entries,
    in_own_process,
    machine,
    markdown,
    peak_mib,
    run_process,
    time_in_turn,
)
from pipelines.shared import publishing, stage

SECTIONS = (*contenders.CONTENDERS, "size", "cold start", "growth")
_GROWTH = (20_000, 200_000, 1_600_000)
_ALONE_ROWS = 20_000
_ROWS_COMPARED = 2_000
_TOLERANCE = 1e-5


def run(this: stage.Stage) -> None:
    """Measure the sections in ``--only``, and write the figures as JSON and as Markdown tables."""
    sections: dict[str, Entries] = {}
    for title, function, *arguments in _sections(Material(this.places, this.places.model), this.arguments):
        stage.log.info("measuring: %s", title)
        sections[title] = in_own_process(function, *arguments)
    report = {"machine": machine(), "sections": sections}
    tables = "\n".join(markdown(title, entries) for title, entries in sections.items())
    text = f"Measured on {report['machine']}; medians.\n\n{tables}"
    publishing.write_json(this.places.root / "models" / "bench.json", report)
    publishing.write_text(this.places.root / "models" / "bench.md", text)
    sys.stdout.write(text)


def _sections(material: Material, asked: argparse.Namespace) -> Iterator[tuple]:
    """Yield the title of each section, the function that measures it, and the arguments of the function."""
    yield from ((name, measure, name, material) for name in contenders.CONTENDERS if name in asked.only)
    if "size" in asked.only:
        yield "size", measure_sizes, material
    if "prediction" in asked.only:
        yield "prediction on one core", measure, "prediction", material, 1
        if asked.tweets:
            second = replace(material, tweets=asked.tweets, folder=Path(asked.tweets_model or material.folder))
            name = Path(asked.tweets.partition(":")[2] or asked.tweets).name
            yield f"prediction of {name}", measure, "prediction", second
    if "cold start" in asked.only:
        yield "cold start", _cold_start, material.folder
    if "growth" in asked.only:
        yield "growth", _growth, material


def measure(section: str, material: Material, cores: int = 0) -> Entries:
    """Measure the speed of each contender on ``cores`` processor cores of this process; 0 uses all.

    If all cores are used, the peak memory of each contender is measured too. It runs alone for that.
    """
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    if section == "prediction":
        check_forms(material)
    base = contenders.AGAINST.get(section)
    work = {name: make(material) for name, make in contenders.CONTENDERS[section].items()}
    entries: Entries = {}
    for name, seconds in time_in_turn(work).items():
        entries[name] = {"ms": 1000 * seconds, "tweets_per_second": work[name].tweets / seconds}
    for name, entry in entries.items() if base else ():
        entry["ratio"] = entry["tweets_per_second"] / entries[str(base)]["tweets_per_second"]
        if not cores:
            entry["peak_mib"] = in_own_process(_peak_alone, section, name, replace(material, rows=_ALONE_ROWS))
    if FASTTEXT in entries:
        rate = entries[FASTTEXT]["tweets_per_second"]
        entries = {name: each | {"times_fastText": each["tweets_per_second"] / rate} for name, each in entries.items()}
    return entries


def _peak_alone(section: str, name: str, material: Material) -> float:
    """Run one contender once; return the peak memory of this process in MiB."""
    contenders.CONTENDERS[section][name](material).run()
    return peak_mib()


def check_forms(material: Material) -> None:
    """Check that NumPy inference and the SavedModel give the same probabilities, before their speed is compared.

    Raises:
        AssertionError: the probabilities differ by more than 1e-5.
    """
    import numpy as np

    few = material.texts[:_ROWS_COMPARED]
    ours, saved = (make(material)(few) for make in list(contenders.ANSWERS.values())[:2])
    difference = float(np.abs(ours - saved).max())
    if not difference <= _TOLERANCE:
        raise AssertionError(f"the SavedModel's answers differ from those of NumPy inference by {difference:.2g}")


def _cold_start(folder: Path) -> Entries:
    """Measure time and memory of processes that start and label one tweet, and of a process that imports NumPy."""
    tensorflow = (
        "import tensorflow as tf; "
        f"f = tf.saved_model.load({str(folder / 'saved_model' / '1')!r}).signatures['serving_default']; "
        "print(f(text=tf.constant(['I love this'])))"
    )
    commands = {
        "import numpy": ["-c", "import numpy"],
        "ours, sentiment predict": ["-m", "sentiment", "predict", "--model", str(folder), "I love this"],
        "ours, SavedModel in TensorFlow": ["-c", tensorflow],
    }
    entries = {}
    for name, command in commands.items():
        done = [run_process(command) for _ in range(TURNS + 1)][1:]
        seconds, peak = statistics.median(each["seconds"] for each in done), max(each["peak_mib"] for each in done)
        entries[name] = {"seconds": seconds, "peak_mib": peak}
    return entries


def _growth(material: Material) -> Entries:
    """Measure time and memory of `load` and `preprocess` together, for corpora of different numbers of tweets."""
    entries = {}
    with tempfile.TemporaryDirectory() as folder:
        for rows in _GROWTH:
            corpus = Path(folder) / "corpus.csv"
            _write_corpus(corpus, material.texts, rows)
            common = ["--profile", "sentiment140", "--root", folder]
            load = run_process(["-m", "pipelines.load", *common, "--corpus", str(corpus)])
            without_vectors = ["--set", "preprocessing.vector_words=0"]  # their number does not grow with the corpus
            preprocess = run_process(["-m", "pipelines.preprocess", *common, *without_vectors])
            seconds, peak = load["seconds"] + preprocess["seconds"], max(load["peak_mib"], preprocess["peak_mib"])
            entries[f"{rows:,} tweets"] = {"seconds": seconds, "tweets_per_second": rows / seconds, "peak_mib": peak}
    return entries


def _write_corpus(path: Path, texts: Sequence[str], rows: int) -> None:
    """Write ``rows`` distinct rows in Sentiment140's format: repeat ``texts``, and add a new word in each round."""
    with path.open("w", encoding="latin-1", errors="replace", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        for i in range(rows):
            turn, row = divmod(i, len(texts))
            writer.writerow(["04"[row % 2], i, "", "", "", f"{texts[row]} zq{turn}"])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--only", nargs="+", default=list(SECTIONS), choices=SECTIONS, help="sections (default: all)")
    parser.add_argument(
        "--tweets", default="", metavar="FILE",
        help="predict a second list too: a CSV like Sentiment140's, or PROFILE:FILE in another profile's format",
    )  # fmt: skip
    parser.add_argument(
        "--tweets-model", default="", metavar="FOLDER", help="model that answers it (default: the profile's)"
    )


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
