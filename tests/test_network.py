"""The network: three computations of one function, what freezing promises, and the batches it is fed."""

from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.data.encoded import EncodedPart
from sentiment.network.folded import distinct_ids
from sentiment.network.keras_network import build_network, fold
from sentiment.settings import NetworkSettings
from sentiment.text.lexicon import PADDING, UNKNOWN
from sentiment.training.batches import Batches, widths
from sentiment.training.tensorflow_trainer import by_distinct_tokens

VOCABULARY, DIMENSION, CLASSES = 9, 3, 3
IDS = np.array([[2, 3, 4, 8], [5, 0, 0, 0], [6, 1, 7, 0], [3, 3, 3, 3], [8, 7, 6, 5]], np.int32)
LABELS = np.eye(CLASSES, dtype=np.float32)[[0, 1, 2, 1, 0]]


def make_network(seed: int = 0, **options: Any) -> tuple[keras.Model, NetworkSettings]:
    """A network whose every weight, biases included, is random."""
    chosen = NetworkSettings(
        **({"projection": (4,), "units": 3, "output_dropout": 0.0, "trainable_dropout": 0.0} | options)
    )
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(VOCABULARY, DIMENSION)).astype(np.float32)
    model = build_network(matrix, chosen, CLASSES)
    for variable in model.trainable_variables:
        variable.assign(random.normal(scale=0.7, size=variable.shape))
    return model, chosen


def answers_and_gradients(model: keras.Model, network: Any, inputs: Any) -> tuple[np.ndarray, list[np.ndarray]]:
    """Probabilities, and the dense gradients of a loss in the shipped model's variables."""
    with tf.GradientTape() as tape:
        answers = network(inputs, training=True)
        loss = -tf.reduce_mean(LABELS * tf.math.log(answers))
    found = tape.gradient(loss, [v.value for v in model.trainable_variables])
    return np.asarray(answers), [np.asarray(tf.convert_to_tensor(gradient)) for gradient in found]


CELLS, POOLINGS = ["simple_rnn", "gru", "lstm"], ["last", "max", "mean", "max_mean"]


# Each cell with each pooling, and each of both in one direction and in two.
KINDS = [(cell, (i + j) % 2 == 1, pooling) for i, cell in enumerate(CELLS) for j, pooling in enumerate(POOLINGS)]


@pytest.mark.parametrize(
    ("cell", "bidirectional", "pooling", "trainable"),
    [*((*kind, 2) for kind in KINDS), ("simple_rnn", True, "max_mean", 0)],
)
def test_keras_distinct_token_and_folded_networks_are_one_function(
    cell: str, bidirectional: bool, pooling: str, trainable: int
) -> None:
    model, chosen = make_network(cell=cell, bidirectional=bidirectional, pooling=pooling, trainable_dimension=trainable)
    by_token, batch = partial(by_distinct_tokens, model, chosen), distinct_ids(IDS)
    # A network with a trainable embedding has every variable of one without, so gradients are compared there.
    if trainable:
        expected, theirs = answers_and_gradients(model, model, IDS)
        received, mine = answers_and_gradients(model, by_token, batch)
        for variable, their, my in zip(model.trainable_variables, theirs, mine, strict=True):
            np.testing.assert_allclose(my, their, atol=1e-5, err_msg=variable.path)
            assert np.abs(their).max() > 1e-5, variable.path
    else:
        expected, received = np.asarray(model(IDS)), by_token(batch)
    np.testing.assert_allclose(received, expected, atol=1e-5)
    folded = fold(model, chosen)
    np.testing.assert_allclose(folded.of_padded(IDS), expected, atol=1e-5)
    np.testing.assert_allclose(np.concatenate([folded.of_padded(row[None]) for row in IDS]), expected, atol=1e-5)
    np.testing.assert_allclose(expected.sum(axis=1), 1, atol=1e-6)
    assert np.ptp(expected, axis=0).max() > 0.002, "answers that are all alike would hide a difference"


