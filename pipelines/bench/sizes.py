"""Compare size, accuracy and speed of our model with fastText (plain and quantised) and logistic regression."""

import pickle
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.bench.contenders import ANSWERS, FASTTEXT, Material, as_fasttext_reads, fasttext_file, train_fasttext
from pipelines.bench.timing import Entries
from pipelines.shared.artefacts import read_split
from sentiment.predict.model_files import CARD, CHECKED, MODEL, OPTIONAL
from sentiment.predict.pack import pack

if TYPE_CHECKING:
    from sentiment.data.corpus import LabelledTexts

_FORMS = {
    "ours, NumPy inference": (MODEL, *CHECKED, *OPTIONAL),
    "ours, SavedModel": ("saved_model/1/**/*",),
    "ours, LiteRT": ("model.tflite",),
    "ours, the whole folder": ("**/*",),
}
_MB = 1e6
_KEPT_ROWS = (100_000, 20_000, 5_000)  # words and buckets that fastText keeps when it quantises


def measure_sizes(material: Material) -> Entries:
    """Return the size in MB of our model's forms and of the peers, with accuracy and speed on the test tweets."""
    train, test = (read_split(material.places.interim, part) for part in ("train", "test"))
    entries: Entries = {name: {"MB": _megabytes(material.folder, patterns)} for name, patterns in _FORMS.items()}
    if (material.folder / CARD).is_file():  # written by `make evaluate`
        with tempfile.TemporaryDirectory() as folder:
            pack(material.folder, packed := Path(folder) / "model.zip")
            entries["ours, packed in one file"] = {"MB": packed.stat().st_size / _MB}
    entries["ours, NumPy inference"] |= _quality(lambda texts: material.model.predict_proba(texts).argmax(1), test)
    return entries | _fasttext_entries(train, test) | _regression_entry(train, test)


def _megabytes(folder: Path, patterns: Sequence[str]) -> float:
    files = {path for pattern in patterns for path in folder.glob(pattern)}
    return sum(path.stat().st_size for path in files if path.is_file() and not path.is_symlink()) / _MB


def _quality(predict: Callable[[Sequence[str]], Any], test: "LabelledTexts") -> dict[str, float]:
    """Return accuracy in percent and tweets per second on the rows of ``test``."""
    import numpy as np

    predict(test.texts[:100])  # warm-up, because the first use loads modules and tables
    start = time.perf_counter()
    answers = np.asarray(predict(test.texts))
    seconds = time.perf_counter() - start
    return {"accuracy": 100 * float((answers == test.labels).mean()), "tweets_per_second": len(test.texts) / seconds}


def _fasttext_entries(train: "LabelledTexts", test: "LabelledTexts") -> Entries:
    entries, labels = {}, train.labels.tolist()
    for kept in (0, *_KEPT_ROWS) if FASTTEXT in ANSWERS else ():
        model = train_fasttext(train.texts, labels)  # again, because quantising changes the model
        with tempfile.TemporaryDirectory() as folder:
            if kept:
                model.quantize(fasttext_file(train.texts, labels, folder), cutoff=kept)
            model.save_model(path := f"{folder}/model")
            size = Path(path).stat().st_size / _MB

        def predict(texts: Sequence[str], model: Any = model) -> list[int]:
            labels, _ = model.predict([as_fasttext_reads(text) for text in texts])
            return [int(label[0].removeprefix("__label__")) for label in labels]

        name = f"fastText .ftz, {kept:,} rows kept" if kept else "fastText .bin"
        entries[name] = {"MB": size, **_quality(predict, test)}
    return entries


def _regression_entry(train: "LabelledTexts", test: "LabelledTexts") -> Entries:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=2.0, max_iter=1000))
    model.fit(train.texts, train.labels)
    return {"logistic regression": {"MB": len(pickle.dumps(model)) / _MB, **_quality(model.predict, test)}}
