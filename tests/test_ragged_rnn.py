"""The recurrence over rows of different lengths, in NumPy: its states and gradients, and the epochs that use it."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sentiment.common import parallel
from sentiment.data.encoded import EncodedPart
from sentiment.network.cells import Direction
from sentiment.network.keras_network import build_network
from sentiment.network.unrolled import unrolled_states
from sentiment.settings import NetworkSettings, PreprocessingSettings, Settings, TrainingSettings
from sentiment.training import batches as batching
from sentiment.training import ragged_rnn, tensorflow_trainer
from sentiment.training.batches import Batches
from sentiment.training.ragged_rnn import RaggedRNN
from sentiment.training.tensorflow_trainer import TensorFlowTrainer
from sentiment.training.trainer import KerasTrainer

ROWS, TIME, TYPES, UNITS = 37, 9, 20, 5
RANDOM = np.random.default_rng(0)
LENGTHS = np.concatenate([[1, TIME], RANDOM.integers(1, TIME + 1, ROWS - 2)])
POSITIONS = np.where(np.arange(TIME) < LENGTHS[:, None], RANDOM.integers(1, TYPES, (ROWS, TIME)), 0).astype(np.int32)


def given(directions: int) -> tuple[np.ndarray, np.ndarray]:
    """What tokens say, and recurrent kernels."""
    random = np.random.default_rng(1)
    projected = random.normal(size=(TYPES, directions * UNITS)).astype(np.float32)
    return projected, random.normal(size=(directions, UNITS, UNITS), scale=0.5).astype(np.float32)


def unrolled(directions: int, positions: np.ndarray, kinds: NetworkSettings, upstream: Any) -> list[np.ndarray]:
    """Pooled states, and gradients of what tokens say and of the kernel, by TensorFlow."""
    projected, kernel = map(tf.Variable, given(directions))
    with tf.GradientTape() as tape:
        weights = [Direction(kernel[i]) for i in range(directions)]
        pooled = unrolled_states(tf.convert_to_tensor(projected), tf.constant(positions), weights, kinds)
        total = tf.reduce_sum(pooled * upstream)
    return [np.asarray(each) for each in (pooled, *tape.gradient(total, [projected, kernel]))]


@pytest.mark.parametrize("activation", ["tanh", "softsign"])
@pytest.mark.parametrize("pooling", ["last", "max", "mean", "max_mean"])
@pytest.mark.parametrize("directions", [1, 2])
def test_states_and_gradients_are_those_of_the_unrolled_graph(
    directions: int, pooling: str, activation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each direction in a thread, and both at once in the calling one."""
    upstream = RANDOM.normal(size=(ROWS, len(pooling.split("_")) * directions * UNITS)).astype(np.float32)
    recurrence, kinds = RaggedRNN(pooling, activation), NetworkSettings(pooling=pooling, activation=activation)
    for positions in (POSITIONS, POSITIONS[:, ::-1]):  # padded behind, and before
        expected = unrolled(directions, positions, kinds, upstream)
        projected, kernel = given(directions)
        for few_rows in (ROWS - 1, ROWS):
            monkeypatch.setattr(ragged_rnn, "_FEW_ROWS", few_rows)
            received = [recurrence.forward(projected, positions, kernel), *recurrence.backward(upstream)]
            for mine, theirs in zip(received, expected, strict=True):
                np.testing.assert_allclose(mine, theirs, atol=1e-5, rtol=1e-5)
                assert np.abs(theirs).max() > 0.1


def test_few_rows_wake_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, pool = [], parallel._pool
    monkeypatch.setattr(parallel, "_pool", lambda: asked.append(1) or pool())
    projected, kernel = given(2)
    for few_rows, times in ((ROWS, 0), (ROWS - 1, 2)):
        monkeypatch.setattr(ragged_rnn, "_FEW_ROWS", few_rows)
        recurrence = RaggedRNN("max_mean")
        recurrence.backward(np.ones_like(recurrence.forward(projected, POSITIONS, kernel)))
        assert len(asked) == times


