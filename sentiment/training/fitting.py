"""The training loop: epochs, early stopping on the validation loss, and a state from which a run can resume."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from sentiment.data.encoded import EncodedPart
from sentiment.settings import Settings, TrainingSettings
from sentiment.training.batches import Batches, class_weights
from sentiment.training.trainer import KerasTrainer, trainable

_VALIDATION_BATCH = 4096


@dataclass(slots=True)
class TrainingState:
    """The state of a training run. A run that is resumed from this state ends like an uninterrupted run.

    Attributes:
        history: loss and accuracy of each epoch, one dictionary per epoch.
        best_epoch: index of the epoch with the lowest validation loss; -1 while no epoch is better than the start.
        start: validation loss and accuracy before the first epoch; empty if training starts from random weights.
        weights: copies of all variables that training changes, including the optimizer's.
        best_weights: copies of the model's variables after ``best_epoch``.
        recent: copies of the model's variables after each of the last epochs, for averaging at the end.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = -1
    start: dict[str, float] = field(default_factory=dict)
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    best_weights: dict[str, np.ndarray] = field(default_factory=dict)
    recent: list[dict[str, np.ndarray]] = field(default_factory=list)

    @property
    def best(self) -> dict[str, float]:
        """Return loss and accuracy of the best epoch, or ``start`` if no epoch was better than the starting weights."""
        return self.history[self.best_epoch] if self.best_epoch >= 0 else self.start

    @property
    def last_fall(self) -> float:
        """Return the share by which the last epoch lowered the validation loss; 1 if fewer than two epochs have run."""
        if len(self.history) < 2:
            return 1.0
        before, last = (row["val_loss"] for row in self.history[-2:])
        return 1 - last / before

    def add_epoch(
        self, figures: dict[str, float], weights: dict[str, np.ndarray], model: dict[str, np.ndarray], keep: int = 0
    ) -> None:
        """Record an epoch: loss and accuracy, all variables that training changes, and those of the model only.

        The latter are kept for the best epoch and the last ``keep`` epochs.
        """
        self.recent = [*self.recent, model][-keep:] if keep else []
        epoch = len(self.history)
        if not self.best or figures["val_loss"] < self.best["val_loss"]:
            self.best_epoch, self.best_weights = epoch, model
        self.weights = weights
        self.history.append({"epoch": epoch + 1, **figures})

    def is_finished(self, settings: TrainingSettings) -> bool:
        """Return whether all epochs have run, or the last ``patience`` epochs brought no lower validation loss."""
        done = len(self.history)
        return done >= settings.epochs or (done > 0 and done - 1 - self.best_epoch >= settings.patience)


def train(
    model: keras.Model,
    parts: Mapping[str, EncodedPart],
    settings: Settings,
    state: TrainingState,
    save: Callable[[TrainingState], None],
    callbacks: Sequence[keras.callbacks.Callback] = (),
    keep_start: bool = False,
) -> None:
    """Train ``model`` in place. Its final weights are the mean over the last epochs or the weights of the best epoch.

    Early stopping and resuming use ``state`` only. Keras's EarlyStopping and BackupAndRestore forget the best epoch and
    the patience count on a restart. A resumed run could therefore end differently from an uninterrupted run.

    Args:
        model: the network. To resume a run, build it with the settings of the interrupted run.
        parts: rows under the keys ``train`` and ``validation``.
        state: a new state, or the state of an interrupted run; it is updated in place.
        save: function that is called with the state after every epoch.
        callbacks: Keras callbacks, which are called for epochs and not for batches.
        keep_start: whether ``model`` starts with trained weights. Then the final weights are those of the best epoch,
            or of the start if no epoch is better.
    """
    settings = settings.for_rows(len(parts["train"].labels))
    options = settings.training
    train_batches, validation_batches = make_batches(parts, settings)
    trainer = trainer_class()(model, settings, len(train_batches))
    if state.weights:
        restore_variables(trainer.variables, state.weights)
    watchers = keras.callbacks.CallbackList(list(callbacks), model=trainer.model, epochs=options.epochs)
    watchers.on_train_begin()
    if keep_start and not state.weights:
        state.start = _validated(trainer, validation_batches)
        state.weights, state.best_weights = _copies(trainer, model)
        save(state)
    while not state.is_finished(options):
        epoch = len(state.history)
        train_batches.start_epoch(epoch)
        figures = trainer.run(train_batches, f"epoch {epoch + 1}/{options.epochs}", learn=True)
        figures |= _validated(trainer, validation_batches)
        state.add_epoch(figures, *_copies(trainer, model), 0 if keep_start else options.averaged(options.epochs))
        save(state)
        watchers.on_epoch_end(epoch, figures)
    watchers.on_train_end()
    recent = state.recent[-options.averaged(len(state.history)) :]
    restore_variables(trainable(model), mean_of(recent) if recent else state.best_weights)


def _validated(trainer: KerasTrainer, batches: Batches) -> dict[str, float]:
    return {f"val_{name}": value for name, value in trainer.run(batches, "validation", learn=False).items()}


def _copies(trainer: KerasTrainer, model: keras.Model) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return copies of all variables that training changes, and copies of the model's variables only."""
    return copy_variables(trainer.variables), copy_variables(trainable(model))


def trainer_class() -> "type[KerasTrainer]":
    """Return the trainer class for the current Keras backend."""
    if keras.backend.backend() != "tensorflow":
        return KerasTrainer
    from sentiment.training.tensorflow_trainer import TensorFlowTrainer

    return TensorFlowTrainer


def make_batches(parts: Mapping[str, EncodedPart], settings: Settings) -> tuple[Batches, Batches]:
    """Return training and validation batches, by ``settings`` with the defaults for this number of training rows."""
    train_part = parts["train"]
    options = settings.for_rows(len(train_part.labels)).training
    classes = int(max(part.labels.max() for part in parts.values())) + 1
    weights = class_weights(train_part, classes, options)
    training = Batches(train_part, classes, options.batch_size, options.seed, settings.network.word_dropout, weights)
    validation = Batches(parts["validation"], classes, _VALIDATION_BATCH, class_weights=weights)
    return training, validation


def copy_variables(variables: Sequence[Any]) -> dict[str, np.ndarray]:
    """Return copies of the values of ``variables``, named ``v0``, ``v1`` and so on."""
    return {f"v{i}": np.array(keras.ops.convert_to_numpy(variable)) for i, variable in enumerate(variables)}


def restore_variables(variables: Sequence[Any], values: Mapping[str, np.ndarray]) -> None:
    """Assign ``values``, which :func:`copy_variables` returned, to ``variables``."""
    for i, variable in enumerate(variables):
        variable.assign(values[f"v{i}"])


def mean_of(copies: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the mean of each variable over ``copies``."""
    return {name: np.mean([copy[name] for copy in copies], axis=0).astype(of.dtype) for name, of in copies[0].items()}
