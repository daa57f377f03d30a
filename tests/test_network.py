"""The network: three computations of one function, what masking and freezing promise, and the batches it is fed."""

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from model_fixture import child_environment

from sentiment.batches import Batches, token_batch, trim, widths
from sentiment.encoded import EncodedPart
from sentiment.folding import fold
from sentiment.lexicon import PADDING, UNKNOWN
from sentiment.network import GLOVE, TRAINABLE, build_network
from sentiment.settings import NetworkSettings, PreprocessingSettings, Settings, TrainingSettings
from sentiment.training import TrainingState, train
from sentiment.typewise import TypewiseModel

VOCABULARY, DIMENSION, CLASSES = 9, 3, 3
IDS = np.array(
    [[2, 3, 4, 8, 2], [5, 0, 0, 0, 0], [6, 1, 7, 0, 0], [3, 3, 3, 3, 0], [8, 7, 6, 5, 4]],
    np.int32,
)
LABELS = np.eye(CLASSES, dtype=np.float32)[[0, 1, 2, 1, 0]]


def make_network(seed: int = 0, **options: Any) -> tuple[keras.Model, NetworkSettings]:
    """A network whose every weight, biases included, is random."""
    chosen = NetworkSettings(**({"projection": (4,), "units": 3, "output_dropout": 0.0, "trainable_dropout": 0.0} | options))
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(VOCABULARY, DIMENSION)).astype(np.float32)
    model = build_network(matrix, chosen, CLASSES)
    for variable in model.trainable_variables:
        variable.assign(random.normal(scale=0.7, size=variable.shape))
    return model, chosen


def gradients(model: keras.Model, answers: Any, inputs: Any) -> list[np.ndarray]:
    """Of a loss, dense, in the shipped model's variables."""
    values = [v.value for v in model.trainable_variables]
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(LABELS * tf.math.log(answers(inputs, training=True)))
    return [np.asarray(tf.convert_to_tensor(g)) for g in tape.gradient(loss, values)]


COMBINATIONS = list(
    itertools.product(
        ["simple_rnn", "gru", "lstm"], [False, True], ["last", "max", "mean", "max_mean"], [0, 2], [False, True]
    )
)


@pytest.mark.parametrize(("cell", "bidirectional", "pooling", "trainable", "masking"), COMBINATIONS)
def test_keras_typewise_and_folded_networks_are_one_function(
    cell: str, bidirectional: bool, pooling: str, trainable: int, masking: bool
) -> None:
    model, chosen = make_network(
        cell=cell, bidirectional=bidirectional, pooling=pooling, trainable_dimension=trainable, masking=masking
    )
    expected = np.asarray(model(IDS))
    assert np.ptp(expected, axis=0).max() > 0.02, "answers that are all alike would hide a difference"
    np.testing.assert_allclose(expected.sum(axis=1), 1, atol=1e-6)
    typewise, batch = TypewiseModel(model, chosen, IDS.shape[1]), token_batch(IDS)._asdict()
    np.testing.assert_allclose(typewise(batch), expected, atol=1e-5)
    np.testing.assert_allclose(fold(model, chosen).of_padded(IDS, masking), expected, atol=1e-5)
    for variable, mine, theirs in zip(
        model.trainable_variables, gradients(model, typewise, batch), gradients(model, model, IDS), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, atol=1e-5, err_msg=variable.path)
        assert np.abs(theirs).max() > 1e-6, variable.path
