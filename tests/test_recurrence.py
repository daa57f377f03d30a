"""The recurrence worked by hand, forward and back."""

from dataclasses import replace
from math import exp, tanh
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sentiment.common.ragged import ragged
from sentiment.network.cells import STEPS, Direction
from sentiment.network.folded import DistinctIds, FoldedNetwork
from sentiment.network.keras_network import RECURRENT, build_network, fold
from sentiment.settings import NetworkSettings
from sentiment.training.tensorflow_trainer import by_distinct_tokens

# h, e, l, o are ids 2, 3, 4, 5, each a one-hot vector; "hello" is h e l l o. Two units, two classes.
HELLO = [2, 3, 4, 4, 5]
ONE_HOT = np.concatenate([np.zeros((2, 4)), np.eye(4)]).astype(np.float32)
W_X = np.array([[0.5, -0.3], [0.1, 0.8], [-0.6, 0.2], [0.4, 0.7]], np.float32)  # rows: h, e, l, o
W_H = np.array([[0.2, -0.5], [0.9, 0.3]], np.float32)
BIAS = np.array([0.1, -0.2], np.float32)
W_Y = np.array([[1.5, -1.0], [-0.7, 0.6]], np.float32)
BIAS_Y = np.array([0.05, -0.05], np.float32)
TABLE = (np.concatenate([np.zeros((2, 2)), W_X]).astype(np.float32) + BIAS)[None]  # one direction: x W_x + b

PLAIN = NetworkSettings(
    projection=(), units=2, activation="tanh", bidirectional=False, pooling="last", output_dropout=0.0
)
STATES = [
    (0.53704957, -0.46211716), (-0.10807181, 0.19048470), (-0.33653351, 0.11072546), (-0.43630168, 0.19880147),
    (0.53108915, 0.65143713),
]  # fmt: skip
ANSWER = (0.64126403, 0.35873597)


def hello_network() -> keras.Model:
    """The shipped network with the weights above."""
    model = build_network(ONE_HOT, PLAIN, 2)
    model.get_layer(RECURRENT).set_weights([W_X, W_H, BIAS])
    model.get_layer("classes").set_weights([W_Y, BIAS_Y])
    return model


# Forward


def test_hello_step_by_step_in_plain_python() -> None:
    # A one-hot x picks a row of W_x: h_t = tanh(row + h_{t-1} W_h + b).
    h1 = (tanh(0.5 + 0.1), tanh(-0.3 - 0.2))
    h2 = (tanh(0.1 + h1[0] * 0.2 + h1[1] * 0.9 + 0.1), tanh(0.8 + h1[0] * -0.5 + h1[1] * 0.3 - 0.2))
    h3 = (tanh(-0.6 + h2[0] * 0.2 + h2[1] * 0.9 + 0.1), tanh(0.2 + h2[0] * -0.5 + h2[1] * 0.3 - 0.2))
    h4 = (tanh(-0.6 + h3[0] * 0.2 + h3[1] * 0.9 + 0.1), tanh(0.2 + h3[0] * -0.5 + h3[1] * 0.3 - 0.2))
    h5 = (tanh(0.4 + h4[0] * 0.2 + h4[1] * 0.9 + 0.1), tanh(0.7 + h4[0] * -0.5 + h4[1] * 0.3 - 0.2))
    np.testing.assert_allclose([h1, h2, h3, h4, h5], STATES, atol=1e-8)
    first, second = exp(h5[0] * 1.5 + h5[1] * -0.7 + 0.05), exp(h5[0] * -1.0 + h5[1] * 0.6 - 0.05)
    np.testing.assert_allclose((first / (first + second), second / (first + second)), ANSWER, atol=1e-8)


def test_keras_states_of_hello_are_those_worked_by_hand() -> None:
    model = hello_network()
    until_states = keras.Model(model.input, model.get_layer(RECURRENT).output)
    states = [until_states(np.array([HELLO[: i + 1]], np.int32))[0] for i in range(5)]
    np.testing.assert_allclose(states, STATES, atol=1e-6)


def test_keras_network_answers_hello_as_worked_by_hand() -> None:
    model = hello_network()
    for before, after in ((0, 0), (0, 3), (3, 0), (1, 2)):
        ids = np.array([[0] * before + HELLO + [0] * after], np.int32)
        np.testing.assert_allclose(model(ids), [ANSWER], atol=1e-6)


def test_distinct_token_network_answers_hello_as_worked_by_hand() -> None:
    types = np.array([0, 5, 4, 3, 2], np.int32)  # o l e h
    positions = np.array([[4, 3, 2, 2, 1, 0]], np.int32)
    answers = by_distinct_tokens(hello_network(), PLAIN, DistinctIds(types, positions))
    np.testing.assert_allclose(answers, [ANSWER], atol=1e-6)


def test_folded_network_answers_hello_as_worked_by_hand() -> None:
    network = FoldedNetwork(TABLE, (Direction(W_H),), W_Y, BIAS_Y, "simple_rnn", "last")
    np.testing.assert_allclose(network.probabilities(ragged([HELLO])), [ANSWER], atol=1e-6)
    # Among longer and shorter rows, in any order, the answer stays what it is.
    np.testing.assert_allclose(network.probabilities(ragged([[3], HELLO, HELLO + [2, 2]]))[1], ANSWER, atol=1e-6)


