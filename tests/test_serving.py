"""One artefact, one answer: SavedModel, NumPy inference and LiteRT agree, on tweets and on any Unicode."""

import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import sentiment
from pipelines.export import by_litert
from sentiment.export import formats
from sentiment.export.graph import GraphNetwork
from sentiment.text.lexicon import UNKNOWN
from tests.model_fixture import ODD_TWEETS, labelled_tweets, random_network, run_child, shared_model
from tests.test_network import IDS, make_network

TOLERANCE = 1e-5
SIGNATURES = {"serving_default", "serve_ids", "serve_ids_unrolled", "describe"}
TEXTS = [text for _, text in labelled_tweets()[:40]] + list(ODD_TWEETS)
AWKWARD = st.sampled_from(
    "İıßſKẞǅ１２٣\0\u200b\u200c\u200d\u200e\u202e\ufeff\u00a0\u2003\u0301\U0001f3fd👍❤️😂'’`<>&;:)(/!?. \t\n#@"
)
WORDS = st.sampled_from(["love", "hate", "don't", "http://a.b", "@sam", "goood", ":-(", "<3", "12,5", "coffee"])
TEXT = st.lists(st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), AWKWARD, WORDS), max_size=12)


@pytest.fixture(scope="module")
def model():
    return sentiment.load(shared_model().folder)


@pytest.fixture(scope="module")
def saved():
    return tf.saved_model.load(str(shared_model().folder / "saved_model" / "1"))


def served(saved, texts):
    return saved.signatures["serving_default"](text=tf.constant(texts))


def test_saved_model_answers_like_the_light_form(model, saved):
    answer = served(saved, TEXTS)
    np.testing.assert_allclose(answer["probabilities"].numpy(), model.predict_proba(TEXTS), atol=TOLERANCE)
    assert [label.decode() for label in answer["label"].numpy()] == model.predict(TEXTS).tolist()
    assert len(set(model.predict(TEXTS))) == 2
    known = model.answer(TEXTS).known
    np.testing.assert_allclose(answer["known"].numpy(), known, atol=1e-6)
    assert {0.0, 1.0} < set(known.tolist())


@settings(max_examples=30)
@given(texts=st.lists(TEXT.map("".join), min_size=1, max_size=20))
def test_any_unicode_gives_the_same_answers(model, saved, texts):
    """That ids are equal, too, is tested in test_text_graph."""
    answer, expected = served(saved, texts), model.answer(texts)
    np.testing.assert_allclose(answer["probabilities"], expected.probabilities, atol=TOLERANCE)
    np.testing.assert_allclose(answer["known"], expected.known, atol=1e-6)


def test_ids_through_keras_litert_and_the_second_signature(model, saved):
    folder = shared_model().folder
    ids = model.preprocessor.pad(model.preprocessor.encode(TEXTS))
    expected = model.predict_proba(TEXTS)
    by_keras = keras.models.load_model(folder / "model.keras").predict(ids, verbose=0)
    np.testing.assert_allclose(by_keras, expected, atol=0.05)  # the other forms have tables of 8 bits
    by_ids = saved.signatures["serve_ids"](ids=tf.constant(ids))["probabilities"]
    np.testing.assert_allclose(by_ids, expected, atol=TOLERANCE)
    np.testing.assert_allclose(by_litert(folder / "model.tflite", ids), expected, atol=TOLERANCE)


@pytest.mark.parametrize("cell", ["simple_rnn", "gru", "lstm"])
@pytest.mark.parametrize("pooling", ["last", "max", "mean", "max_mean"])
def test_every_cell_and_pooling_in_the_graph(cell: str, pooling: str) -> None:
    network = random_network(9, 2, cell, pooling)
    rows = [[0] * 4, [3, 0, 0, 0], [4, 5, 6, 7], [0] * 4, [8, 2, 0, 0], [1, 2, 3, 4], [0] * 4]
    ids = np.array(rows, np.int32)
    lengths = np.count_nonzero(ids, axis=1).astype(np.int32)
    answers = GraphNetwork(network)(tf.RaggedTensor.from_tensor(ids, lengths)).numpy()
    assert np.isfinite(answers).all()  # of rows without a token too
    np.testing.assert_allclose(answers[lengths > 0], network.of_padded(ids[lengths > 0]), atol=TOLERANCE)


def test_what_litert_says_of_itself_is_not_shown(monkeypatch, capfd):
    said = b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"
    monkeypatch.setattr(formats, "run_tflite", lambda path, ids: os.write(2, said))
    assert by_litert(Path("a"), None) == len(said)
    assert capfd.readouterr().err == ""


def test_batched_one_by_one_and_shuffled(model, saved):
    order = np.random.default_rng(1).permutation(len(TEXTS))
    whole = model.predict_proba(TEXTS)
    np.testing.assert_allclose(model.predict_proba([TEXTS[i] for i in order]), whole[order], atol=1e-6)
    np.testing.assert_allclose(np.concatenate([model.predict_proba([text]) for text in TEXTS]), whole, atol=1e-6)
    one = [served(saved, [text])["probabilities"].numpy() for text in TEXTS]
    np.testing.assert_allclose(np.concatenate(one), whole, atol=TOLERANCE)


