"""One function, whichever way it is asked: raw text or ids; NumPy, Keras, SavedModel or LiteRT."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tensorflow.core.framework.tensor_pb2 import TensorProto

import sentiment
from pipelines.artefacts import read_preprocessor
from sentiment.classifier import SentimentClassifier
from sentiment.folding import fold
from sentiment.lexicon import UNKNOWN
from sentiment.network import build_network
from sentiment.preprocessing import Preprocessor
from sentiment.saved_model import ServingModule, run_tflite, to_tflite
from sentiment.settings import NetworkSettings
from tests.model_fixture import ODD_TWEETS, Trained, child_environment, labelled_tweets, shared_model, trained

__all__ = ["trained"]

OWN_TWEETS = [text for _, text in labelled_tweets()[::7]]
TOLERANCE = 1e-5

# Characters that text treatments tend to disagree on, strewn among any others.
TRICKY = (
    "\x00", "\t", "\n", "\r", "\x0b", "\x1c", "\x7f", "\x85", "\xa0", "\xad", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f",
    "\u2028", "\u2029", "\u202e", "\u2060", "\u3000", "\ufeff", "\ufffd", "\ufe0f", "\u0301", "\u0345", "İ", "ı", "ß", "ẞ", "K",
    "ſ", "Å", "ﬁ", "Σ", "ς", "１", "２３", "٣", "👍🏽", "👩‍👩‍👧", "🇫🇷", "❤️", "😂", "א", "ع", "’", "‘", "´", "'", "…", "love", "HATE",
    "the", "don't", "@sam", "#tag", "http://t.co/x", "www.a.com", "&amp;", "&lt;3", "<3", "</3", ":)", ":-(", "xD", "!!", "?!", "12,5",
    "soooo", "\U0010ffff", "<unk>", "<pad>", "<user>",
)  # fmt: skip
ANY_TEXT = st.lists(
    st.one_of(st.sampled_from(TRICKY), st.characters(exclude_categories=("Cs",)), st.just(" ")), max_size=25
).map("".join)


class Forms:
    """Every form of the shared model, read once."""

    def __init__(self, made: Trained) -> None:
        self.light: SentimentClassifier = sentiment.load(made.folder)
        self.preprocessor: Preprocessor = read_preprocessor(made.processed, "make")
        self.keras = keras.models.load_model(made.folder / "model.keras")
        self.saved = tf.saved_model.load(str(made.folder / "saved_model" / "1"))
        self.module = ServingModule(
            self.preprocessor,
            self.light.network,
            self.light.classes_.tolist(),
            made.folder / "lexicon.tsv",
            masking=True,
        )

    def by_text(self, texts: list[Any]) -> np.ndarray:
        """The SavedModel's answer to raw text."""
        return self.saved.signatures["serving_default"](text=tf.constant(texts))["probabilities"].numpy()

    def by_ids(self, texts: list[str]) -> np.ndarray:
        """The trained Keras network's answer to the ids of the texts."""
        return np.asarray(self.keras(self.preprocessor.pad(self.preprocessor.encode(texts))))


@pytest.fixture(scope="module")
def forms() -> Forms:
    return _forms()


def assert_all_agree(forms: Forms, texts: list[str]) -> None:
    light = forms.light.predict_proba(texts)
    np.testing.assert_allclose(forms.by_text(texts), light, atol=TOLERANCE)
    np.testing.assert_allclose(forms.by_ids(texts), light, atol=TOLERANCE)
    rows = forms.preprocessor.encode(texts)
    ragged = forms.module.encode(tf.constant(texts))
    np.testing.assert_array_equal(ragged.values, rows.values)
    np.testing.assert_array_equal(ragged.row_lengths(), rows.lengths)


@pytest.mark.parametrize("texts", [OWN_TWEETS, list(ODD_TWEETS)], ids=["tweets", "odd"])
def test_raw_text_and_ids_have_one_answer_in_every_form(forms: Forms, texts: list[str]) -> None:
    assert_all_agree(forms, texts)
    assert np.ptp(forms.light.predict_proba(texts)[:, 0]) > 0.1, "answers that are all alike would hide a difference"


@given(st.lists(ANY_TEXT, min_size=1, max_size=20))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_unicode_has_one_answer_in_every_form(texts: list[str]) -> None:
    assert_all_agree(_forms(), texts)


_kept: list[Forms] = []


def _forms() -> Forms:
    if not _kept:
        _kept.append(Forms(shared_model()))
    return _kept[0]


def test_no_text_at_all_has_no_answers(forms: Forms) -> None:
    assert forms.light.predict_proba([]).shape == (0, 2)
    assert forms.saved.signatures["serving_default"](text=tf.constant([], tf.string))["probabilities"].shape == (0, 2)


