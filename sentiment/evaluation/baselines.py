"""Baselines that predict the same rows as the model: majority class, VADER, TextBlob, logistic regression, fastText."""

import importlib.util
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from sentiment.data.corpus import LabelledTexts
from sentiment.data.label_meanings import FASTTEXT_MARK

# VADER's authors call a text neutral if its compound score is within 0.05 of zero (Hutto and Gilbert, 2014).
_NEUTRAL = 0.05
_SEED = 7
# Scikit-learn's default pattern drops punctuation, and therefore emoticons. This pattern and C = 2 make logistic
# regression 0.9 percentage points better than the defaults on the validation rows of Sentiment140.
_WORDS_AND_MARKS = r"\w+|[^\w\s]+"
_C = 2.0
_FASTTEXT_RATES = (0.02, 0.05, 0.1, 0.3)


class BaselineAnswers(NamedTuple):
    """Predicted class indices ``(n,)``, and probabilities ``(n, classes)`` or None if the baseline has none."""

    labels: np.ndarray
    probabilities: np.ndarray | None


Predictor = Callable[[Sequence[str]], BaselineAnswers]


def fit_baselines(train: LabelledTexts, classes: Sequence[str]) -> dict[str, Predictor]:
    """Fit the trainable baselines on ``train``; return the prediction function of every installed baseline by name.

    The lexicon methods VADER and TextBlob are left out unless ``classes`` include ``negative`` and ``positive``.
    """
    from sklearn.dummy import DummyClassifier

    baselines = {"majority": predictor_of(DummyClassifier(strategy="prior").fit(train.texts, train.labels))}
    if {"negative", "positive"} <= set(classes):
        if importlib.util.find_spec("vaderSentiment"):
            from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

            scores = SentimentIntensityAnalyzer().polarity_scores
            baselines["vader"] = _by_score(lambda text: scores(text)["compound"], classes)
        if importlib.util.find_spec("textblob"):
            from textblob.en.sentiments import PatternAnalyzer

            analyse = PatternAnalyzer().analyze
            baselines["textblob"] = _by_score(lambda text: analyse(text).polarity, classes)
    baselines["tfidf_logistic_regression"] = predictor_of(train_regression(train))
    if importlib.util.find_spec("fasttext"):
        baselines["fasttext"] = _fasttext(train, len(classes))
    return baselines


def _by_score(score: Callable[[str], float], classes: Sequence[str]) -> Predictor:
    """Return a prediction function that labels a text "positive" if its ``score`` is above 0, else "negative".

    If there is a class "neutral", texts with a score closer to 0 than ``_NEUTRAL`` get this class.
    """

    def predict(texts: Sequence[str]) -> BaselineAnswers:
        values = np.array([score(text) for text in texts])
        labels = np.where(values > 0, classes.index("positive"), classes.index("negative"))
        if "neutral" in classes:
            labels[np.abs(values) < _NEUTRAL] = classes.index("neutral")
        return BaselineAnswers(labels, None)

    return predict


def train_regression(train: LabelledTexts) -> Any:
    """Train logistic regression on TF-IDF weights of words and pairs of words, as a scikit-learn pipeline."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), token_pattern=_WORDS_AND_MARKS, dtype=np.float32)
    pipeline = make_pipeline(vectorizer, LogisticRegression(C=_C, max_iter=1000, random_state=_SEED))
    return pipeline.fit(train.texts, train.labels)


def predictor_of(classifier: Any) -> Predictor:
    """Return a prediction function that calls ``classifier.predict_proba``."""

    def predict(texts: Sequence[str]) -> BaselineAnswers:
        probabilities = classifier.predict_proba(texts)
        return BaselineAnswers(probabilities.argmax(axis=1), probabilities)

    return predict


def train_fasttext(train: LabelledTexts) -> Any:
    """Train supervised fastText with bigrams (Joulin et al., 2017), on one thread for deterministic results.

    Rows are shuffled, because fastText reads rows in order and corpora are often sorted by class. The learning rate is
    chosen on a tenth of the rows, because a small corpus needs a higher rate than a large corpus.
    """
    order = np.random.default_rng(_SEED).permutation(len(train.labels))
    lines = [f"{FASTTEXT_MARK}{train.labels[i]} {as_fasttext_reads(train.texts[i])}\n" for i in order]
    held = len(lines) // 10
    tried = {rate: _fasttext_model(lines[held:], rate) for rate in _FASTTEXT_RATES}
    right = {rate: _fasttext_hits(model, lines[:held]) for rate, model in tried.items()}
    return _fasttext_model(lines, max(right, key=lambda rate: right[rate]))


def _fasttext(train: LabelledTexts, classes: int) -> Predictor:
    model = train_fasttext(train)

    def predict(texts: Sequence[str]) -> BaselineAnswers:
        probabilities = np.zeros((len(texts), classes))
        answers = model.predict([as_fasttext_reads(text) for text in texts], k=classes)
        for row, (names, shares) in enumerate(zip(*answers, strict=True)):
            probabilities[row, [int(name.removeprefix(FASTTEXT_MARK)) for name in names]] = shares
        return BaselineAnswers(probabilities.argmax(axis=1), probabilities)

    return predict


def as_fasttext_reads(text: str) -> str:
    """Return ``text`` in lower case with blanks between words and punctuation marks."""
    return " ".join(re.findall(_WORDS_AND_MARKS, text.lower()))


def _fasttext_model(lines: Sequence[str], rate: float) -> Any:
    import fasttext

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "train.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(lines)
        return fasttext.train_supervised(path, lr=rate, epoch=5, wordNgrams=2, thread=1, seed=_SEED, verbose=0)


def _fasttext_hits(model: Any, lines: Sequence[str]) -> int:
    pairs = [line.rstrip("\n").split(" ", 1) for line in lines]
    answers, _ = model.predict([text for _, text in pairs])
    return sum([label] == names for (label, _), names in zip(pairs, answers, strict=True))
