"""Speed and memory, ours and the alternatives', side by side in one run: `models/bench.json`, `.md` and `.svg`."""

import argparse
import importlib.util
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import files, stage

if TYPE_CHECKING:
    from sentiment.timing import Timing

Work = dict[str, tuple[Callable[[], object], int]]
_TAGGER = "en_core_web_sm"
_SLOW_ROWS = 2_000
_TRAINING_ROWS = 16_384
_GROWTH = (20_000, 200_000, 1_600_000)


def run(this: stage.Stage) -> None:
    """Measure everything, write table, data and picture."""
    import pyarrow.parquet as pq

    import sentiment

    model = sentiment.load(this.places.model)
    tweets = files.require(this.places.interim / "tweets.parquet", "make evaluate")
    texts = pq.read_table(tweets).column("text").to_pylist()[: this.arguments.rows]
    runs = this.arguments.runs
    sections = {
        "preprocessing": _rates(_preprocessing(model, texts), "spaCy blank + lookup, nlp.pipe", runs),
        "training": _rates(_training(this), "Keras fit, batch 1024, padded", 2),
        "prediction": _rates(_prediction(model, texts, this.places.model), "VADER", runs),
        "cold start": _cold_start(this.places.model, runs),
        "growth": _growth(this),
    }
    report = {"machine": _machine(), "rows": len(texts), "sections": sections}
    folder = this.places.root / "models"
    files.write_json(folder / "bench.json", report)
    files.write_text(folder / "bench.md", table := _table(report))
    files.write_text(folder / "bench.svg", _picture(report))
    sys.stdout.write(table)


def _rates(work: Work, against: str, runs: int) -> dict[str, dict[str, float]]:
    from sentiment.timing import time_in_turn

    timings: dict[str, Timing] = time_in_turn(work, runs)
    base = timings[against].rate
    return {
        name: {"tweets_per_second": timing.rate, "ratio": timing.rate / base, "seconds": timing.median}
        for name, timing in timings.items()
    }


def _preprocessing(model: Any, texts: Sequence[str]) -> Work:
    """Raw text -> padded ids, against spaCy over every tweet (which stops at lemmas) and plain Python."""
    import spacy

    lookup = spacy.blank("en")
    lookup.add_pipe("lemmatizer", config={"mode": "lookup"})
    lookup.initialize()
    plain = _plain_python(model.preprocessor)
    few = texts[:_SLOW_ROWS]
    ours = model.preprocessor.encode(few)
    if plain(few) != [row.tolist() for row in _rows(ours)]:
        raise AssertionError("plain Python and the vectorised preprocessing give different ids")
    work: Work = {
        "ours": (lambda: model.preprocessor.pad(model.preprocessor.encode(texts)), len(texts)),
        "plain Python, a tweet at a time": (lambda: plain(few), len(few)),
        "spaCy blank + lookup, nlp.pipe": (lambda: [[t.lemma_ for t in doc] for doc in lookup.pipe(few)], len(few)),
    }
    if importlib.util.find_spec(_TAGGER):
        tagger = spacy.load(_TAGGER, disable=["parser", "ner"])
        work["spaCy tagger + lemmatiser"] = (lambda: [[t.lemma_ for t in doc] for doc in tagger.pipe(few)], len(few))
    return work


def _rows(ids: Any) -> Any:
    import numpy as np

    return np.split(ids.values, ids.starts[1:])


def _plain_python(preprocessor: Any) -> Callable[[Sequence[str]], list[list[int]]]:
    """The same treatment with the standard library, one tweet after another."""
    import re

    from sentiment.lexicon import UNKNOWN
    from sentiment.normalisation import WHITE_SPACE

    space = re.compile(WHITE_SPACE)
    rules = [(re.compile(rule.pattern, re.ASCII), rule.replacement) for rule in preprocessor.rules]
    lower = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}

    def encode(text: str) -> list[int]:
        text = space.sub(" ", text.translate(lower))
        for pattern, replacement in rules:
            text = pattern.sub(replacement, text)
        ids = [i for token in text.split(" ") if token and (i := preprocessor.lexicon.ids.get(token, UNKNOWN))]
        return ids[: preprocessor.max_tokens] or [UNKNOWN]

    return lambda texts: [encode(text) for text in texts]


def _training(this: stage.Stage) -> Work:
    """An epoch of the same network on the same rows."""
    import numpy as np

    from pipelines.artefacts import read_part
    from sentiment.encoded import EncodedPart
    from sentiment.network import build_network
    from sentiment.training import Trainer, make_batches

    settings = this.settings
    whole = read_part(this.places.processed, "train")
    part = EncodedPart(
        np.resize(whole.ids, (_TRAINING_ROWS, whole.ids.shape[1])), np.resize(whole.labels, _TRAINING_ROWS)
    )
    matrix = np.load(this.places.processed / "embedding_matrix.npy")
    classes = int(part.labels.max()) + 1
    batches, _ = make_batches({"train": part, "validation": part}, settings)
    trainer = Trainer(build_network(matrix, settings.network, classes), settings, len(batches), part.ids.shape[1])
    plain = build_network(matrix, settings.network, classes)
    plain.compile("adamw", "sparse_categorical_crossentropy", jit_compile=False)
    ids, labels = part.ids.astype(np.int32), part.labels.astype(np.int32)
    return {
        "ours": (lambda: trainer.run(batches, "bench", learn=True), len(labels)),
        "Keras fit, batch 128, padded": (lambda: plain.fit(ids[:2048], labels[:2048], batch_size=128, verbose=0), 2048),
        "Keras fit, batch 1024, padded": (
            lambda: plain.fit(ids[:8192], labels[:8192], batch_size=1024, verbose=0),
            8192,
        ),
    }