@pytest.mark.parametrize("folder", ["saved_model", "saved_model/1"])
def test_both_signatures_of_both_folders_answer_as_python_does(forms: Forms, trained: Trained, folder: str) -> None:
    saved = tf.saved_model.load(str(trained.folder / folder))
    assert set(saved.signatures) == {"serving_default", "serve_ids"}
    expected = forms.light.predict_proba(OWN_TWEETS)
    answer = saved.signatures["serving_default"](text=tf.constant(OWN_TWEETS))
    assert set(answer) == {"probabilities", "label"}
    np.testing.assert_allclose(answer["probabilities"], expected, atol=TOLERANCE)
    assert answer["probabilities"].dtype == tf.float32
    assert [label.decode() for label in answer["label"].numpy()] == forms.light.predict(OWN_TWEETS).tolist()
    ids = forms.preprocessor.pad(forms.preprocessor.encode(OWN_TWEETS))
    by_ids = saved.signatures["serve_ids"](ids=tf.constant(ids))
    assert set(by_ids) == {"probabilities"}
    np.testing.assert_allclose(by_ids["probabilities"], expected, atol=TOLERANCE)
    assert saved.signatures["serve_ids"].structured_input_signature[1]["ids"].shape.as_list() == [None, 8]


@pytest.mark.parametrize(
    ("raw", "same_as"),
    [
        (b"\xff\xfe love", "\ufffd\ufffd love"),
        (b"love \xc3", "love \ufffd"),
        (b"\xed\xa0\x80 hate", "\ufffd\ufffd\ufffd hate"),  # a surrogate, as some encoders write it
        (b"\xc0\x80love", "\ufffd\ufffdlove"),
        (b"\xf5\x80\x80\x80", "\ufffd"),
    ],
)
def test_bytes_that_are_not_utf8_do_not_stop_the_saved_model(forms: Forms, raw: bytes, same_as: str) -> None:
    answers = forms.by_text([raw, b"love"])
    np.testing.assert_allclose(answers[0], forms.by_text([same_as])[0], atol=TOLERANCE)
    np.testing.assert_allclose(answers[1], forms.by_text(["love"])[0], atol=TOLERANCE)


def test_batched_one_by_one_and_shuffled_answers_are_the_same(forms: Forms) -> None:
    texts = [*OWN_TWEETS[:8], *ODD_TWEETS[:16]]
    order = np.random.default_rng(1).permutation(len(texts))
    shuffled = [texts[i] for i in order]
    for ask in (forms.light.predict_proba, forms.by_text, forms.by_ids):
        together = ask(texts)
        np.testing.assert_allclose(np.concatenate([ask([text]) for text in texts]), together, atol=1e-6)
        np.testing.assert_allclose(ask(shuffled), together[order], atol=1e-6)


