"""Size, accuracy and speed of our model beside fastText, plain and quantised, and logistic regression."""

import pickle
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipelines.bench.contenders import as_fasttext_reads, fasttext_file, installed, train_fasttext
from pipelines.bench.machine import Entries
from pipelines.bench.material import Material

_FORMS = {
    "ours, NumPy inference": ("model.json", "table.npy", "weights.npz", "lexicon.tsv", "preprocessing.json", "chunks*"),
    "ours, SavedModel": ("saved_model/1/**/*",),
    "ours, LiteRT": ("model.tflite",),
    "ours, the whole folder": ("**/*",),
}
_MB = 1e6
_KEPT_ROWS = 100_000  # entries that fastText keeps when it quantises


def measure_sizes(material: Material) -> Entries:
    """Return megabytes of each form of our model and of the peers, with accuracy on the held-out tweets and speed."""
    test = material.split("test")
    entries: Entries = {name: {"MB": _megabytes(material.folder, patterns)} for name, patterns in _FORMS.items()}
    entries["ours, NumPy inference"] |= _quality(lambda texts: material.model.predict_proba(texts).argmax(1), test)
    return entries | _fasttext_entries(material, test) | _regression_entry(material, test)


def _megabytes(folder: Path, patterns: Sequence[str]) -> float:
    files = {path for pattern in patterns for path in folder.glob(pattern)}
    return sum(path.stat().st_size for path in files if path.is_file() and not path.is_symlink()) / _MB


def _quality(predict: Callable[[list[str]], Any], test: Any) -> dict[str, float]:
    """Return accuracy in percent and tweets per second on the rows of ``test``."""
    import numpy as np

    predict(test.texts[:100])  # loads what is loaded at first use
    start = time.perf_counter()
    answers = np.asarray(predict(test.texts))
    seconds = time.perf_counter() - start
    return {"accuracy": 100 * float((answers == test.labels).mean()), "tweets_per_second": len(test.texts) / seconds}


def _fasttext_entries(material: Material, test: Any) -> Entries:
    if not installed(["fastText"]):
        return {}
    train = material.split("train")
    model, entries = train_fasttext(train.texts, train.labels.tolist()), {}

    def predict(texts: list[str]) -> list[int]:
        labels, _ = model.predict([as_fasttext_reads(text) for text in texts])
        return [int(label[0].removeprefix("__label__")) for label in labels]

    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("bin", "ftz"):
            if suffix == "ftz":
                model.quantize(fasttext_file(train.texts, train.labels.tolist(), folder), cutoff=_KEPT_ROWS)
            model.save_model(path := f"{folder}/model.{suffix}")
            entries[f"fastText .{suffix}"] = {"MB": Path(path).stat().st_size / _MB, **_quality(predict, test)}
    return entries


def _regression_entry(material: Material, test: Any) -> Entries:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    train = material.split("train")
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=2.0, max_iter=1000))
    model.fit(train.texts, train.labels)
    return {"logistic regression": {"MB": len(pickle.dumps(model)) / _MB, **_quality(model.predict, test)}}
