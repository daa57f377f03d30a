"""Compare speed, memory and size with other libraries, and write `models/bench.json` and `models/bench.md`.

Each section runs in a process of its own. Prediction is measured on one core and on all cores.
"""

import argparse
import csv
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipelines.bench.material import Material
from pipelines.bench.section import SectionTask, measure_on_cores
from pipelines.bench.timing import Entries, in_own_process, machine, markdown, run_process
from pipelines.shared import publishing, stage

SECTIONS = ("preprocessing", "training", "prediction", "latency", "size", "cold start", "growth")
_GROWTH = (20_000, 200_000, 1_600_000)
_FASTTEXT = "fastText"


def run(this: stage.Stage) -> None:
    """Measure the sections in ``--only``, and write the figures as JSON and as Markdown tables."""
    arguments, sections = this.arguments, {}
    material = Material(str(this.places.root), this.places.name, arguments.rows)
    for title, task in _tasks(material, arguments):
        stage.log.info("measuring: %s", title)
        sections[title] = _compared_with_fasttext(in_own_process(measure_on_cores, task))
    if "cold start" in arguments.only:
        sections["cold start"] = _cold_start(this.places.model, arguments.runs)
    if "growth" in arguments.only:
        sections["growth"] = _growth(material.texts, arguments.growth)
    report = {"machine": machine(), "sections": sections}
    tables = "\n".join(markdown(title, entries) for title, entries in sections.items())
    text = f"Measured on {report['machine']}; medians.\n\n{tables}"
    publishing.write_json(this.places.root / "models" / "bench.json", report)
    publishing.write_text(this.places.root / "models" / "bench.md", text)
    sys.stdout.write(text)


def _tasks(material: Material, arguments: argparse.Namespace) -> list[tuple[str, SectionTask]]:
    """Return the title and the task of each section that compares contenders."""
    turns = arguments.runs
    tasks = [(name, SectionTask(name, material, turns=turns)) for name in SECTIONS[:5] if name in arguments.only]
    if "prediction" in arguments.only:
        tasks.append(("prediction on one core", SectionTask("prediction", material, 1, turns)))
        if arguments.tweets:
            second = replace(material, tweets=arguments.tweets, answered_by=arguments.tweets_model)
            name = Path(arguments.tweets.partition(":")[2] or arguments.tweets).name
            tasks.append((f"prediction of {name}", SectionTask("prediction", second, 0, turns)))
    return tasks


def _compared_with_fasttext(entries: Entries) -> Entries:
    """Add to each of ``entries`` its speed relative to fastText, if fastText was measured."""
    if rate := entries.get(_FASTTEXT, {}).get("tweets_per_second"):
        return {name: each | {"times_fastText": each["tweets_per_second"] / rate} for name, each in entries.items()}
    return entries


def _cold_start(folder: Path, runs: int) -> Entries:
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
        done = [run_process(command) for _ in range(runs + 1)][1:]
        entries[name] = {
            "seconds": statistics.median(each.seconds for each in done),
            "peak_mib": max(each.peak_mib for each in done),
        }
    return entries


def _growth(texts: Sequence[str], sizes: Sequence[int]) -> Entries:
    """Measure time and memory of `load` and `preprocess` together, for corpora of the given ``sizes`` (tweets)."""
    entries = {}
    with tempfile.TemporaryDirectory() as folder:
        for rows in sizes:
            corpus = Path(folder) / "corpus.csv"
            _write_corpus(corpus, texts, rows)
            common = ["--profile", "sentiment140", "--root", folder]
            load = run_process(["-m", "pipelines.load", *common, "--corpus", str(corpus)])
            without_vectors = ["--set", "preprocessing.vector_words=0"]  # their number does not grow with the corpus
            preprocess = run_process(["-m", "pipelines.preprocess", *common, *without_vectors])
            seconds = load.seconds + preprocess.seconds
            entries[f"{rows:,} tweets"] = {
                "seconds": seconds,
                "tweets_per_second": rows / seconds,
                "peak_mib": max(load.peak_mib, preprocess.peak_mib),
            }
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
    parser.add_argument("--rows", type=int, default=200_000, help="tweets to measure on, at most (default: 200000)")
    parser.add_argument(
        "--tweets", default="", metavar="FILE",
        help="predict a second list too: a CSV like Sentiment140's, or PROFILE:FILE in another profile's format",
    )  # fmt: skip
    parser.add_argument(
        "--tweets-model", default="", metavar="FOLDER", help="model that answers it (default: the profile's)"
    )
    parser.add_argument("--runs", type=int, default=3, help="counted turns of each, of a second at least (default: 3)")
    parser.add_argument("--growth", type=int, nargs="+", default=_GROWTH, help="rows (default: 20000 200000 1600000)")


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
