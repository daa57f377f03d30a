"""The contenders of the benchmark, ours and other libraries. Each is imported only when it is measured."""

import importlib.util
import itertools
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.bench.material import TRAINING_ROWS, Material
from pipelines.bench.timing import Contender, CountedSeconds
from pipelines.shared.stage import import_keras

if TYPE_CHECKING:
    import keras

Answer = Callable[[Sequence[str]], Any]
_FEW_ROWS = 2_000  # for slow contenders, whose time per tweet does not depend on the number of tweets
_BATCH = 4096


def _ids(material: Material) -> Contender:
    treatment = material.model.preprocessor
    return Contender(lambda: treatment.pad(treatment.encode(material.texts)), len(material.texts))


def _spacy(material: Material) -> Contender:
    import spacy

    language, few = spacy.blank("en"), material.texts[:_FEW_ROWS]
    language.add_pipe("lemmatizer", config={"mode": "lookup"})
    language.initialize()
    return Contender(lambda: [[token.lemma_ for token in doc] for doc in language.pipe(few)], len(few))


def _our_epoch(batch_size: int, material: Material) -> Contender:
    """Return a contender that trains our network for an epoch; ``batch_size`` 0 uses the profile's batch size."""
    import_keras()
    from sentiment.training.fitting import make_batches, trainer_class

    training = replace(material.settings.training, batch_size=batch_size or material.settings.training.batch_size)
    settings = replace(material.settings, training=training)
    batches, _ = make_batches({"train": material.part, "validation": material.part}, settings)
    trainer = trainer_class()(material.network(), settings, len(batches))
    return Contender(lambda: trainer.run(batches, "ours", learn=True), TRAINING_ROWS)


def _keras_epoch(batch_size: int, material: Material) -> Contender:
    """Return a contender that runs Keras `fit` on padded rows for an epoch. Only the epoch itself is timed.

    After the last epoch `fit` waits for TensorFlow's data pipeline, which can take as long as a short epoch.
    """
    import_keras()
    import keras
    import numpy as np

    from sentiment.training.trainer import make_optimizer

    options, part, model = material.settings.training, material.part, material.network()
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=options.label_smoothing)
    model.compile(make_optimizer(options, TRAINING_ROWS // batch_size), loss, jit_compile=False)
    ids = part.ids.astype(np.int32)
    y_true = np.eye(len(material.model.classes_), dtype=np.float32)[part.labels]
    return Contender(_fit_epoch(model, ids, y_true, batch_size), TRAINING_ROWS)


def _fit_epoch(model: "keras.Model", ids: Any, y_true: Any, batch_size: int) -> Callable[[], CountedSeconds]:
    import keras

    times: list[float] = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: times.append(time.perf_counter()),
        on_epoch_end=lambda epoch, logs: times.append(time.perf_counter()),
    )

    def run() -> CountedSeconds:
        model.fit(ids, y_true, batch_size=batch_size, verbose=0, callbacks=[watch])
        return CountedSeconds(times[-1] - times[-2])

    return run


def _numpy_inference(material: Material) -> Answer:
    return material.model.predict_proba


def _saved_model(material: Material) -> Answer:
    import_keras()
    import numpy as np
    import tensorflow as tf

    serve = tf.saved_model.load(str(material.folder / "saved_model" / "1")).signatures["serving_default"]

    def answer(texts: Sequence[str]) -> np.ndarray:
        parts = [serve(text=tf.constant(texts[i : i + _BATCH])) for i in range(0, len(texts), _BATCH)]
        return np.concatenate([part["probabilities"].numpy() for part in parts])

    return answer


def _vader(material: Material) -> Answer:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyser = SentimentIntensityAnalyzer()
    return lambda texts: [analyser.polarity_scores(text)["compound"] for text in texts]


def _textblob(material: Material) -> Answer:
    from textblob import TextBlob

    return lambda texts: [TextBlob(text).sentiment.polarity for text in texts]


def _fasttext(material: Material) -> Answer:
    """Return fastText's prediction. It is trained on arbitrary labels, because its speed does not depend on them."""
    classifier = train_fasttext(material.texts[:TRAINING_ROWS], [i % 2 for i in range(TRAINING_ROWS)])
    return lambda texts: classifier.predict([as_fasttext_reads(text) for text in texts])


def train_fasttext(texts: Sequence[str], labels: Sequence[int]) -> Any:
    """Return a fastText classifier with bigrams, trained on one thread."""
    import fasttext

    with tempfile.TemporaryDirectory() as folder:
        return fasttext.train_supervised(
            fasttext_file(texts, labels, folder), lr=0.1, wordNgrams=2, bucket=200_000, thread=1, seed=7, verbose=0
        )


def fasttext_file(texts: Sequence[str], labels: Sequence[int], folder: str) -> str:
    """Write a shuffled training file, and return its path. fastText does not shuffle, and corpora may be sorted."""
    import numpy as np

    path = Path(folder) / "train.txt"
    lines = [f"__label__{label} {as_fasttext_reads(text)}\n" for label, text in zip(labels, texts, strict=False)]
    path.write_text("".join(lines[i] for i in np.random.default_rng(7).permutation(len(lines))), encoding="utf-8")
    return str(path)


def as_fasttext_reads(text: str) -> str:
    """Return ``text`` with every stretch of white space replaced by one space."""
    return " ".join(text.split())


ANSWERS: dict[str, Callable[[Material], Answer]] = {
    "ours, NumPy inference": _numpy_inference,
    "ours, SavedModel, batches of 4096": _saved_model,
    "VADER": _vader,
    "TextBlob": _textblob,
    "fastText": _fasttext,
}
_SLOW = ("VADER", "TextBlob")
_NEEDS = {"TextBlob": "textblob", "fastText": "fasttext"}
_CALL_SIZES = (1, 16, 1000)


def _predicting(name: str, material: Material) -> Contender:
    answer, texts = ANSWERS[name](material), material.texts[: _FEW_ROWS if name in _SLOW else None]
    return Contender(lambda: answer(texts), len(texts))


def _calling(name: str, size: int, material: Material) -> Contender:
    """Return a contender that predicts ``size`` tweets per call, other tweets at each call."""
    answer, texts = ANSWERS[name](material), [*material.texts] * -(-2 * size // len(material.texts))
    groups = itertools.cycle([texts[start : start + size] for start in range(0, len(texts) - size + 1, size)])
    return Contender(lambda: answer(next(groups)), size)


CONTENDERS: dict[str, dict[str, Callable[[Material], Contender]]] = {
    "preprocessing": {"ours": _ids, "spaCy blank + lookup, nlp.pipe": _spacy},
    "training": {
        "ours, batch 1024": partial(_our_epoch, 1024),
        "ours, the profile's batch": partial(_our_epoch, 0),
        "Keras fit, padded, batch 1024": partial(_keras_epoch, 1024),
        "Keras fit, padded, batch 128": partial(_keras_epoch, 128),
    },
    "prediction": {name: partial(_predicting, name) for name in ANSWERS},
    "latency": {
        f"{name}, {size:,} per call": partial(_calling, name, size)
        for name in ANSWERS
        if name not in _SLOW
        for size in _CALL_SIZES
    },
}
AGAINST = {
    "preprocessing": "spaCy blank + lookup, nlp.pipe",
    "training": "Keras fit, padded, batch 1024",
    "prediction": "VADER",
}


def installed(names: Sequence[str]) -> list[str]:
    """Return the names of the contenders in ``names`` whose package is installed."""
    needed = {name: _NEEDS.get(name.partition(",")[0]) for name in names}
    return [name for name, package in needed.items() if package is None or importlib.util.find_spec(package)]
