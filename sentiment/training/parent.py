"""Taking over the weights of a trained network, and training some layers slower than others or not at all.

Layers near the input hold what carries over to other tweets, those near the output what does not (Howard and Ruder,
*Universal Language Model Fine-tuning for Text Classification*, 2018): so each group of layers may learn at a share
of the rate of the group above it, and groups may join one after another, from the output down.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from sentiment.network.keras_network import CLASSES, GLOVE, PROJECTION, RECURRENT, TRAINABLE
from sentiment.settings import TrainingSettings
from sentiment.text.lexicon import UNKNOWN

# From the output down; the frozen vectors are in none.
GROUPS = (CLASSES, RECURRENT, PROJECTION, TRAINABLE)


def take_over(
    model: keras.Model,
    parent: keras.Model,
    classes: Sequence[str],
    parent_classes: Sequence[str],
    temperature: float = 1.0,
) -> bool:
    """Give ``model`` the weights of ``parent``, layer by layer; the frozen vectors are its own already.

    The output layer is taken over only where the classes are the same: columns of some of them alone, sharp as training
    has left them, beside one that says nothing are a worse start than a new layer (measured: docs/parents.md). A
    trainable embedding takes its rows, which are the first; further words start as the unknown word does.

    Args:
        model: freshly built, by the parent's network settings.
        parent: as it was saved.
        classes: of ``model``, in the order of its outputs.
        parent_classes: of ``parent``.
        temperature: that the parent's output layer was divided by, which is undone: training calibrates anew.

    Returns:
        Whether the output layer was taken over.
    """
    for layer in model.layers:
        if layer.weights and layer.name not in (GLOVE, CLASSES, TRAINABLE):
            layer.set_weights(parent.get_layer(layer.name).get_weights())
    names = [layer.name for layer in model.layers]
    if TRAINABLE in names:
        theirs = parent.get_layer(TRAINABLE).get_weights()[0]
        rows = np.tile(theirs[UNKNOWN], (model.get_layer(TRAINABLE).input_dim, 1))
        rows[: len(theirs)] = theirs
        model.get_layer(TRAINABLE).set_weights([rows])
    if {*classes} != {*parent_classes}:
        return False
    columns = [list(parent_classes).index(name) for name in classes]
    output = [weight[..., columns] * temperature for weight in parent.get_layer(CLASSES).get_weights()]
    model.get_layer(CLASSES).set_weights(output)
    return True


class LayerRate(NamedTuple):
    """The share of the learning rate that a layer learns at, and the step from which on it does."""

    share: float
    start: int


def layer_rates(model: keras.Model, options: TrainingSettings, steps: int) -> dict[str, LayerRate]:
    """The rate of each trained variable, by its path; empty where all learn alike from the start.

    Args:
        model: the network.
        options: ``layer_decay`` and ``unfreeze_epochs``.
        steps: of an epoch.
    """
    if options.layer_decay == 1 and not options.unfreeze_epochs:
        return {}
    groups = {variable.path: group_of(variable.path) for variable in model.trainable_variables}
    there = [group for group in GROUPS if group in groups.values()]
    places = {path: there.index(group) for path, group in groups.items()}
    return {
        path: LayerRate(options.layer_decay**place, place * options.unfreeze_epochs * steps)
        for path, place in places.items()
    }


def group_of(path: str) -> str:
    """The group of a variable, by its path."""
    return next(group for group in GROUPS if path.startswith(group))


def freeze(model: keras.Model, groups: Sequence[str]) -> None:
    """Leave the weights of some groups as they are."""
    for layer in model.layers:
        if layer.weights and layer.name != GLOVE:
            layer.trainable = group_of(layer.name) not in groups


class LayerwiseAdamW(keras.optimizers.AdamW):
    """AdamW with a share of the learning rate for each variable, from a step of its own on."""

    def __init__(self, *arguments: Any, rates: Mapping[str, LayerRate], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.rates = dict(rates)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One variable's step, at its share of the rate."""
        own = self._trainable_variables[self._get_variable_index(variable)]  # TensorFlow passes what lies below it
        rate = self.rates[own.path]
        share = ops.where(ops.cast(self.iterations, "int32") >= rate.start, rate.share, 0.0)
        super().update_step(gradient, variable, learning_rate * ops.cast(share, "float32"))
