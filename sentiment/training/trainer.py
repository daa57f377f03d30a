"""Training with Keras's own ``fit``, which runs on every backend; and the optimizer of all trainers."""

from typing import Any

import keras
import numpy as np

from sentiment.network.keras_network import GLOVE
from sentiment.settings import Settings, TrainingSettings
from sentiment.training.batches import Batches

_WARM_UP = 0.05


class KerasTrainer:
    """Runs epochs by ``model.fit``, for backends other than TensorFlow.

    Args:
        model: the network, as :func:`sentiment.network.keras_network.build_network` makes it.
        settings: section ``training`` is used.
        steps: number of batches per epoch.
    """

    def __init__(self, model: keras.Model, settings: Settings, steps: int) -> None:
        options = settings.training
        self.model = keras.Model(model.inputs, model.outputs)  # of the same layers: the optimizer is not saved with it
        self.optimizer = make_optimizer(options, steps)
        self.optimizer.build(model.trainable_variables)
        self.loss = keras.losses.CategoricalCrossentropy(label_smoothing=options.label_smoothing)
        self.model.compile(self.optimizer, self.loss, weighted_metrics=["accuracy"])

    @property
    def variables(self) -> list[Any]:
        """Return all that changes in training: the model's variables, its dropout seeds and the optimizer's."""
        return [*trainable(self.model), *self.optimizer.variables]

    def run(self, batches: Batches, title: str, learn: bool) -> dict[str, float]:
        """Run one epoch, or a validation; return ``loss`` and ``accuracy``, means over the rows."""
        dataset = _Dataset(batches)
        if learn:
            figures = self.model.fit(dataset, epochs=1, shuffle=False, verbose=0).history
            return {name: float(values[0]) for name, values in figures.items()}
        return {name: float(value) for name, value in self.model.evaluate(dataset, verbose=0, return_dict=True).items()}


class _Dataset(keras.utils.PyDataset):
    """Batches as ids, labels and weights, without the rows that only fill the last batch."""

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        inputs, y_true, weights = self._batches[index]
        rows = np.flatnonzero(weights)
        share = len(rows) / len(weights)
        return inputs["types"][inputs["positions"][rows]], y_true[rows], weights[rows] * np.float32(share)


def make_optimizer(options: TrainingSettings, steps: int) -> keras.optimizers.Optimizer:
    """Return Adam under a cosine schedule with a linear warm-up.

    Args:
        options: rate, epochs, clipping.
        steps: number of batches per epoch.
    """
    total = steps * options.epochs
    warm_up = max(1, round(total * _WARM_UP))
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, total - warm_up), warmup_target=options.learning_rate, warmup_steps=warm_up
    )
    return keras.optimizers.Adam(schedule, global_clipnorm=options.clip_norm)


def trainable(model: keras.Model) -> list[Any]:
    """Return the variables of ``model`` that training changes: all but the frozen matrix."""
    return [variable for variable in model.variables if f"{GLOVE}/" not in variable.path]
