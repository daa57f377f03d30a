"""What `bench` measures: ways to ids, to a trained network and to probabilities, each made only when asked for."""

import importlib.util
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.bench.material import TRAINING_ROWS, Contender, Material
from pipelines.shared import stage

if TYPE_CHECKING:
    import keras
    import numpy as np

    from sentiment.data.encoded import EncodedPart
    from sentiment.settings import Settings
    from sentiment.training.trainer import Trainer

_TAGGER = "en_core_web_sm"
_BATCH = 4096


def _vectorised(material: Material) -> Contender:
    treatment = material.model.preprocessor
    return Contender(lambda: treatment.pad(treatment.encode(material.texts)), len(material.texts))


def _plain_python(material: Material) -> Contender:
    """The same treatment with the standard library, one tweet after another."""
    from sentiment.text.lexicon import UNKNOWN
    from sentiment.text.normalisation import WHITE_SPACE

    treatment, few = material.model.preprocessor, material.texts[: material.few]
    space = re.compile(WHITE_SPACE)
    rules = [(re.compile(rule.pattern, re.ASCII), rule.replacement) for rule in treatment.rules]
    lower = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}

    def encode(text: str) -> list[int]:
        text = space.sub(" ", text.translate(lower))
        for pattern, replacement in rules:
            text = pattern.sub(replacement, text)
        ids = [i for token in text.split(" ") if token and (i := treatment.lexicon.ids.get(token, UNKNOWN))]
        return ids[: treatment.max_tokens] or [UNKNOWN]

    return Contender(lambda: [encode(text) for text in few], len(few))


def _spacy(make: Callable[[Any], Any], material: Material) -> Contender:
    import spacy

    language, few = make(spacy), material.texts[: material.few]
    return Contender(lambda: [[token.lemma_ for token in doc] for doc in language.pipe(few)], len(few))


def _lookup(spacy: Any) -> Any:
    language = spacy.blank("en")
    language.add_pipe("lemmatizer", config={"mode": "lookup"})
    language.initialize()
    return language


def _trainer(material: Material, part: "EncodedPart", settings: "Settings | None" = None) -> "tuple[Trainer, Any, Any]":
    """Ours, with training and validation batches of ``part``; under ``settings``, or those of the model."""
    from sentiment.training.fitting import make_batches, trainer_class

    chosen = settings or material.settings
    batches, validation = make_batches({"train": part, "validation": part}, chosen)
    trainer = trainer_class()(material.network(), chosen, len(batches), part.ids.shape[1])
    return trainer, batches, validation