def test_no_known_token_is_one_unknown_token(model):
    assert model.preprocessor.encode(["", "the of", "qwzx"]).values.tolist() == [UNKNOWN] * 3
    probabilities = model.predict_proba(["", " \t", "the of", "qwzx"])
    assert np.ptp(probabilities, axis=0).max() == 0


def test_bytes_that_are_not_utf8_are_served_as_replacement_characters(model, saved):
    answer = served(saved, [b"love \xff\xfe coffee", b"\xc3", b"lo\xffve"])
    texts = ["love \ufffd\ufffd coffee", "\ufffd", "lo\ufffdve"]
    np.testing.assert_allclose(answer["probabilities"].numpy(), model.predict_proba(texts), atol=TOLERANCE)
    assert answer["known"].numpy()[2] == 0  # two pieces that nobody knows: the bytes around it are not joined to a word


@pytest.mark.parametrize("text", ["love", [["love", "hate"]], [[]]])
def test_only_a_vector_of_texts_is_served(saved, text):
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"(?s)vector_of_tweets.*Shape of .* is not compatible with"
    ):
        served(saved, np.array(text, dtype=object).astype("S"))


def test_a_client_can_read_the_classes_and_the_text_treatment(model, saved):
    described = saved.signatures["describe"]()
    assert [name.decode() for name in described["classes"].numpy()] == model.classes_.tolist()
    treatment = json.loads(described["preprocessing"].numpy())
    assert treatment == json.loads((shared_model().folder / "preprocessing.json").read_text(encoding="utf-8"))
    assert treatment["rules"]
    lexicon = shared_model().folder / "saved_model/1/assets/lexicon.tsv"
    assert lexicon.read_bytes() == (shared_model().folder / "lexicon.tsv").read_bytes()


def test_no_texts_at_all(model, saved):
    assert model.predict_proba([]).shape == (0, 2)
    assert model.predict([]).shape == (0,)
    assert served(saved, np.array([], dtype=object).astype("S"))["probabilities"].shape == (0, 2)


def test_layout_for_tensorflow_serving():
    folder = shared_model().folder / "saved_model"
    assert (folder / "1" / "saved_model.pb").is_file()
    assert list((folder / "1" / "assets").iterdir())
    records = list(tf.data.TFRecordDataset(str(folder / "1" / "assets.extra" / "tf_serving_warmup_requests")))
    assert len(records) == 1
    assert b"serving_default" in records[0].numpy()
    assert b"I love this" in records[0].numpy()
    assert tf.saved_model.load(str(folder)).signatures.keys() == SIGNATURES


def test_a_process_imports_keras_alone_in_silence_and_both_files_of_a_network_need_none_of_our_code(model, tmp_path):
    """The SavedModel in plain TensorFlow, and in plain Keras a network of the default cell that also learns vectors."""
    network, _ = make_network(trainable_dimension=2)
    network.save(tmp_path / "model.keras")
    np.save(tmp_path / "ids.npy", IDS)
    code = (
        "import importlib.util, json, sys\n"
        "from pipelines.shared.stage import import_keras\n"
        "import_keras()\n"
        "unused = {'matplotlib', 'pandas', 'sklearn'}\n"
        "assert not unused & sys.modules.keys() and all(map(importlib.util.find_spec, unused))\n"
        "import keras, numpy as np, tensorflow as tf\n"
        "sys.stderr.write('imported\\n')\n"
        "ours = [name for name in sys.modules if name.split('.')[0] in ('sentiment', 'pipelines')]\n"
        "assert not [name for name in ours if '.network' in name or '.export' in name]\n"
        "sys.modules |= dict.fromkeys(('sentiment', 'pipelines', 'spacy', *ours))  # None: cannot be imported\n"
        f"f = tf.saved_model.load({str(shared_model().folder / 'saved_model' / '1')!r}).signatures['serving_default']\n"
        "answer = f(text=tf.constant(['I love this coffee', 'I hate this train']))\n"
        "network = keras.models.load_model('model.keras')\n"
        "np.save('answers.npy', network(np.load('ids.npy')))\n"
        "print(json.dumps([answer['probabilities'].numpy().tolist(), [x.decode() for x in answer['label'].numpy()]]))\n"
    )
    done = run_child("-c", code, cwd=tmp_path)
    assert done.stderr.startswith("imported\n")
    probabilities, labels = json.loads(done.stdout)
    expected = model.predict_proba(["I love this coffee", "I hate this train"])
    np.testing.assert_allclose(probabilities, expected, atol=TOLERANCE)
    assert labels == ["positive", "negative"]
    np.testing.assert_array_equal(np.load(tmp_path / "answers.npy"), network(IDS))
