"""Training with Keras's own ``fit``, on any backend, and the optimizer that all trainers use."""

from typing import Any

import keras
import numpy as np

from sentiment.network.keras_network import GLOVE
from sentiment.settings import Settings, TrainingSettings
from sentiment.training.batches import Batches

_WARM_UP = 0.05


class KerasTrainer:
    """Runs epochs with Keras's ``fit``; used by backends other than TensorFlow. An epoch has ``steps`` batches."""

    def __init__(self, model: keras.Model, settings: Settings, steps: int) -> None:
        options = settings.training
        self.model = keras.Model(model.inputs, model.outputs)  # shares the layers, not the optimizer
        self.optimizer = make_optimizer(options, steps)
        self.optimizer.build(model.trainable_variables)
        self.loss = keras.losses.CategoricalCrossentropy(label_smoothing=options.label_smoothing)
        self.model.compile(self.optimizer, self.loss, weighted_metrics=["accuracy"])

    @property
    def variables(self) -> list[Any]:
        """Return all variables that training changes: the model's, its dropout seeds and the optimizer's."""
        return [*trainable(self.model), *self.optimizer.variables]

    def run(self, batches: Batches, title: str, learn: bool) -> dict[str, float]:
        """Run one epoch, with weight updates if ``learn``; return the weighted mean ``loss`` and ``accuracy``.

        The weights are those of the rows, so that the figures do not depend on how many rows of low weight there are.
        """
        dataset = _Dataset(batches)
        if learn:
            figures = {key: each[0] for key, each in self.model.fit(dataset, shuffle=False, verbose=0).history.items()}
        else:
            figures = self.model.evaluate(dataset, verbose=0, return_dict=True)
        loss = figures["loss"] / batches.row_weights.mean()  # Keras divides by the number of rows
        return {"loss": float(loss), "accuracy": float(figures["accuracy"])}


class _Dataset(keras.utils.PyDataset):
    """The batches for Keras's ``fit``: ids, labels and weights, without the repeated rows that fill up a batch."""

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        ids, y_true, weights = self._batches[index]
        rows = np.flatnonzero(weights)
        share = len(rows) / len(weights)
        return ids.types[ids.positions[rows]], y_true[rows], weights[rows] * np.float32(share)


def make_optimizer(options: TrainingSettings, steps: int) -> keras.optimizers.Optimizer:
    """Return Adam with gradient clipping and a learning rate with linear warm-up and cosine decay.

    The schedule lasts for ``options.epochs`` epochs of ``steps`` batches each.
    """
    total = steps * options.epochs
    warm_up = max(1, round(total * _WARM_UP))
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, total - warm_up), warmup_target=options.learning_rate, warmup_steps=warm_up
    )
    return keras.optimizers.Adam(schedule, global_clipnorm=options.clip_norm)


def trainable(model: keras.Model) -> list[Any]:
    """Return the variables of ``model`` that training changes, which are all except the frozen GloVe matrix."""
    return [variable for variable in model.variables if f"{GLOVE}/" not in variable.path]
