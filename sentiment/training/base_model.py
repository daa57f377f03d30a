"""Start from the weights of a trained network instead of random ones."""

from collections.abc import Sequence

import keras
import numpy as np

from sentiment.data.encoded import EncodedPart
from sentiment.network.keras_network import CLASSES, GLOVE, TRAINABLE
from sentiment.text.lexicon import UNKNOWN
from sentiment.training.logistic import fit_logistic

# A strong penalty. With 0.3 the new layer is sure of what the states cannot tell yet, and its advantage is gone.
_INVERSE_PENALTY = 0.03
_STEPS = 1000
_BATCH = 1024


def take_over(
    model: keras.Model,
    base: keras.Model,
    classes: Sequence[str],
    base_classes: Sequence[str],
    temperature: float = 1.0,
) -> bool:
    """Copy the weights of ``base`` into ``model``, layer by layer. The frozen vectors of ``model`` stay.

    The output layer is copied only where both have the same classes. A trainable embedding gets the rows of ``base``
    first; words that ``base`` lacks start as its unknown word does.

    Args:
        model: freshly built with the network settings of ``base``.
        base: the trained network, as it was saved.
        classes: of ``model``, in the order of its outputs.
        base_classes: of ``base``, likewise.
        temperature: what calibration divided the output layer of ``base`` by. It is undone, since training calibrates
            again.

    Returns:
        Whether the output layer was copied.
    """
    for layer in model.layers:
        if layer.weights and layer.name not in (GLOVE, CLASSES, TRAINABLE):
            layer.set_weights(base.get_layer(layer.name).get_weights())
    if TRAINABLE in [layer.name for layer in model.layers]:
        trained = base.get_layer(TRAINABLE).get_weights()[0]
        rows = np.tile(trained[UNKNOWN], (model.get_layer(TRAINABLE).input_dim, 1))
        rows[: len(trained)] = trained
        model.get_layer(TRAINABLE).set_weights([rows])
    if {*classes} != {*base_classes}:
        return False
    columns = [list(base_classes).index(name) for name in classes]
    output = [weight[..., columns] * temperature for weight in base.get_layer(CLASSES).get_weights()]
    model.get_layer(CLASSES).set_weights(output)
    return True


def fit_output_layer(model: keras.Model, part: EncodedPart, weights: np.ndarray) -> None:
    """Fit the output layer of ``model`` to its pooled states by logistic regression, before all layers are trained.

    A random output layer would send random gradients into the layers below and spoil what they know already (linear
    probing, then fine-tuning: Kumar et al., *Fine-Tuning can Distort Pretrained Features and Underperform
    Out-of-Distribution*, 2022).

    Args:
        model: a network whose layers below the output are trained.
        part: training rows.
        weights: weight of each class, ``(classes,)``.
    """
    output = model.get_layer(CLASSES)
    below = keras.Model(model.input, output.input)
    states = below.predict(np.asarray(part.ids, np.int32), batch_size=_BATCH, verbose=0)
    output.set_weights(list(fit_logistic(states, part, weights, _INVERSE_PENALTY, _STEPS)))