def _plain(material: Material, batch_size: int) -> "keras.Model":
    """The plain network under the same loss and optimizer."""
    import keras

    from sentiment.training.trainer import make_optimizer

    options, model = material.settings.training, material.network()
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=options.label_smoothing)
    model.compile(make_optimizer(options, TRAINING_ROWS // batch_size), loss, jit_compile=False)
    return model


def _padded(material: Material, part: "EncodedPart") -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """Ids, one-hot labels and weights of ``part``'s rows as `fit` takes them."""
    import numpy as np

    from sentiment.training.class_weights import class_weights

    classes = len(material.model.classes_)
    weights = class_weights(part, classes, material.settings.training)
    return part.ids.astype(np.int32), np.eye(classes, dtype=np.float32)[part.labels], weights[part.labels]


def _ours(batch_size: int, material: Material) -> Contender:
    """Ours with ``batch_size`` tweets a batch; 0 takes the profile's own."""
    training = replace(material.settings.training, batch_size=batch_size or material.settings.training.batch_size)
    trainer, batches, _ = _trainer(material, material.part, replace(material.settings, training=training))
    return Contender(lambda: trainer.run(batches, "ours", learn=True), TRAINING_ROWS)


def _fit(batch_size: int, material: Material) -> Contender:
    from pipelines.bench.fit_epoch import fit_epoch

    model, (ids, y_true, weights) = _plain(material, batch_size), _padded(material, material.part)
    return Contender(fit_epoch(model, ids, y_true, sample_weight=weights, batch_size=batch_size), TRAINING_ROWS)


def losses(material: Material, rows: int) -> tuple[float, float]:
    """Loss of ours and of the plain network before training, on ``rows`` of the rows."""
    from sentiment.data.encoded import spread

    part = spread(material.part, rows)
    trainer, _, batches = _trainer(material, part)
    ids, y_true, weights = _padded(material, part)
    plain = _plain(material, rows).evaluate(ids, y_true, sample_weight=weights, batch_size=rows, verbose=0)
    return trainer.run(batches, "comparing", learn=False)["loss"], float(plain)


# What answers a list of raw tweets, each peer's own treatment of the text included.
_Answers = Callable[[Sequence[str]], Any]


def _light(material: Material) -> _Answers:
    return material.model.predict_proba


def _saved_model(material: Material) -> _Answers:
    import numpy as np
    import tensorflow as tf

    serve = tf.saved_model.load(str(material.folder / "saved_model" / "1")).signatures["serving_default"]

    def answer(texts: Sequence[str]) -> np.ndarray:
        parts = [serve(text=tf.constant(texts[i : i + _BATCH])) for i in range(0, len(texts), _BATCH)]
        return np.concatenate([part["probabilities"].numpy() for part in parts])

    return answer


def _vader(material: Material) -> _Answers:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyser = SentimentIntensityAnalyzer()
    return lambda texts: [analyser.polarity_scores(text)["compound"] for text in texts]


def _textblob(material: Material) -> _Answers:
    from textblob import TextBlob

    return lambda texts: [TextBlob(text).sentiment.polarity for text in texts]


def _fasttext(material: Material) -> _Answers:
    """Trained on tokens between single spaces, which is also what it is asked about."""
    import fasttext

    def tokens(texts: Sequence[str]) -> list[str]:
        return [" ".join(text.split()) for text in texts]

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        rows = tokens(material.texts[:TRAINING_ROWS])
        path.write_text("".join(f"__label__{i % 2} {text}\n" for i, text in enumerate(rows)), encoding="utf-8")
        classifier = fasttext.train_supervised(str(path), wordNgrams=2, bucket=200_000, thread=1, verbose=0)
    return lambda texts: classifier.predict(tokens(texts))


def _all_texts(make: Callable[[Material], _Answers], material: Material) -> Contender:
    answer = make(material)
    return Contender(lambda: answer(material.texts), len(material.texts))


def _few_texts(make: Callable[[Material], _Answers], material: Material) -> Contender:
    answer, few = make(material), material.texts[: material.few]
    return Contender(lambda: answer(few), len(few))


_Makers = dict[str, Callable[[Material], Contender]]
_ALL: dict[str, _Makers] = {
    "preprocessing": {
        "ours": _vectorised,
        "plain Python, a tweet at a time": _plain_python,
        "spaCy blank + lookup, nlp.pipe": partial(_spacy, _lookup),
        "spaCy tagger + lemmatiser": partial(_spacy, lambda spacy: spacy.load(_TAGGER, disable=["parser", "ner"])),
    },
    "training": {
        "ours, batch 1024": partial(_ours, 1024),
        "ours, the profile's batch": partial(_ours, 0),
        "Keras fit, padded, batch 1024": partial(_fit, 1024),
        "Keras fit, padded, batch 128": partial(_fit, 128),
    },
    "prediction": {
        "ours, light form": partial(_all_texts, _light),
        "ours, SavedModel, batches of 4096": partial(_all_texts, _saved_model),
        "VADER": partial(_few_texts, _vader),
        "TextBlob": partial(_few_texts, _textblob),
        "fastText": partial(_all_texts, _fasttext),
    },
}
_NEEDS = {"spaCy tagger + lemmatiser": _TAGGER, "TextBlob": "textblob", "fastText": "fasttext"}
AGAINST = {
    "preprocessing": "spaCy blank + lookup, nlp.pipe",
    "training": "Keras fit, padded, batch 1024",
    "prediction": "VADER",
}


def contenders(section: str) -> _Makers:
    """Those of a section whose packages are installed."""
    return {
        name: make
        for name, make in _ALL[section].items()
        if name not in _NEEDS or importlib.util.find_spec(_NEEDS[name])
    }


_ANSWERS = {
    "ours, light form": _light,
    "ours, SavedModel": _saved_model,
    "VADER": _vader,
    "TextBlob": _textblob,
    "fastText": _fasttext,
}


def answers(material: Material) -> dict[str, _Answers]:
    """Of those that predict and are installed: what answers a list of tweets."""
    return {
        name: make(material)
        for name, make in _ANSWERS.items()
        if name not in _NEEDS or importlib.util.find_spec(_NEEDS[name])
    }


def run_alone(arguments: Sequence[str]) -> None:
    """Make one contender and run it once, for a process of its own: ``root profile rows tweets model section name``."""
    root, profile, rows, tweets, answered_by, section, name = arguments
    material = Material(stage.Places(Path(root), profile), int(rows), int(rows), tweets, answered_by)
    contenders(section)[name](material).run()