def _prediction(model: Any, texts: Sequence[str], folder: Path) -> Work:
    """Raw text -> probabilities."""
    import numpy as np
    import tensorflow as tf

    from sentiment.baselines import LabelledPart, fit_baselines

    serve = tf.saved_model.load(str(folder / "saved_model" / "1")).signatures["serving_default"]

    def saved(batch: Sequence[str]) -> Any:
        parts = [serve(text=tf.constant(batch[i : i + 4096]))["probabilities"] for i in range(0, len(batch), 4096)]
        return np.concatenate([part.numpy() for part in parts])

    ours = model.predict_proba(texts)
    if not np.abs(saved(texts) - ours).max() <= 1e-5:
        raise AssertionError("SavedModel and light form give different probabilities")
    few = texts[:_SLOW_ROWS]
    peers = fit_baselines(LabelledPart(few, ours[: len(few)].argmax(axis=1)), model.classes_.tolist())
    names = {"vader": "VADER", "textblob": "TextBlob", "tfidf_logistic_regression": "TF-IDF + logistic regression"}
    work: Work = {
        "ours, light form": (lambda: model.predict_proba(texts), len(texts)),
        "ours, SavedModel, batches of 4096": (lambda: saved(texts), len(texts)),
    }
    for name, predict in peers.items():
        if name != "majority":
            work[names.get(name, name)] = (lambda predict=predict: predict(few), len(few))  # type: ignore[misc]
    return work


def _cold_start(folder: Path, runs: int) -> dict[str, dict[str, float]]:
    """One tweet, as a whole process."""
    tensorflow = (
        "import tensorflow as tf; "
        f"f = tf.saved_model.load({str(folder / 'saved_model' / '1')!r}).signatures['serving_default']; "
        "print(f(text=tf.constant(['I love this'])))"
    )
    commands = {
        "ours": ["-m", "sentiment.predict", "--model", str(folder), "I love this"],
        "through TensorFlow": ["-c", tensorflow],
    }
    return _processes(commands, runs)


def _processes(commands: dict[str, list[str]], runs: int) -> dict[str, dict[str, float]]:
    import statistics

    from sentiment.timing import run_process

    done = {name: [run_process(command) for _ in range(runs + 1)][1:] for name, command in commands.items()}
    return {
        name: {
            "seconds": statistics.median(process.seconds for process in processes),
            "peak_mib": max(process.peak_mib for process in processes),
        }
        for name, processes in done.items()
    }


def _growth(this: stage.Stage) -> dict[str, dict[str, float]]:
    """CSV -> padded ids, lexicon building included, over more and more rows: real ones with a distinct word added."""
    import pyarrow.parquet as pq

    from sentiment.timing import run_process

    table = pq.read_table(this.places.interim / "tweets.parquet").to_pydict()
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        for rows in _GROWTH:
            corpus = Path(folder) / "corpus.csv"
            _write_corpus(corpus, table, rows)
            common = ["--profile", "sentiment140", "--root", folder]
            load = run_process(["-m", "pipelines.load", *common, "--corpus", str(corpus)])
            preprocess = run_process(["-m", "pipelines.preprocess", *common])
            result[f"{rows:,} tweets"] = {
                "seconds": load.seconds + preprocess.seconds,
                "peak_mib": max(load.peak_mib, preprocess.peak_mib),
                "tweets_per_second": rows / (load.seconds + preprocess.seconds),
            }
            stage.log.info("%d rows: %s", rows, result[f"{rows:,} tweets"])
    return result


def _write_corpus(path: Path, table: dict[str, list[Any]], rows: int) -> None:
    import csv

    values = ("0", "4")
    with path.open("w", encoding="latin-1", errors="replace", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        count = len(table["text"])
        for i in range(rows):
            text, label = table["text"][i % count], table["label"][i % count]
            writer.writerow([values[min(label, 1)], i, "", "", "", f"{text} zq{i // count}"])


def _machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"


def _table(report: dict[str, Any]) -> str:
    lines = [f"Measured on {report['machine']}; {report['rows']:,} tweets; medians.", ""]
    for title, entries in report["sections"].items():
        columns = list(dict.fromkeys(name for values in entries.values() for name in values))
        lines += [f"| {title} | {' | '.join(column.replace('_', ' ') for column in columns)} |"]
        lines += ["|---|" + "---:|" * len(columns)]
        for name, values in entries.items():
            lines.append(f"| {name} | {' | '.join(_number(values[column]) for column in columns)} |")
        lines.append("")
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _picture(report: dict[str, Any]) -> str:
    """A bar a contender, on a logarithmic axis, a panel a section."""
    import io

    from matplotlib.figure import Figure

    sections = {name: entries for name, entries in report["sections"].items() if name not in ("growth", "cold start")}
    figure = Figure(figsize=(8, 7), layout="constrained")
    for axes, (title, entries) in zip(figure.subplots(len(sections), 1), sections.items(), strict=True):
        rates = [values["tweets_per_second"] for values in entries.values()]
        bars = axes.barh(list(entries), rates, color=["#0b6e99" if "ours" in name else "#a8b3ba" for name in entries])
        axes.bar_label(bars, [f"{rate:,.0f}" for rate in rates], padding=3)
        axes.set(title=title, xscale="log", xlim=(min(rates) / 2, max(rates) * 6), xlabel="tweets a second")
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The stage's own options."""
    parser.add_argument("--rows", type=int, default=200_000, help="tweets to measure on, at most (default: 200000)")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each (default: 5)")


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
