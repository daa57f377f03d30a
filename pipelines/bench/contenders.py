"""The contenders of the benchmark (functions of this project and other libraries to time), and the data they use."""

import importlib.util
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

import sentiment
from pipelines.bench.timing import Contender
from pipelines.shared import profiles, publishing, stage
from pipelines.shared.artefacts import read_part
from pipelines.shared.stage import import_keras
from sentiment.data.corpus import LabelledTexts
from sentiment.data.encoded import EncodedPart, spread
from sentiment.errors import InputError
from sentiment.evaluation.baselines import as_fasttext_reads, train_fasttext
from sentiment.predict.classifier import SentimentClassifier
from sentiment.settings import Settings
from sentiment.settings_checks import from_dict

if TYPE_CHECKING:
    import keras

Answer = Callable[[Sequence[str]], Any]
TRAINING_ROWS, TRAINING_BATCH = 16_384, 1024
FASTTEXT = "fastText"
_FEW_ROWS = 2_000  # for slow contenders, whose time per tweet does not depend on the number of tweets
_BATCH = 4096


@dataclass(frozen=True)
class Material:
    """The model and the tweets on which the contenders are measured.

    Attributes:
        places: the folders of the profile.
        folder: the folder of the model to measure.
        rows: the largest number of tweets to measure on.
        tweets: the file of tweets that `make bench TWEETS=` names; if empty, the profile's tweets are used.
    """

    places: stage.Places
    folder: Path
    rows: int = 200_000
    tweets: str = ""

    @cached_property
    def texts(self) -> list[str]:
        """Return the raw tweets. A file without tweets raises an `InputError`."""
        if not self.tweets:
            tweets = publishing.require(self.places.interim / "tweets.parquet")
            return pq.read_table(tweets, columns=["text"]).column("text").slice(0, self.rows).to_pylist()
        profile, path = profiles.profile_and_path(self.tweets, profiles.read_profile("sentiment140"))
        settings = profiles.make_settings({"corpus": profile.get("corpus", {})}, []).corpus
        texts = [text for text, _ in profiles.read_corpus(path, settings, "--tweets")][: self.rows]
        if not texts:
            raise InputError(f"{path}: expected tweets to measure on, received none")
        return texts

    @cached_property
    def model(self) -> SentimentClassifier:
        """Return the model for NumPy inference."""
        return sentiment.load(self.folder)

    @cached_property
    def settings(self) -> Settings:
        """Return the settings that the profile's model was trained with."""
        return from_dict(Settings, publishing.read_json(self.places.model / "settings.json"))

    @cached_property
    def part(self) -> EncodedPart:
        """Return the ids and labels of ``TRAINING_ROWS`` training rows."""
        return spread(read_part(self.places.processed, "train"), TRAINING_ROWS)

    def network(self) -> "keras.Model":
        """Return an untrained network. Every call returns the same initial weights."""
        import keras

        from sentiment.network.keras_network import build_network

        keras.utils.set_random_seed(self.settings.training.seed)
        matrix = np.load(self.places.processed / "embedding_matrix.npy")
        return build_network(matrix, self.settings.network, len(self.model.classes_))


def _ids(material: Material) -> Contender:
    treatment = material.model.preprocessor
    return Contender(lambda: treatment.pad(treatment.encode(material.texts)), len(material.texts))


def _spacy(material: Material) -> Contender:
    import spacy

    language, few = spacy.blank("en"), material.texts[:_FEW_ROWS]
    language.add_pipe("lemmatizer", config={"mode": "lookup"})
    language.initialize()
    return Contender(lambda: [[token.lemma_ for token in doc] for doc in language.pipe(few)], len(few))


def _our_epoch(material: Material) -> Contender:
    """Return a contender that trains our network for one epoch."""
    import_keras()
    from sentiment.training.fitting import make_batches, trainer_class

    settings = replace(material.settings, training=replace(material.settings.training, batch_size=TRAINING_BATCH))
    batches, _ = make_batches({"train": material.part, "validation": material.part}, settings)
    trainer = trainer_class()(material.network(), settings, len(batches))
    return Contender(lambda: trainer.run(batches, "ours", learn=True), TRAINING_ROWS)


def _keras_epoch(material: Material) -> Contender:
    """Return a contender that runs one epoch of Keras `fit` on padded rows. The wait after the epoch is not timed."""
    import_keras()
    import keras

    from sentiment.training.trainer import make_optimizer

    options, part, model = material.settings.training, material.part, material.network()
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=options.label_smoothing)
    model.compile(make_optimizer(options, TRAINING_ROWS // TRAINING_BATCH), loss, jit_compile=False)
    ids = part.ids.astype(np.int32)
    y_true = np.eye(len(material.model.classes_), dtype=np.float32)[part.labels]
    times: list[float] = []

    def note(epoch: int, logs: object) -> None:
        times.append(time.perf_counter())

    watch = keras.callbacks.LambdaCallback(on_epoch_begin=note, on_epoch_end=note)

    def epoch() -> float:
        model.fit(ids, y_true, batch_size=TRAINING_BATCH, verbose=0, callbacks=[watch])
        return times[-1] - times[-2]

    return Contender(epoch, TRAINING_ROWS)


def _saved_model(material: Material) -> Answer:
    import_keras()
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
    """Return fastText's prediction. The labels of its training are arbitrary, because they do not change its speed."""
    texts = material.texts[:TRAINING_ROWS]
    classifier = train_fasttext(LabelledTexts(texts, np.arange(len(texts)) % 2))
    return lambda texts: classifier.predict([as_fasttext_reads(text) for text in texts])


ANSWERS: dict[str, Callable[[Material], Answer]] = {
    "ours, NumPy inference": lambda material: material.model.predict_proba,
    "ours, SavedModel, batches of 4096": _saved_model,
    "VADER": _vader,
}
ANSWERS |= {"TextBlob": _textblob} if importlib.util.find_spec("textblob") else {}
ANSWERS |= {FASTTEXT: _fasttext} if importlib.util.find_spec("fasttext") else {}
_SLOW = ("VADER", "TextBlob")
_CALL_SIZES = (1, 16, 1000)


def _predicting(name: str, material: Material) -> Contender:
    answer, texts = ANSWERS[name](material), material.texts[: _FEW_ROWS if name in _SLOW else None]
    return Contender(lambda: answer(texts), len(texts))


def _calling(name: str, size: int, material: Material) -> Contender:
    """Return a contender that predicts ``size`` tweets per call, with different tweets in successive calls."""
    answer, texts = ANSWERS[name](material), [*material.texts] * -(-2 * size // len(material.texts))
    groups = itertools.cycle([texts[start : start + size] for start in range(0, len(texts) - size + 1, size)])
    return Contender(lambda: answer(next(groups)), size)


CONTENDERS: dict[str, dict[str, Callable[[Material], Contender]]] = {
    "preprocessing": {"ours": _ids, "spaCy blank + lookup, nlp.pipe": _spacy},
    "training": {"ours": _our_epoch, "Keras fit, padded": _keras_epoch},
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
    "training": "Keras fit, padded",
    "prediction": "VADER",
}
