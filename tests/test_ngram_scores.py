"""Scores of n-grams beside the network: fitted by a linear model, and one network with them in every form."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sentiment.common.ragged import ragged
from sentiment.data.encoded import EncodedPart
from sentiment.errors import SettingsError
from sentiment.export.formats import run_tflite, to_tflite
from sentiment.export.graph import GraphNetwork
from sentiment.network.folded import softmax
from sentiment.network.keras_network import fold, with_ngram_scores
from sentiment.network.ngrams import buckets_of_rows, ngram_buckets, ngram_logits, times_factor_in_float32
from sentiment.settings import MOST_NGRAM_BUCKETS, NetworkSettings, TrainingSettings
from sentiment.training.candidates import apply_temperature
from sentiment.training.ngram_scores import choose_factor, fit_ngram_scores
from tests.test_network import CLASSES, make_network

RANDOM = np.random.default_rng(4)
BUCKETS = 97
IDS = np.array([[2, 3, 3, 0], [4, 0, 0, 0], [5, 2, 6, 1], [3, 7, 8, 4]], np.int32)


def by_hand(rows: list[list[int]], values: np.ndarray) -> np.ndarray:
    """The scores of each row's n-grams, hashed one at a time in Python's own integers."""

    def bucket(*ngram: int) -> int:
        code = len(ngram)
        for token in ngram:
            code = (code * 1109 + token) % len(values)
        return code

    def logits(row: list[int]) -> np.ndarray:
        around = [0, *row, 0]
        triples = list(zip(around, row, around[2:], strict=False))
        found = [bucket(*ngram) for a, b, c in triples for ngram in ((b,), (a, b), (a, b, c))]
        return values[found].sum(axis=0) / np.sqrt(len(row))

    return np.array([logits(row) for row in rows])


def test_logits_are_those_worked_by_hand() -> None:
    rows = [[5, 2, 6, 1], [4], [3, 7, 4, 4, 9]]
    values = RANDOM.normal(size=(BUCKETS, 3)).astype(np.float32)
    np.testing.assert_allclose(ngram_logits(values, ragged(rows)), by_hand(rows, values), atol=1e-6)


def test_the_order_of_two_words_counts_and_the_order_of_rows_does_not() -> None:
    values = RANDOM.normal(size=(BUCKETS, 2)).astype(np.float32)
    one, other = (ngram_logits(values, ragged(rows)) for rows in ([[5, 2], [2, 5]], [[2, 5], [5, 2]]))
    assert np.abs(one[0] - one[1]).max() > 0.1
    np.testing.assert_array_equal(one, other[::-1])


@pytest.mark.parametrize("id_", [2, 1_000_000])
def test_the_most_buckets_and_a_large_id_do_not_overflow_32_bits(id_: int) -> None:
    ids = np.full(2000, id_, np.int32) + np.arange(2000, dtype=np.int32)
    buckets = MOST_NGRAM_BUCKETS - 1  # by a power of two the remainder would be right whatever overflows
    narrow = ngram_buckets(ids[:-2], ids[1:-1], ids[2:], buckets)
    wide = ngram_buckets(*(part.astype(np.int64) for part in (ids[:-2], ids[1:-1], ids[2:])), buckets)
    assert {each.dtype for each in narrow} == {np.dtype(np.int32)}
    np.testing.assert_array_equal(narrow, wide)
    assert np.min(narrow) >= 0
    assert np.max(narrow) > 0.99 * MOST_NGRAM_BUCKETS


def test_runtimes_that_calculate_in_float32_find_the_same_buckets() -> None:
    ids = np.random.default_rng(1).integers(0, 400_000, 3000, np.int32)
    rows = ids[:-2], ids[1:-1], ids[2:]
    narrow = ngram_buckets(
        *(part.astype(np.float32) for part in rows), MOST_NGRAM_BUCKETS, times=times_factor_in_float32
    )
    np.testing.assert_array_equal(narrow, ngram_buckets(*rows, MOST_NGRAM_BUCKETS))


def test_pairs_of_frequent_words_have_buckets_of_their_own() -> None:
    first, second = np.meshgrid(*[np.arange(2, 700, dtype=np.int32)] * 2)
    pair = ngram_buckets(first, second, second, MOST_NGRAM_BUCKETS)[1]
    assert len(np.unique(pair)) == first.size


NETWORKS: dict[str, dict[str, Any]] = {
    "default": {},
    "gru, one direction": {"projection": (), "cell": "gru", "bidirectional": False, "pooling": "last"},
    "mean": {"pooling": "mean"},
}


def scored_network(case: str) -> tuple[keras.Model, NetworkSettings, np.ndarray]:
    """A network of random weights with n-gram scores, and the probabilities it should give for ``IDS``."""
    model, settings = make_network(**NETWORKS[case])
    values, bias = RANDOM.normal(size=(BUCKETS, CLASSES)).astype(np.float32), np.arange(CLASSES) / 4
    scores = by_hand([row[row > 0].tolist() for row in IDS], values) + bias
    logits = np.log(np.asarray(model(IDS))) + scores
    return with_ngram_scores(model, values, bias), settings, softmax(logits)


@pytest.mark.parametrize("case", NETWORKS)
def test_every_form_adds_them(case: str, tmp_path: Path) -> None:
    model, settings, expected = scored_network(case)
    folded = fold(model, settings)
    graph = GraphNetwork(folded)
    lengths = np.count_nonzero(IDS, axis=1)
    model.save(tmp_path / "model.keras")
    answers = {
        "Keras": model(IDS),
        "Keras, reloaded": keras.models.load_model(tmp_path / "model.keras")(IDS),
        "folded": folded.of_padded(IDS),
        "one by one": np.concatenate([folded.of_padded(row[None]) for row in IDS]),
        "graph": graph(tf.RaggedTensor.from_tensor(IDS, lengths)),
        "unrolled": graph.unrolled(tf.constant(IDS)),
    }
    if case == "default":  # the conversion takes a while
        (tmp_path / "model.tflite").write_bytes(to_tflite(folded, IDS.shape[1]))
        answers["LiteRT"] = run_tflite(tmp_path / "model.tflite", IDS)
    for form, answer in answers.items():
        np.testing.assert_allclose(answer, expected, atol=1e-5, err_msg=form)


def test_padding_ahead_of_the_tokens_answers_as_behind() -> None:
    model, settings, expected = scored_network("default")
    ahead = np.array([[*row[row == 0], *row[row > 0]] for row in IDS], np.int32)
    np.testing.assert_allclose(model(ahead), expected, atol=1e-5)
    np.testing.assert_allclose(GraphNetwork(fold(model, settings)).unrolled(ahead), expected, atol=1e-5)


def test_the_temperature_divides_them_too() -> None:
    model, _, expected = scored_network("default")
    apply_temperature(model, 2.0)
    np.testing.assert_allclose(model(IDS), softmax(np.log(expected) / 2), atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_pair_is_found_that_its_words_do_not_tell(classes: int) -> None:
    """Class 0 has *2 3*, the others *3 2*; class 2, if any, has 4 beside."""
    labels = RANDOM.integers(0, classes, 400)
    pairs = np.where(labels[:, None] == 0, [2, 3], [3, 2])
    noise = RANDOM.integers(5, 9, (400, 2))
    last = np.where(labels == 2, 4, 5)[:, None]
    ids = np.concatenate([noise, pairs, last], axis=1).astype(np.uint8)
    part = EncodedPart(ids, labels)
    scores = fit_ngram_scores(part, np.ones(classes), 4096, np.zeros((400, classes)))
    assert scores.values.shape == (4096, classes)
    assert (scores.logits(ids).argmax(axis=1) == labels).mean() > 0.95


def test_an_n_gram_of_a_single_row_says_nothing() -> None:
    part = EncodedPart(np.array([[2, 3], [2, 4], [5, 6], [5, 7]], np.uint8), np.array([0, 0, 1, 1]))
    values = fit_ngram_scores(part, np.ones(2), 4096, np.zeros((4, 2))).values
    word, pair, triple = (found[0::2] for found in buckets_of_rows(ragged(part.ids.tolist()), 4096))
    assert (values[word] != 0).all()
    assert (values[pair] != 0).all()  # padding and 2, or 5: at the start of two rows each
    assert not values[triple].any()


def test_a_class_that_weighs_more_is_answered_more() -> None:
    labels = np.repeat([0, 1], [800, 200])
    part = EncodedPart(RANDOM.integers(2, 9, (1000, 4)), labels)
    even, heavy = (
        fit_ngram_scores(part, np.array(weights), 4096, np.zeros((1000, 2))).logits(part.ids)
        for weights in ([1.0, 1.0], [0.625, 2.5])
    )
    assert (even.argmax(axis=1) == 1).mean() < (heavy.argmax(axis=1) == 1).mean() - 0.1


def test_what_the_network_says_already_is_left_to_it() -> None:
    labels = np.arange(5_000) % 2  # with fewer rows the network is not asked
    ids = np.where(labels[:, None] == 0, [2, 3], [3, 2])
    ids[:1_000] = ids[:1_000, ::-1]  # a fifth is wrong
    part, weights = EncodedPart(ids, labels), np.ones(2)
    sure = np.where(np.eye(2)[ids[:, 0] - 2] > 0, np.log(0.8), np.log(0.2))
    unsure, known = (fit_ngram_scores(part, weights, 4096, logits).values for logits in (np.zeros((5_000, 2)), sure))
    assert np.abs(known).max() < 0.02 < np.abs(unsure).max()


def test_the_share_is_the_best_on_the_validation_rows() -> None:
    labels = np.arange(400) % 2
    right, weights = np.where(np.eye(2)[labels] > 0, 1.0, -1.0), np.ones(2)
    noise = RANDOM.normal(size=(2, 400, 2))
    share, loss, without = choose_factor(np.full((400, 2), 0.5), right, labels, weights)
    assert share > 0
    assert loss < without
    network = softmax(right + noise[0])
    assert choose_factor(network, noise[1] - right, labels, weights)[0] == 0.0
    assert 0.5 <= choose_factor(network, right + noise[1], labels, weights)[0] <= 1.5


def test_too_many_buckets_are_refused() -> None:
    with pytest.raises(SettingsError, match="training.ngram_buckets: expected at most 1048576, received 1048577"):
        TrainingSettings(ngram_buckets=MOST_NGRAM_BUCKETS + 1)