def test_a_large_batch_is_answered_as_its_rows_are(forms: Forms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentiment.classifier._ROWS_PER_BATCH", 10)
    expected = np.concatenate([forms.by_ids(OWN_TWEETS[:40]), forms.by_ids(OWN_TWEETS[:3])])
    np.testing.assert_allclose(forms.light.predict_proba(OWN_TWEETS[:40] + OWN_TWEETS[:3]), expected, atol=TOLERANCE)


@pytest.mark.parametrize("text", ["", " \u2003\u200b ", "the of and", "...", "qwzxq"])
def test_a_tweet_without_a_known_token_has_the_answer_of_one_unknown_token(forms: Forms, text: str) -> None:
    unknown = np.zeros((1, 8), np.int32)
    unknown[0, 0] = UNKNOWN
    expected = np.asarray(forms.keras(unknown))
    for ask in (forms.light.predict_proba, forms.by_text, forms.by_ids):
        np.testing.assert_allclose(ask([text]), expected, atol=TOLERANCE)


def test_tokens_past_the_longest_row_change_nothing(forms: Forms) -> None:
    for ask in (forms.light.predict_proba, forms.by_text):
        long = ask(["love hate " * 4, "love hate " * 4 + "hate " * 50])
        np.testing.assert_allclose(long[0], long[1], atol=1e-6)


def test_lite_rt_agrees(forms: Forms, trained: Trained) -> None:
    texts = [*OWN_TWEETS, *ODD_TWEETS]
    ids = forms.preprocessor.pad(forms.preprocessor.encode(texts))
    received = run_tflite(trained.folder / "model.tflite", ids)
    np.testing.assert_allclose(received, forms.light.predict_proba(texts), atol=TOLERANCE)
    np.testing.assert_allclose(run_tflite(trained.folder / "model.tflite", ids[:1]), received[:1], atol=TOLERANCE)


# Other networks, untrained, with weights that make answers differ


VARIANTS = [
    {"masking": False},
    {"masking": False, "padding": "pre", "cell": "gru"},
    {"padding": "pre", "pooling": "last"},
    {"cell": "gru", "pooling": "max", "trainable_dimension": 2},
    {"cell": "lstm", "pooling": "mean", "bidirectional": False},
    {"cell": "lstm", "pooling": "last", "masking": False},
]


@pytest.mark.parametrize("variant", VARIANTS, ids=[" ".join(map(str, variant.values())) for variant in VARIANTS])
def test_other_networks_agree_too(forms: Forms, trained: Trained, tmp_path: Path, variant: dict[str, Any]) -> None:
    options = dict(variant)
    padding = options.pop("padding", "post")
    chosen = NetworkSettings(**({"projection": (3,), "units": 3} | options))
    random, vocabulary = np.random.default_rng(2), len(forms.preprocessor.lexicon.vocabulary)
    model = build_network(random.normal(size=(vocabulary, 4)).astype(np.float32), chosen, 2)
    for variable in model.trainable_variables:
        variable.assign(random.normal(size=variable.shape))
    preprocessor = Preprocessor(forms.preprocessor.rules, forms.preprocessor.lexicon, 8, padding)
    network = fold(model, chosen)
    light = SentimentClassifier(preprocessor, network, ("negative", "positive"), chosen.masking)
    texts = [*OWN_TWEETS[:10], *ODD_TWEETS, "love " * 8]
    ids = preprocessor.pad(preprocessor.encode(texts))
    expected = np.asarray(model(ids))
    assert np.ptp(expected[:, 0]) > 0.05
    np.testing.assert_allclose(light.predict_proba(texts), expected, atol=TOLERANCE)
    module = ServingModule(
        preprocessor, network, ["negative", "positive"], trained.folder / "lexicon.tsv", chosen.masking
    )
    np.testing.assert_allclose(module.serve(tf.constant(texts))["probabilities"], expected, atol=TOLERANCE)
    np.testing.assert_allclose(module.serve_ids(tf.constant(ids))["probabilities"], expected, atol=TOLERANCE)
    if variant in VARIANTS[1:3]:
        (tmp_path / "model.tflite").write_bytes(to_tflite(network, 8, chosen.masking))
        np.testing.assert_allclose(run_tflite(tmp_path / "model.tflite", ids), expected, atol=TOLERANCE)


# What TensorFlow alone can do with the folder


def fields(message: bytes) -> dict[int, bytes]:
    """The length-delimited fields of a Protocol Buffers message."""
    found, at = {}, 0
    while at < len(message):
        number, at = message[at] >> 3, at + 1
        length = shift = 0
        while True:
            length |= (message[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if message[at - 1] < 0x80:
                break
        found[number], at = message[at : at + length], at + length
    return found


def test_the_warm_up_record_is_a_request_the_model_can_answer(forms: Forms, trained: Trained) -> None:
    path = trained.folder / "saved_model" / "1" / "assets.extra" / "tf_serving_warmup_requests"
    (record,) = [item.numpy() for item in tf.data.TFRecordDataset(str(path))]
    request = fields(fields(fields(record)[6])[1])  # PredictionLog.predict_log.request
    assert fields(request[1]) == {1: b"default", 3: b"serving_default"}
    entry = fields(request[2])
    assert entry[1] == b"text"
    texts = tf.make_ndarray(TensorProto.FromString(entry[2]))
    assert texts.shape == (2,)
    assert forms.by_text(texts.tolist()).shape == (2, 2)


def test_tensorflow_alone_loads_and_answers_in_another_place(forms: Forms, trained: Trained, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(trained.folder / "saved_model", moved, symlinks=True)
    code = (
        "import sys, tensorflow as tf\n"
        "model = tf.saved_model.load(sys.argv[1])\n"
        "answer = model.signatures['serving_default'](text=tf.constant(['I love this coffee', 'they hate soup']))\n"
        "print(answer['probabilities'].numpy().tolist())\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in ('sentiment', 'pipelines', 'spacy')))\n"
    )
    environment = {k: v for k, v in child_environment().items() if k != "PYTHONPATH"}
    command = [sys.executable, "-c", code, str(moved)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answers, modules = done.stdout.splitlines()
    expected = forms.light.predict_proba(["I love this coffee", "they hate soup"])
    np.testing.assert_allclose(np.array(json.loads(answers)), expected, atol=TOLERANCE)
    assert modules == "[]"