@pytest.mark.parametrize("rows", [1, 4, ROWS])
def test_parts_of_any_size_give_the_same(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    projected, kernel = given(2)
    upstream = np.random.default_rng(2).normal(size=(ROWS, 4 * UNITS)).astype(np.float32)
    usual, other = RaggedRNN("max_mean"), RaggedRNN("max_mean")
    expected = [usual.forward(projected, POSITIONS, kernel), *usual.backward(upstream)]
    monkeypatch.setattr(ragged_rnn, "_ROWS_PER_PART", rows)
    received = [other.forward(projected, POSITIONS, kernel), *other.backward(upstream)]
    for mine, theirs in zip(received, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5, rtol=1e-5)


def test_batches_of_all_sizes_one_after_another_are_their_own() -> None:
    """The memory of states is used again."""
    projected, kernel = given(2)
    recurrence = RaggedRNN("max_mean")
    for rows in (POSITIONS[5:9], POSITIONS, POSITIONS[5:9]):
        fresh = RaggedRNN("max_mean").forward(projected, rows, kernel)
        np.testing.assert_array_equal(recurrence.forward(projected, rows, kernel), fresh)


# Epochs


class OneWidth(Batches):
    """Batches of one width, because Keras's ``fit`` takes no others in TensorFlow."""

    def width(self, index: int) -> int:
        return self.part.ids.shape[1]


def trainer_and_part(kind: type[KerasTrainer], cell: str) -> tuple[KerasTrainer, EncodedPart]:
    """A trainer of a new model, and rows for it."""
    random, n = np.random.default_rng(3), 24  # the last batch is a partial one
    lengths = random.integers(1, 4, n)
    ids = np.where(np.arange(3) < lengths[:, None], random.integers(1, 50, (n, 3)), 0).astype(np.uint8)
    network = NetworkSettings(
        projection=(16,), cell=cell, units=6, bidirectional=cell == "simple_rnn", output_dropout=0.0
    )
    training = TrainingSettings(epochs=2, batch_size=16, learning_rate=0.01)
    chosen = Settings(preprocessing=PreprocessingSettings(max_tokens=3), network=network, training=training)
    keras.utils.set_random_seed(1)
    model = build_network(random.normal(size=(50, 8)).astype(np.float32), network, 2)
    return kind(model, chosen, 2), EncodedPart(ids, (lengths % 2).astype(np.uint8))


def epochs(kind: type[KerasTrainer], cell: str) -> tuple[list[np.ndarray], dict[str, float], KerasTrainer]:
    """Variables after two epochs, the figures of both and of validation, and what ran them."""
    trainer, part = trainer_and_part(kind, cell)
    make = Batches if kind is TensorFlowTrainer else OneWidth
    batches = make(part, 2, 16, seed=1, class_weights=np.array([0.5, 2.0], np.float32))
    if kind is KerasTrainer:
        trainer.model.run_eagerly = True  # which is quicker for four batches than to trace them
    figures = {}
    for epoch in range(2):
        batches.start_epoch(epoch)
        figures |= {f"{name} {epoch}": value for name, value in trainer.run(batches, "", learn=True).items()}
    figures |= {f"val {name}": value for name, value in trainer.run(make(part, 2, 64), "", learn=False).items()}
    assert {batches.width(i) for i in range(len(batches))} == (set(batching.widths(3)) if make is Batches else {3})
    return [np.array(variable) for variable in trainer.variables], figures, trainer


@pytest.mark.parametrize("cell", ["simple_rnn", "gru"])
def test_epochs_give_the_weights_of_keras_own_fit(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "_WIDTHS", (2,) if cell == "simple_rnn" else ())  # two widths, or one
    expected, figures, _ = epochs(KerasTrainer, cell)
    weights, received, trainer = epochs(TensorFlowTrainer, cell)
    for mine, theirs in zip(weights, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)
    assert received == pytest.approx(figures, abs=1e-4)
    assert figures["loss 1"] < figures["loss 0"]
    assert isinstance(trainer, TensorFlowTrainer)
    assert len(trainer.traced) == 2  # one program for both widths


def test_on_a_gpu_the_recurrence_stays_in_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorflow_trainer, "accelerators", lambda: ["a GPU"])
    trainer, part = trainer_and_part(TensorFlowTrainer, "simple_rnn")
    trainer.run(Batches(part, 2, 64), "", learn=False)
    assert isinstance(trainer, TensorFlowTrainer)
    assert sorted(trainer.traced) == [(64, 3, False)]
