"""The classifier as scikit-learn users expect it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import get_scorer
from sklearn.model_selection import cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

import sentiment
from tests.test_structure import tiny_model

TEXTS = ["love", "hate", "love love", "I hate it, hate"]
LABELS = ["positive", "negative", "positive", "negative"]


@pytest.fixture
def model(tiny_classifier):
    return tiny_classifier


def test_it_is_a_fitted_classifier(model) -> None:
    check_is_fitted(model)
    assert is_classifier(model)
    assert clone(model) is model
    assert model.get_params() == {}
    assert model.set_params() is model
    assert model.score(TEXTS, ["positive"] * 4) == 0.5


def test_pipelines_scorers_and_wrappers(model) -> None:
    shorter = FunctionTransformer(lambda texts: [text.replace("I ", "") for text in texts])
    pipeline = Pipeline([("shorter", shorter), ("model", model)])
    assert pipeline.predict(TEXTS).tolist() == LABELS
    assert pipeline.predict_proba(TEXTS).shape == (4, 2)
    assert get_scorer("accuracy")(model, TEXTS, LABELS) == 1
    assert get_scorer("roc_auc")(model, TEXTS, LABELS) == 1
    frozen = FrozenEstimator(model)
    assert frozen.fit(TEXTS, LABELS).predict(TEXTS).tolist() == LABELS
    assert cross_val_score(frozen, np.array(TEXTS), LABELS, cv=2).tolist() == [1, 1]
    assert "SentimentClassifier(classes=['negative', 'positive']" in repr(pipeline)


def test_fitting_is_refused_with_a_reason(model) -> None:
    with pytest.raises(sentiment.InputError, match=r"trained already .* wrap it in sklearn.frozen.FrozenEstimator"):
        model.fit(TEXTS, LABELS)
    with pytest.raises(sentiment.InputError, match="has no parameters, received units"):
        model.set_params(units=3)


@pytest.mark.parametrize(
    "texts",
    [
        pd.DataFrame({"tweet": TEXTS}), pd.DataFrame({"tweet": TEXTS})["tweet"], np.array(TEXTS)[:, None],
        pa.table({"tweet": TEXTS}), pa.table({"tweet": TEXTS})["tweet"], tuple(TEXTS), iter(TEXTS), np.array(TEXTS),
        pa.array(TEXTS), pa.chunked_array([TEXTS[:1], TEXTS[1:]]),
    ],
    ids=["frame of one", "series", "2d", "table of one", "column", "tuple", "iterator", "array", "Arrow", "chunked"],
)  # fmt: skip
def test_one_column_is_taken(model, texts) -> None:
    received, expected = model.predict_proba(texts), model.predict_proba(TEXTS)
    np.testing.assert_array_equal(received, expected)
    assert received.dtype == np.float32
    assert model.classes_[received.argmax(axis=1)].tolist() == LABELS


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (pd.DataFrame({"id": [1], "tweet": ["love"]}), r"a DataFrame with columns id, tweet: pass one column, such as"),
        (pd.DataFrame({"id": [1], "text": ["love"]}), r"columns id, text: pass one column, such as data\['text'\]"),
        (pa.table({"id": [1], "tweet": ["love"]}), r"a Table with columns id, tweet: pass one column"),
        (np.array([["a", "b"]]), r"a ndarray with shape \(1, 2\): pass one column"),
        ({"love": 1}, "received a dict: pass a list of its values"),
        ({"love"}, "received a set: pass a list"),
        (pd.Series(["love", np.nan], dtype=object), "received float as text 1, a missing value: leave such texts out"),
        (pd.Series(["a", None], dtype="string"), "received NAType as text 1, a missing value"),
        ("I love this", "expected a list of texts, received a single one"),
        (["a", None], "expected a string, received NoneType as text 1"),
        (["a", "\ud800"], "text 1 holds an unpaired surrogate"),
        (None, "expected a list of texts, received None"),
        (5, "expected a list of texts, received one int"),
        (np.array("x"), "expected a list of texts, received one ndarray"),
        (pa.scalar("x"), "expected a list of texts, received one StringScalar"),
        (pa.array([1, 2]), "expected text, received an array of int64"),
        (pa.array(["a", None]), "with 1 missing"),
    ],
)
def test_what_is_no_list_or_column_of_texts_is_refused(model, texts, message: str) -> None:
    for method in (model.predict, model.predict_proba, model.answer, model.labels):
        with pytest.raises(sentiment.InputError, match=message):
            method(texts)


def test_labels_with_a_threshold(model) -> None:
    texts = ["love", "qqq", "love hate hate love qqq"]
    assert model.labels(texts).tolist()[:2] == ["positive", "unknown"]
    assert model.labels(texts, force=True)[1] == "negative"
    assert model.labels(texts, threshold=1).tolist() == ["uncertain", "unknown", "uncertain"]
    for wrong in (70, "a", None, float("nan")):
        with pytest.raises(sentiment.InputError, match=f"expected a probability from 0 to 1, received {wrong!r}"):
            model.labels(texts, threshold=wrong)


def test_explain_and_repr(model) -> None:
    explanation = model.explain("the love")
    assert explanation.label == "positive"
    assert str(explanation).startswith("positive ")
    assert repr(model) == "SentimentClassifier(classes=['negative', 'positive'], vocabulary=15, cell='simple_rnn')"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS[:3], "expected a label for each of 4 texts"),
        ("positive", "expected a list of labels"),
        (None, "expected a list of .*, received None"),
        ([*LABELS[:3], None], "label 3 is missing"),
        (np.array([*LABELS[:3], np.nan], object), "label 3 is missing"),
        (pd.Series([*LABELS[:3], None], dtype="string"), "label 3 is missing"),
        ([1, 0, 1, 0], "expected labels among negative, positive, received 0, 1"),
    ],
)
def test_labels_that_cannot_be_scored_are_refused(model, labels, message) -> None:
    with pytest.raises(sentiment.InputError, match=message):
        model.score(TEXTS, labels)


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, pa.array, pd.Categorical])
def test_labels_of_any_kind_are_scored(model, kind) -> None:
    assert model.score(TEXTS, kind(LABELS)) == 1


def test_a_model_is_loaded_from_a_path() -> None:
    with pytest.raises(sentiment.InputError, match="expected the path of a model folder, received 5"):
        sentiment.load(5)


def test_labels_of_another_spelling_are_compared_as_training_compares_them(model) -> None:
    assert model.score(TEXTS, [f" {label.upper()} " for label in LABELS]) == model.score(TEXTS, LABELS) == 1.0


@pytest.mark.parametrize("classes", [("negative", "positive"), ("negative", "neutral", "positive")], ids=["2", "3"])
def test_scikit_learn_reads_the_columns_of_probabilities_rightly(tmp_path: Path, classes: tuple[str, ...]) -> None:
    model = sentiment.load(tiny_model(tmp_path / "model", classes))
    texts, labels = np.repeat(["hate", "qqq", "love"], 40), np.repeat(["negative", classes[-2], "positive"], 40)
    labels[::10] = "positive"  # so that figures are not all 1
    right, frozen = np.mean(model.predict(texts) == labels), FrozenEstimator(model)
    assert right >= 0.9
    assert get_scorer("roc_auc_ovr")(model, texts, labels) > 0.9
    assert get_scorer("neg_log_loss")(model, texts, labels) > -0.6
    wrappers = [CalibratedClassifierCV(frozen, method=each) for each in ("sigmoid", "isotonic", "temperature")]
    for wrapper in (VotingClassifier([("a", frozen), ("b", frozen)], voting="soft"), *wrappers):
        assert np.mean(wrapper.fit(texts, labels).predict(texts) == labels) >= right, wrapper
    columns = cross_val_predict(frozen, texts, labels, method="predict_proba", cv=3).argmax(axis=1)
    assert np.mean(np.unique(labels)[columns] == labels) == right
