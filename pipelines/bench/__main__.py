"""Speed and memory, ours and the alternatives', side by side in one run: `models/bench.json`, `.md` and `.svg`."""

import argparse
import csv
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.bench import contenders
from pipelines.bench.material import Material
from pipelines.shared import publishing, stage
from pipelines.shared.libraries import import_keras

if TYPE_CHECKING:
    from pipelines.bench.tables import Entries

_SLOW_ROWS = 2_000
_ALONE_ROWS = 20_000
_ROWS_COMPARED = 512
_TOLERANCE = 1e-5
_SLOW = ("VADER", "TextBlob")  # as fast a tweet in long lists as in short ones
_GROWTH = (20_000, 200_000, 1_600_000)
_ALONE = "import sys; from pipelines.bench.contenders import run_alone; run_alone(sys.argv[1:])"


def run(this: stage.Stage) -> None:
    """Measure everything, write table, data and picture."""
    import_keras()
    from pipelines.bench.latency import curves
    from pipelines.bench.tables import machine, picture, table

    material, further = _materials(this)
    check_answers(material)
    for each in further.values():
        check_forms(each)
    sections = {name: _section(name, material, this.arguments.runs) for name in contenders.AGAINST}
    sections |= {title: _section("prediction", each, this.arguments.runs) for title, each in further.items()}
    titles = tuple(sections)
    sections["latency, light form"], rates = _latency(material, this.arguments.runs / 3)
    sections["cold start"] = _cold_start(this.places.model, this.arguments.runs)
    sections["growth"] = _growth(material, this.arguments.growth)
    report = {"machine": machine(), "rows": len(material.texts), "sections": sections}
    folder = this.places.root / "models"
    publishing.write_json(folder / "bench.json", report)
    publishing.write_text(folder / "bench.md", text := table(report))
    publishing.write_text(folder / "bench.svg", picture(report, titles))
    publishing.write_text(folder / "bench-sizes.svg", curves(rates, machine()))
    sys.stdout.write(text)


def _materials(this: stage.Stage) -> tuple[Material, dict[str, Material]]:
    """The profile's own, and that of further tweets by the title of their section, if there are any."""
    given, arguments = this.arguments.tweets, this.arguments
    material = Material(this.places, arguments.rows, _SLOW_ROWS)
    if not given:
        return material, {}
    further = Material(this.places, arguments.rows, _SLOW_ROWS, given, arguments.tweets_model)
    name = Path(given.partition(":")[2] or given).name
    return material, {f"prediction, {len(further.texts):,} tweets of {name}": further}


def check_answers(material: Material) -> None:
    """Refuse to measure contenders that compute different things."""
    import numpy as np

    from sentiment.common.ragged import Ragged

    few = Material(material.places, _SLOW_ROWS, _SLOW_ROWS)
    encoded: Ragged = few.model.preprocessor.encode(few.texts)
    rows = [row.tolist() for row in np.split(encoded.values, encoded.starts[1:])]
    if rows != contenders.contenders("preprocessing")["plain Python, a tweet at a time"](few).run():
        raise AssertionError("plain Python and the vectorised preprocessing give different ids")
    check_forms(material)
    ours, plain = contenders.losses(few, _ROWS_COMPARED)
    stage.log.info("before training, our loss is %.6f and the plain network's %.6f", ours, plain)
    _require("losses differ", abs(ours - plain))


def check_forms(material: Material) -> None:
    """Refuse to measure a light form and a SavedModel that answer differently."""
    import numpy as np

    few = replace(material, rows=_SLOW_ROWS)
    prediction = contenders.contenders("prediction")
    light, saved = (prediction[name](few).run() for name in list(prediction)[:2])
    _require("SavedModel's answers differ", np.abs(light - saved).max())


def _require(what: str, difference: float) -> None:
    if not difference <= _TOLERANCE:
        raise AssertionError(f"{what} from ours by {difference:.2g}")


def _section(title: str, material: Material, runs: int) -> "Entries":
    """Speed in turn within this process, then the memory of each in a process of its own."""
    from pipelines.bench.tables import rates
    from pipelines.bench.timing import run_process, time_in_turn

    stage.log.info("%s: making the contenders", title)
    work = {name: make(material) for name, make in contenders.contenders(title).items()}
    entries = rates(time_in_turn(work, runs, title), contenders.AGAINST[title])
    for name, entry in entries.items():
        stage.log.info("%s, %s: %.0f tweets/s; now its memory", title, name, entry["tweets_per_second"])
        place = [str(material.places.root), material.places.name, str(_ALONE_ROWS)]
        where = [material.tweets, material.answered_by]
        entry["peak_mib"] = run_process(["-c", _ALONE, *place, *where, title, name]).peak_mib
    _compare_with_fasttext(entries)
    return entries


