"""Fitting the network: schedule, early stopping on the best validation loss, and a state to resume from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from sentiment.batches import Batches
from sentiment.encoded import EncodedPart
from sentiment.network import GLOVE_LAYER, Network
from sentiment.settings import Settings, TrainingSettings

_WARM_UP = 0.02
_VALIDATION_BATCH = 4096


@dataclass(slots=True)
class TrainingState:
    """All that a run needs to go on as if it had never stopped.

    Attributes:
        history: one row of figures an epoch.
        best_epoch: the epoch with the lowest validation loss, counted from 0; -1 before the first.
        weights: every variable of the model but the frozen matrix, and of the optimizer, as arrays.
        best_weights: the model's variables after ``best_epoch``.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = -1
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    best_weights: dict[str, np.ndarray] = field(default_factory=dict)

    def is_finished(self, settings: TrainingSettings) -> bool:
        """Whether all epochs have run, or ``patience`` of them without an improvement."""
        done = len(self.history)
        return done >= settings.epochs or (done > 0 and done - 1 - self.best_epoch >= settings.patience)


class KeepState(keras.callbacks.Callback):
    """Records each epoch in a :class:`TrainingState`, stops early and hands the state on to be saved.

    Keras's own EarlyStopping and BackupAndRestore forget the best epoch and the waiting time on a restart, so
    that a resumed run could end elsewhere than an uninterrupted one.
    """

    def __init__(self, state: TrainingState, settings: TrainingSettings, save: Callable[[TrainingState], None]) -> None:
        super().__init__()
        self.state, self.settings, self.save = state, settings, save

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Note the epoch's figures and weights."""
        figures = {name: float(value) for name, value in (logs or {}).items()}
        self.state.history.append({"epoch": epoch + 1, **figures})
        best = self.state.best_epoch
        if best < 0 or figures["val_loss"] < self.state.history[best]["val_loss"]:
            self.state.best_epoch = epoch
            self.state.best_weights = _arrays(self.model)
        self.state.weights = {**_arrays(self.model), **_arrays(self.model.optimizer, "optimizer")}
        self.save(self.state)
        if self.state.is_finished(self.settings):
            self.model.stop_training = True


def train(
    network: Network,
    parts: Mapping[str, EncodedPart],
    settings: Settings,
    state: TrainingState,
    save: Callable[[TrainingState], None],
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
    verbose: int = 1,
) -> None:
    """Fit ``network`` and leave the weights of the best epoch in it.

    Args:
        network: freshly built, by the same settings that ``state`` was made with.
        parts: ``train`` and ``validation`` rows.
        settings: sections ``training``, ``network`` and ``preprocessing`` are used.
        state: a new one, or one to go on from.
        save: called after every epoch with the state; must not keep a reference.
        callbacks: further Keras callbacks.
        verbose: as Keras has it: 0 silent, 1 a progress bar, 2 a line an epoch.
    """
    options = settings.training
    train_batches, validation_batches = make_batches(parts, settings)
    compile_network(network.by_type, options, len(train_batches))
    if state.weights:
        _restore(network.by_type, state.weights)
        _restore(network.by_type.optimizer, state.weights, "optimizer")
        train_batches.start_epoch(len(state.history))
    if not state.is_finished(options):
        network.by_type.fit(
            train_batches,
            validation_data=validation_batches,
            epochs=options.epochs,
            initial_epoch=len(state.history),
            shuffle=False,
            callbacks=[KeepState(state, options, save), *callbacks],
            verbose=verbose,
        )
    _restore(network.by_type, state.best_weights)


def make_batches(parts: Mapping[str, EncodedPart], settings: Settings) -> tuple[Batches, Batches]:
    """Training and validation batches."""
    options, train_part = settings.training, parts["train"]
    classes = int(max(part.labels.max() for part in parts.values())) + 1
    weights = balanced_weights(train_part.labels, classes) if options.class_weights == "balanced" else None
    common = {"padding": settings.preprocessing.padding, "trim_batches": settings.network.masking}
    return (
        Batches(
            train_part,
            classes,
            options.batch_size,
            seed=options.seed,
            word_dropout=settings.network.word_dropout,
            class_weights=weights,
            **common,
        ),
        Batches(parts["validation"], classes, _VALIDATION_BATCH, class_weights=weights, **common),
    )


def compile_network(model: keras.Model, options: TrainingSettings, steps: int) -> None:
    """AdamW under a cosine schedule with warm-up; cross-entropy over smoothed labels."""
    total = steps * options.epochs
    warm_up = round(total * _WARM_UP)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0 if warm_up else options.learning_rate,
        max(1, total - warm_up),
        warmup_target=options.learning_rate if warm_up else None,
        warmup_steps=warm_up,
    )
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=options.weight_decay, global_clipnorm=options.clip_norm, use_ema=False
    )
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=options.label_smoothing)
    model.compile(optimizer, loss, weighted_metrics=["accuracy"], jit_compile=keras.backend.backend() == "jax")
    optimizer.build(model.trainable_variables)


def balanced_weights(labels: np.ndarray, classes: int) -> np.ndarray:
    """``n / (classes * count)`` for each class, float32 ``(classes,)``, as scikit-learn balances."""
    counts = np.bincount(labels, minlength=classes)
    return (len(labels) / (classes * np.maximum(counts, 1))).astype(np.float32)


def _arrays(owner: Any, prefix: str = "model") -> dict[str, np.ndarray]:
    """Copies of the variables of a model (but the frozen matrix) or an optimizer, under numbered names."""
    return {f"{prefix}_{i}": np.array(variable) for i, variable in enumerate(_variables(owner))}


def _restore(owner: Any, arrays: Mapping[str, np.ndarray], prefix: str = "model") -> None:
    for i, variable in enumerate(_variables(owner)):
        variable.assign(arrays[f"{prefix}_{i}"])


def _variables(owner: Any) -> list[Any]:
    return [variable for variable in owner.variables if f"{GLOVE_LAYER}/" not in variable.path]
