"""Word scores beside the network: fitted as scikit-learn has it, and one network with it in every form."""

import numpy as np
import pytest

from sentiment.data.encoded import EncodedPart
from sentiment.network.folding import fold
from sentiment.network.keras_network import build_network
from sentiment.settings import NetworkSettings
from sentiment.training.batches import token_batch
from sentiment.training.distinct_tokens import DistinctTokensModel
from sentiment.training.word_scores import (
    WordScores,
    channel_words,
    choose_share,
    fit_word_scores,
    fits,
    with_word_scores,
)

RANDOM = np.random.default_rng(3)
IDS = np.array([[2, 3, 3, 0], [4, 0, 0, 0], [5, 2, 6, 1], [3, 7, 8, 4]], np.int32)


def test_logits_are_the_mean_score_of_the_words_by_hand() -> None:
    values = np.array([[9.0, 9.0], [1.0, -1.0], [2.0, 0.0], [4.0, 6.0]], np.float32)
    scores = WordScores(values, np.array([0.5, 0.0], np.float32))
    ids = np.array([[2, 3, 3, 0], [7, 2, 0, 0], [0, 0, 0, 0]])  # 7 has no score: that of the unknown word
    np.testing.assert_allclose(scores.logits(ids), [[10 / 3 + 0.5, 4], [2, -0.5], [0.5, 0]], rtol=1e-6)


@pytest.mark.parametrize("classes", [2, 3])
def test_scores_are_found_that_tell_the_classes_apart(classes: int) -> None:
    labels = RANDOM.integers(0, classes, 300)
    noise = RANDOM.integers(2 + classes, 12, (300, 3))
    part = EncodedPart(np.concatenate([labels[:, None] + 2, noise], axis=1).astype(np.uint8), labels)
    scores = fit_word_scores(part, np.ones(classes, np.float32), 12)
    assert scores.values.shape == (12, classes)
    assert (scores.values[2 : 2 + classes].argmax(axis=1) == np.arange(classes)).all()
    assert (scores.logits(part.ids).argmax(axis=1) == labels).mean() > 0.95


def test_a_class_that_weighs_more_is_answered_more() -> None:
    labels = np.repeat([0, 1], [80, 20])
    part = EncodedPart(RANDOM.integers(2, 9, (100, 4)), labels)
    even, heavy = (
        fit_word_scores(part, np.array(weights), 9).logits(part.ids) for weights in ([1.0, 1.0], [0.625, 2.5])
    )
    assert (even.argmax(axis=1) == 1).mean() < 0.1
    assert 0.3 < (heavy.argmax(axis=1) == 1).mean() < 0.7


def test_the_share_is_even_unless_another_is_clearly_better() -> None:
    labels = np.arange(40) % 2
    right = np.where(np.eye(2)[labels] > 0, 2.0, -2.0)
    unsure, weights = np.full((40, 2), 0.5), np.ones(2)
    share, loss, without = choose_share(unsure, right, labels, weights)
    assert share == 0.75
    assert loss < without
    assert choose_share(np.exp(right) / np.exp(right).sum(1, keepdims=True), -right, labels, weights)[0] == 0.0
    assert choose_share(unsure, np.zeros((40, 2)), labels, weights)[0] == 0.5  # all the same


NETWORKS = {
    "default": NetworkSettings(projection=(6, 5), units=3),
    "one direction": NetworkSettings(projection=(4,), units=3, bidirectional=False, pooling="mean"),
    "with a channel": NetworkSettings(projection=(4,), units=3, trainable_dimension=2, trainable_words=7),
}


@pytest.mark.parametrize("case", NETWORKS)
@pytest.mark.parametrize("share", [0.25, 1.0])
def test_the_wider_network_adds_the_logits(case: str, share: float) -> None:
    settings = NETWORKS[case]
    assert fits(settings)
    model = build_network(RANDOM.normal(size=(12, 4)).astype(np.float32), settings, 3, seen=9)
    for layer in model.layers:
        layer.set_weights([RANDOM.normal(size=weight.shape) for weight in layer.get_weights()])
    words = channel_words(model, 9)
    assert words == (7 if settings.trainable_words else 9)
    scores = WordScores(RANDOM.normal(0, 5, (words, 3)).astype(np.float32), RANDOM.normal(size=3).astype(np.float32))
    ids = np.concatenate([IDS, IDS[:, ::-1] % 2 * 9])
    wider, network = with_word_scores(model, settings, scores, share, 9)
    length = np.hypot(1 - share, share)
    logits = ((1 - share) * np.log(np.asarray(model(ids))) + share * scores.logits(ids)) / length
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(wider(ids), expected, atol=1e-5)
    np.testing.assert_allclose(fold(wider, network).of_padded(ids[:4]), expected[:4], atol=1e-5)
    trained = DistinctTokensModel(wider, network)(token_batch(IDS)._asdict())
    np.testing.assert_allclose(trained, expected[:4], atol=1e-5)


def test_what_cannot_hold_them() -> None:
    assert not fits(NetworkSettings(cell="gru"))
    assert not fits(NetworkSettings(pooling="max"))
