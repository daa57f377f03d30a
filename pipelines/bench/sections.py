"""The sections of the benchmark: speed beside other libraries, size, cold start, and growth with the corpus."""

import csv
import os
import pickle
import statistics
import tempfile
import timeit
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.bench import contenders
from pipelines.bench.contenders import FASTTEXT, Material
from pipelines.bench.timing import TURNS, Entries, in_own_process, peak_mib, run_process, time_in_turn
from pipelines.shared.artefacts import read_split, require_agreement
from sentiment.data.corpus import LabelledTexts
from sentiment.evaluation.baselines import as_fasttext_reads, train_fasttext, train_regression
from sentiment.predict.model_files import CARD, CHECKED, MODEL, OPTIONAL
from sentiment.predict.pack import pack

_ALONE_ROWS = 20_000
_ROWS_COMPARED = 2_000
_GROWTH = (20_000, 200_000, 1_600_000)
_FORMS = {
    "ours, NumPy inference": (MODEL, *CHECKED, *OPTIONAL),
    "ours, SavedModel": ("saved_model/1/**/*",),
    "ours, LiteRT": ("model.tflite",),
    "ours, the whole folder": ("**/*",),
}
_MB = 1e6
_KEPT_ROWS = (100_000, 20_000, 5_000)  # words and buckets that fastText keeps when it quantises


def speed(section: str, material: Material, cores: int = 0) -> Entries:
    """Measure the speed of each contender on ``cores`` processor cores of this process; 0 uses all.

    If all cores are used, each contender also runs alone in a new process, which measures its peak memory.
    """
    if cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    if section == "prediction":
        check_forms(material)
    work = {name: make(material) for name, make in contenders.CONTENDERS[section].items()}
    seconds = time_in_turn(work)
    rates = {name: work[name].tweets / each for name, each in seconds.items()}
    entries: Entries = {name: {"ms": 1000 * seconds[name], "tweets_per_second": rates[name]} for name in work}
    for name, entry in entries.items():
        if base := contenders.AGAINST.get(section):
            entry["ratio"] = rates[name] / rates[base]
            if not cores:
                entry["peak_mib"] = in_own_process(_peak_alone, section, name, replace(material, rows=_ALONE_ROWS))
        if FASTTEXT in rates:
            entry["times_fastText"] = rates[name] / rates[FASTTEXT]
    return entries


def _peak_alone(section: str, name: str, material: Material) -> float:
    """Return the peak memory of this process in MiB after one run of the contender ``name``."""
    contenders.CONTENDERS[section][name](material).run()
    return peak_mib()


def check_forms(material: Material) -> None:
    """Check that NumPy inference and the SavedModel give the same probabilities, before their speed is compared.

    Raises:
        ArtefactError: the probabilities differ by more than 1e-5.
    """
    few = material.texts[:_ROWS_COMPARED]
    ours, saved = (make(material)(few) for make in list(contenders.ANSWERS.values())[:2])
    require_agreement({"SavedModel": saved}, ours, "NumPy inference")


def cold_start(folder: Path) -> Entries:
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


def growth(material: Material) -> Entries:
    """Measure duration and peak memory of the stages `load` and `preprocess`, for corpora of different sizes."""
    entries = {}
    with tempfile.TemporaryDirectory() as folder:
        for rows in _GROWTH:
            corpus = Path(folder) / "corpus.csv"
            write_corpus(corpus, material.texts, rows)
            common = ["--profile", "sentiment140", "--root", folder]
            load = run_process(["-m", "pipelines.load", *common, "--corpus", str(corpus)])
            without_vectors = ["--set", "preprocessing.vector_words=0"]  # their number does not grow with the corpus
            preprocess = run_process(["-m", "pipelines.preprocess", *common, *without_vectors])
            seconds, peak = load["seconds"] + preprocess["seconds"], max(load["peak_mib"], preprocess["peak_mib"])
            entries[f"{rows:,} tweets"] = {"seconds": seconds, "tweets_per_second": rows / seconds, "peak_mib": peak}
    return entries


def write_corpus(path: Path, texts: Sequence[str], rows: int) -> None:
    """Write ``rows`` distinct rows in Sentiment140's format: repeat ``texts``, and add a new word in each round."""
    with path.open("w", encoding="latin-1", errors="replace", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        for i in range(rows):
            turn, row = divmod(i, len(texts))
            writer.writerow(["04"[row % 2], i, "", "", "", f"{texts[row]} zq{turn}"])


def size(material: Material) -> Entries:
    """Return the size in MB of our model in each file format, and of other models.

    For NumPy inference and the other models, also return accuracy and speed on the test tweets.
    """
    train, test = (read_split(material.places.interim, part) for part in ("train", "test"))
    entries: Entries = {name: {"MB": _megabytes(material.folder, patterns)} for name, patterns in _FORMS.items()}
    if (material.folder / CARD).is_file():  # written by `make evaluate`
        with tempfile.TemporaryDirectory() as folder:
            pack(material.folder, packed := Path(folder) / "model.zip")
            entries["ours, packed in one file"] = {"MB": packed.stat().st_size / _MB}
    entries["ours, NumPy inference"] |= _quality(lambda texts: material.model.predict_proba(texts).argmax(1), test)
    regression = train_regression(train)
    linear = {"MB": len(pickle.dumps(regression)) / _MB, **_quality(regression.predict, test)}
    return entries | _fasttext_entries(train, test) | {"logistic regression": linear}


def _megabytes(folder: Path, patterns: Sequence[str]) -> float:
    files = {path for pattern in patterns for path in folder.glob(pattern)}
    return sum(path.stat().st_size for path in files if path.is_file() and not path.is_symlink()) / _MB


def _quality(predict: Callable[[Sequence[str]], Any], test: LabelledTexts) -> dict[str, float]:
    """Return accuracy in percent and tweets per second on the rows of ``test``."""
    answers = np.asarray(predict(test.texts))  # not timed, because the first use loads modules and tables
    seconds = statistics.median(timeit.repeat(lambda: predict(test.texts), number=1, repeat=TURNS))
    return {"accuracy": 100 * float((answers == test.labels).mean()), "tweets_per_second": len(test.texts) / seconds}


def _fasttext_entries(train: LabelledTexts, test: LabelledTexts) -> Entries:
    """Measure fastText as `evaluate` trains it, and the same model quantised, with only the most important rows."""
    if FASTTEXT not in contenders.ANSWERS:
        return {}
    import fasttext

    entries = {}
    with tempfile.TemporaryDirectory() as folder:
        train_fasttext(train).save_model(whole := f"{folder}/whole")
        for kept in (0, *_KEPT_ROWS):
            model, path = fasttext.load_model(whole), whole
            if kept:
                model.quantize(cutoff=kept)
                model.save_model(path := f"{folder}/quantised")

            def predict(texts: Sequence[str], model: Any = model) -> list[int]:
                labels, _ = model.predict([as_fasttext_reads(text) for text in texts])
                return [int(label[0].removeprefix("__label__")) for label in labels]

            name = f"fastText .ftz, {kept:,} rows kept" if kept else "fastText .bin"
            entries[name] = {"MB": Path(path).stat().st_size / _MB, **_quality(predict, test)}
    return entries