@pytest.mark.parametrize(("cell", "pooling"), [*((cell, "last") for cell in CELLS), ("simple_rnn", "max_mean")])
def test_padding_on_either_side_changes_nothing(cell: str, pooling: str) -> None:
    model, chosen = make_network(cell=cell, pooling=pooling)
    expected = np.repeat(np.asarray(model(np.array([[4, 2, 7]], np.int32))), 3, axis=0)
    ids = np.array([[0, 0, 4, 2, 7], [0, 4, 2, 7, 0], [4, 2, 7, 0, 0]], np.int32)
    for answers in (
        model(ids), fold(model, chosen).of_padded(ids), by_distinct_tokens(model, chosen, distinct_ids(ids))
    ):  # fmt: skip
        np.testing.assert_allclose(answers, expected, atol=1e-6)


@pytest.mark.parametrize(
    "dropped",
    [{"projection_dropout": 0.5}, {"output_dropout": 0.5}, {"trainable_dropout": 0.5}],
    ids=lambda options: next(iter(options)),
)
def test_dropout_is_there_in_training_only(dropped: dict[str, float]) -> None:
    """In the network that ships and in the one that trains it."""
    small = {"trainable_dimension": 2, "bidirectional": False, "pooling": "last"}
    model, chosen = make_network(**small, **dropped)
    expected = np.asarray(make_network(**small)[0](IDS))  # the same weights: they are drawn by one seed
    np.testing.assert_allclose(fold(model, chosen).of_padded(IDS), expected, atol=1e-5)
    for network, inputs in ((model, IDS), (partial(by_distinct_tokens, model, chosen), distinct_ids(IDS))):
        np.testing.assert_allclose(network(inputs), expected, atol=1e-5)
        assert np.abs(np.asarray(network(inputs, training=True)) - expected).max() > 1e-3


def test_every_layer_of_the_projection_gets_dropout_and_row_lengths_are_free() -> None:
    model, _ = make_network(projection=(4, 5), projection_dropout=0.5)
    named = {layer.name: layer for layer in model.layers}
    assert [named[f"token_dropout_{i}"].rate for i in range(3)] == [0.5] * 3
    assert (model.input_shape, model.output_shape) == ((None, None), (None, CLASSES))


# Batches


@given(st.lists(st.lists(st.integers(0, 60), min_size=5, max_size=5), min_size=1, max_size=8))
@settings(max_examples=20, deadline=None)
def test_a_token_batch_spells_the_ids_it_was_made_of(rows: list[list[int]]) -> None:
    ids = np.array(rows, np.uint8)
    types, positions = distinct_ids(ids)
    np.testing.assert_array_equal(types[positions], ids)
    assert types[0] == PADDING
    assert (types.dtype, positions.dtype) == (np.int32, np.int32)
    np.testing.assert_array_equal(positions == 0, ids == PADDING)
    real = types[types != PADDING]
    assert len(set(real.tolist())) == len(real)
    assert len(types) == len(real) + 1


@pytest.mark.parametrize(
    ("max_tokens", "expected"), [(1, (1,)), (8, (8,)), (10, (8, 10)), (32, (8, 12, 16, 24, 32)), (24, (8, 12, 16, 24))]
)
def test_widths_end_at_the_longest(max_tokens: int, expected: tuple[int, ...]) -> None:
    assert widths(max_tokens) == expected


def numbered_part(n: int = 103, width: int = 10) -> EncodedPart:
    """``n`` rows of different lengths, recognisable by a first token of their own."""
    lengths = np.random.default_rng(1).integers(1, width + 1, n)
    ids = np.where(np.arange(width) < lengths[:, None], 200, 0).astype(np.uint16)
    ids[:, 0] = np.arange(2, n + 2)
    return EncodedPart(ids, np.arange(n) % 3)


def rows_of(batches: Batches) -> list[list[int]]:
    """Numbers of the rows of each batch that have a weight."""
    found = []
    for i in range(len(batches)):
        inputs, _, weights = batches[i]
        ids = inputs.types[inputs.positions]
        firsts = ids.max(axis=1, where=ids != 200, initial=0)
        found.append([int(first) - 2 for first, weight in zip(firsts, weights, strict=True) if weight])
    return found