def _compare_with_fasttext(entries: "Entries") -> None:
    """Add how many times fastText's speed each has, where fastText is installed."""
    if fasttext := entries.get("fastText"):
        for entry in entries.values():
            entry["times_fasttext"] = entry["tweets_per_second"] / fasttext["tweets_per_second"]


def _latency(material: Material, budget: float) -> "tuple[Entries, dict[str, dict[int, float]]]":
    """Calls of each size: the light form's times, and everybody's tweets a second by tweets a call."""
    from pipelines.bench.latency import SIZES, call_seconds, figures

    entries, rates = {}, {}
    for name, answer in contenders.answers(material).items():
        stage.log.info("latency, %s", name)
        sizes = [size for size in SIZES if size < 1000 or name not in _SLOW]
        measured = {size: figures(call_seconds(answer, material.texts, size, budget), size) for size in sizes}
        rates[name] = {size: values["tweets_per_second"] for size, values in measured.items()}
        if name == "ours, light form":
            entries = {f"{size:,} tweets a call": values for size, values in measured.items()}
    return entries, rates


def _cold_start(folder: Path, runs: int) -> "Entries":
    """One tweet, as a whole process."""
    from pipelines.bench.timing import run_process

    tensorflow = (
        "import tensorflow as tf; "
        f"f = tf.saved_model.load({str(folder / 'saved_model' / '1')!r}).signatures['serving_default']; "
        "print(f(text=tf.constant(['I love this'])))"
    )
    commands = {
        "ours": ["-m", "sentiment.predict", "--model", str(folder), "I love this"],
        "through TensorFlow": ["-c", tensorflow],
    }
    entries = {}
    for name, command in commands.items():
        stage.log.info("cold start, %s", name)
        done = [run_process(command) for _ in range(runs + 1)][1:]
        entries[name] = {
            "seconds": statistics.median(process.seconds for process in done),
            "peak_mib": max(process.peak_mib for process in done),
        }
    return entries


def _growth(material: Material, sizes: Sequence[int]) -> "Entries":
    """CSV -> padded ids, lexicon building included, over more and more rows: real ones with a distinct word added."""
    from pipelines.bench.timing import run_process

    entries = {}
    with tempfile.TemporaryDirectory() as folder:
        for rows in sizes:
            stage.log.info("growth, %s rows", f"{rows:,}")
            corpus = Path(folder) / "corpus.csv"
            _write_corpus(corpus, material.texts, rows)
            common = ["--profile", "sentiment140", "--root", folder]
            load = run_process(["-m", "pipelines.load", *common, "--corpus", str(corpus)])
            without_vectors = ["--set", "preprocessing.vector_words=0"]  # GloVe's words are no part of what grows
            preprocess = run_process(["-m", "pipelines.preprocess", *common, *without_vectors])
            seconds = load.seconds + preprocess.seconds
            entries[f"{rows:,} tweets"] = {
                "seconds": seconds,
                "tweets_per_second": rows / seconds,
                "peak_mib": max(load.peak_mib, preprocess.peak_mib),
            }
    return entries


def _write_corpus(path: Path, texts: Sequence[str], rows: int) -> None:
    with path.open("w", encoding="latin-1", errors="replace", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        for i in range(rows):
            turn, row = divmod(i, len(texts))
            writer.writerow(["04"[row % 2], i, "", "", "", f"{texts[row]} zq{turn}"])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The stage's own options."""
    parser.add_argument("--rows", type=int, default=200_000, help="tweets to measure on, at most (default: 200000)")
    parser.add_argument(
        "--tweets",
        default="",
        metavar="FILE",
        help="predict a second list too: a CSV like Sentiment140's, or PROFILE:FILE in another profile's format",
    )
    parser.add_argument(
        "--tweets-model", default="", metavar="FOLDER", help="model that answers it (default: the profile's)"
    )
    parser.add_argument("--runs", type=int, default=3, help="counted turns of each, of a second at least (default: 3)")
    parser.add_argument("--growth", type=int, nargs="+", default=_GROWTH, help="rows (default: 20000 200000 1600000)")


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
