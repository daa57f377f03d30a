"""Running epochs on any backend: one compiled model a width, one optimizer, shared variables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from sentiment.network.keras_network import GLOVE
from sentiment.settings import NetworkSettings, Settings, TrainingSettings
from sentiment.text.lexicon import PADDING
from sentiment.training.batches import Batches, widths
from sentiment.training.distinct_tokens import DistinctTokensModel

_WARM_UP = 0.05
_TYPES_STEP = 1024


class Trainer:
    """Runs epochs over batches of several widths: one compiled model a width, one optimizer, shared variables."""

    def __init__(self, model: keras.Model, settings: Settings, steps: int, max_tokens: int) -> None:
        options = settings.training
        self.optimizer = make_optimizer(options, steps)
        self.optimizer.build(model.trainable_variables)
        self.models = self.make_models(model, settings.network, widths(max_tokens))
        self.any_model = self.models[max_tokens]
        self.loss = keras.losses.CategoricalCrossentropy(label_smoothing=options.label_smoothing)
        self._model = model
        for each in {*self.models.values()}:
            each.compile(
                self.optimizer,
                self.loss,
                weighted_metrics=["accuracy"],
                jit_compile=keras.backend.backend() == "jax",  # XLA takes longer to compile than it saves on a CPU
            )

    @staticmethod
    def make_models(model: keras.Model, settings: NetworkSettings, widths: Sequence[int]) -> dict[int, keras.Model]:
        """What is trained in place of ``model``, for batches of each width."""
        return {width: DistinctTokensModel(model, settings) for width in widths}

    @property
    def variables(self) -> list[Any]:
        """All that changes in training: the model's variables, its dropout seeds and the optimizer's."""
        return [*trainable(self._model), *self.optimizer.variables]

    def run(self, batches: Batches, title: str, learn: bool) -> dict[str, float]:
        """One pass over ``batches``; returns the mean loss and accuracy over the rows."""
        sums: Counter[str] = Counter()
        rows = 0
        with tqdm(total=len(batches), desc=title, unit="batch", disable=None, leave=False) as bar:
            for i in range(len(batches)):
                inputs, y_true, weights = batches[i]
                figures = self.step(inputs, y_true, weights, learn)
                count = int(np.count_nonzero(weights))
                sums.update({name: float(value) * count for name, value in figures.items()})
                rows += count
                bar.update()
        return {name: total / rows for name, total in sums.items()}

    def step(
        self, inputs: Mapping[str, np.ndarray], y_true: np.ndarray, weights: np.ndarray, learn: bool
    ) -> Mapping[str, Any]:
        """Run one batch; returns the figures ``loss`` and ``accuracy`` of this batch alone."""
        model = self.models[inputs["positions"].shape[1]]
        run = model.train_on_batch if learn else model.test_on_batch
        return run({**inputs, "types": in_whole_steps(inputs["types"])}, y_true, weights, return_dict=True)


def in_whole_steps(types: np.ndarray) -> np.ndarray:
    """``types`` filled up with padding to a rounded number, so that what is compiled for each is compiled for few."""
    return np.pad(types, (0, -len(types) % _TYPES_STEP), constant_values=PADDING)


def make_optimizer(options: TrainingSettings, steps: int) -> keras.optimizers.Optimizer:
    """AdamW under a cosine schedule with a linear warm-up.

    Args:
        options: rate, epochs, weight decay, clipping.
        steps: of one epoch.
    """
    total = steps * options.epochs
    warm_up = max(1, round(total * _WARM_UP))
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, total - warm_up), warmup_target=options.learning_rate, warmup_steps=warm_up
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=options.weight_decay, global_clipnorm=options.clip_norm)
    if not options.weight_decay:
        optimizer.weight_decay = None  # to decay by nothing, Keras works out the rate anew for each variable
    return optimizer


def trainable(model: keras.Model) -> list[Any]:
    """The variables of ``model`` that training changes: all but the frozen matrix."""
    return [variable for variable in model.variables if f"{GLOVE}/" not in variable.path]