@pytest.mark.parametrize("seed", [None, 5])
def test_an_epoch_has_every_row_once_with_its_own_label(seed: int | None) -> None:
    part = numbered_part()
    batches = Batches(part, 3, 16, seed=seed)
    for epoch in range(2):
        batches.start_epoch(epoch)
        assert len(batches) == 7
        assert sorted(sum(rows_of(batches), [])) == list(range(103))
    for i in range(len(batches)):
        inputs, y_true, weights = batches[i]
        ids = inputs.types[inputs.positions]
        firsts = ids.max(axis=1, where=ids != 200, initial=0)
        np.testing.assert_array_equal(y_true, np.eye(3)[(firsts - 2) % 3])
        np.testing.assert_array_equal((ids != 0).sum(axis=1), (part.ids[firsts - 2] != 0).sum(axis=1))
        assert ids.shape[0] == y_true.shape[0] == weights.shape[0] == 16


def test_the_order_depends_on_seed_and_epoch_only() -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        batches = Batches(numbered_part(), 3, 16, seed=seed)
        for earlier in (7, epoch):  # the way to an epoch does not matter
            batches.start_epoch(earlier)
        return rows_of(batches)

    assert order(5, 1) == order(5, 1)
    assert order(5, 1) != order(5, 2)
    assert order(5, 1) != order(6, 1)


def test_validation_rows_go_by_length() -> None:
    part = numbered_part()
    order = sum(rows_of(Batches(part, 3, 16)), [])
    lengths = (part.ids != 0).sum(axis=1)[order]
    assert (np.diff(lengths.astype(int))[:96] >= 0).all()
    assert set(order[:5]) <= set(np.flatnonzero((part.ids != 0).sum(axis=1) == 1).tolist())


def test_the_last_batch_is_filled_with_weights_that_keep_the_mean() -> None:
    part = numbered_part(n=19)
    batches = Batches(part, 3, 16)
    (_, _, full), (_, y_true, weights) = batches[0], batches[1]
    np.testing.assert_array_equal(full, np.ones(16))
    assert np.count_nonzero(weights) == 3
    values = y_true @ np.array([1.0, 10.0, 100.0])
    assert (values * weights).sum() / 16 == pytest.approx(values[:3].mean())  # Keras divides by 16


def test_a_part_smaller_than_a_batch_is_one_batch() -> None:
    _, _, weights = Batches(numbered_part(n=2), 3, 16, seed=1)[0]
    assert np.count_nonzero(weights) == 2
    assert weights.sum() == pytest.approx(16)


def test_class_weights_multiply_the_weights_of_the_rows() -> None:
    by_class = np.array([0.5, 1.0, 4.0], np.float32)
    _, y_true, weights = Batches(numbered_part(), 3, 16, seed=1, class_weights=by_class)[0]
    np.testing.assert_allclose(weights, y_true @ by_class)


def test_word_dropout_hits_real_tokens_of_the_training_rows_only() -> None:
    part = numbered_part(n=256, width=10)
    plain, dropping = (Batches(part, 3, 256, seed=3, word_dropout=rate) for rate in (0.0, 0.3))
    before, after = (b.types[b.positions] for b in (plain[0][0], dropping[0][0]))
    np.testing.assert_array_equal(before == 0, after == 0)
    changed = before != after
    assert set(after[changed].tolist()) == {UNKNOWN}
    assert changed.sum() / (before != 0).sum() == pytest.approx(0.3, abs=0.05)
    again = Batches(part, 3, 256, seed=3, word_dropout=0.3)[0][0]
    np.testing.assert_array_equal(again.types[again.positions], after)
    validation = Batches(part, 3, 256, word_dropout=0.3)[0][0]
    assert UNKNOWN not in validation.types


def test_a_batch_is_cut_to_its_longest_row() -> None:
    assert Batches(numbered_part(width=10), 3, 16)[0][0].positions.shape == (16, 8)