def test_folding_the_keras_network_gives_the_table_worked_by_hand() -> None:
    network = fold(hello_network(), PLAIN)
    np.testing.assert_allclose(network.table[0, 2:], [[0.6, -0.5], [0.2, 0.6], [-0.5, 0.0], [0.5, 0.5]], atol=1e-6)
    np.testing.assert_allclose(network.probabilities(ragged([HELLO])), [ANSWER], atol=1e-6)


def test_pooled_states_of_hello_are_maximum_and_mean_of_those_worked_by_hand() -> None:
    maxima, means = np.max(STATES, axis=0), np.mean(STATES, axis=0)
    for pooling, pooled in {"max": maxima, "mean": means, "max_mean": np.concatenate([maxima, means])}.items():
        weights = np.arange(1, len(pooled) + 1) / 4  # the logit of the first class is 0.25 a + 0.5 b + ...
        kernel = np.stack([weights, np.zeros(len(pooled))], axis=1).astype(np.float32)
        network = FoldedNetwork(TABLE, (Direction(W_H),), kernel, np.zeros(2, np.float32), "simple_rnn", pooling)
        expected = sigmoid(float(weights @ pooled))
        assert network.probabilities(ragged([HELLO]))[0, 0] == pytest.approx(expected, abs=1e-6), pooling


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


def test_one_gru_step_in_plain_python() -> None:
    # One unit; gates z, r, h; Keras resets after the product and has a bias of its own there.
    z, r = sigmoid(0.3 + 0.5 * 0.4 + 0.1), sigmoid(-0.2 + 0.5 * -0.6 + 0.2)
    expected = z * 0.5 + (1 - z) * tanh(0.7 + r * (0.5 * 0.9 - 0.3))
    weights = Direction(np.array([[0.4, -0.6, 0.9]]), np.array([0.1, 0.2, -0.3]))
    (state,) = STEPS["gru"](np, np.array([[0.3, -0.2, 0.7]]), (np.array([[0.5]]),), weights)
    assert state[0, 0] == pytest.approx(expected, abs=1e-12)


def test_one_lstm_step_in_plain_python() -> None:
    # One unit; gates i, f, c, o; state 0.5, memory -0.8.
    i, f = sigmoid(0.3 + 0.5 * 0.4), sigmoid(-0.2 + 0.5 * -0.6)
    c, o = tanh(0.7 + 0.5 * 0.9), sigmoid(0.1 + 0.5 * -1.1)
    memory = f * -0.8 + i * c
    weights = Direction(np.array([[0.4, -0.6, 0.9, -1.1]]))
    states = (np.array([[0.5]]), np.array([[-0.8]]))
    state, kept = STEPS["lstm"](np, np.array([[0.3, -0.2, 0.7, 0.1]]), states, weights)
    assert (state[0, 0], kept[0, 0]) == pytest.approx((o * tanh(memory), memory), abs=1e-12)


# Back-propagation through time, checked in float64 against central differences

IDS = np.array([[2, 3, 4, 4, 5], [5, 2, 0, 0, 0], [3, 3, 1, 2, 0]], np.int32)
LABELS = np.array([0, 1, 1])
CELLS = ["simple_rnn", "gru", "lstm"]


@pytest.fixture
def _float64() -> Any:
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def float64_network(cell: str, pooling: str, bidirectional: bool) -> keras.Model:
    settings = replace(PLAIN, units=3, cell=cell, pooling=pooling, bidirectional=bidirectional)
    model = build_network(np.random.default_rng(5).normal(size=(6, 4)), settings, 2)
    random = np.random.default_rng(11)
    for variable in model.trainable_variables:
        variable.assign(random.normal(scale=0.6, size=variable.shape))
    return model


def loss(model: keras.Model) -> Any:
    answers = model(IDS, training=True)
    return -tf.reduce_mean(tf.math.log(tf.gather(answers, LABELS, axis=1, batch_dims=1)))


def slope(compiled: Any, variable: Any, direction: np.ndarray, step: float = 1e-5) -> float:
    """Central difference of the ``compiled`` loss along ``direction``; the error is of the order of ``step`` squared."""
    value, sides = np.array(variable.numpy()), []
    for sign in (1, -1):
        variable.assign(value + sign * step * direction)
        sides.append(float(compiled()))
    variable.assign(value)
    return (sides[0] - sides[1]) / (2 * step)


@pytest.mark.usefixtures("_float64")
@pytest.mark.parametrize(
    ("cell", "pooling", "bidirectional"), [*((cell, "last", False) for cell in CELLS), ("simple_rnn", "max_mean", True)]
)
def test_back_propagation_through_time_matches_finite_differences(cell: str, pooling: str, bidirectional: bool) -> None:
    model, random = float64_network(cell, pooling, bidirectional), np.random.default_rng(7)
    assert {v.path.split("/")[-1] for v in model.trainable_variables} == {"kernel", "recurrent_kernel", "bias"}
    compiled = tf.function(lambda: loss(model))
    with tf.GradientTape() as tape:
        value = loss(model)
    gradients = tape.gradient(value, [v.value for v in model.trainable_variables])
    for variable, gradient in zip(model.trainable_variables, map(np.asarray, gradients), strict=True):
        assert gradient.dtype == np.float64
        assert np.abs(gradient).max() > 1e-3, variable.path  # a gradient of zeros would match itself
        for direction in random.normal(size=(2, *gradient.shape)):
            found = slope(compiled, variable, direction)
            np.testing.assert_allclose((gradient * direction).sum(), found, atol=1e-8, err_msg=variable.path)
