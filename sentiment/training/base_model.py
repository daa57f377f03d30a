"""Initialise a network with the weights of a trained network instead of random ones."""

from collections.abc import Sequence

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression

from sentiment.data.encoded import EncodedPart
from sentiment.network.keras_network import CLASSES, GLOVE, TRAINABLE
from sentiment.text.lexicon import UNKNOWN
from sentiment.training.batches import row_weights

# Scikit-learn's C. A strong penalty, because with 0.3 the new layer is overconfident and loses its advantage over a
# random layer.
_INVERSE_PENALTY = 0.03
_STEPS = 1000
_BATCH = 1024


def take_over(
    model: keras.Model, base: keras.Model, classes: Sequence[str], base_classes: Sequence[str], temperature: float = 1.0
) -> bool:
    """Copy the weights of the trained network ``base`` into ``model``, which has the same network settings.

    The frozen GloVe vectors are not copied. In a trainable embedding, words that ``base`` does not have start with the
    vector of the unknown token. The output layer is copied only if both networks have the same class names. It is
    multiplied by ``temperature``, which undoes the calibration of ``base``.

    Returns:
        True if the output layer was copied.
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
    """Fit only the output layer of ``model``, in place, by logistic regression on the rows of ``part``.

    The other layers have the weights of a trained network. The gradients of a random output layer would spoil these
    weights. Linear probing therefore comes before fine-tuning (Kumar et al., *Fine-Tuning can Distort Pretrained
    Features and Underperform Out-of-Distribution*, 2022). ``weights`` are the weights of the classes, ``(classes,)``.
    """
    output = model.get_layer(CLASSES)
    below = keras.Model(model.input, output.input)
    states = below.predict(np.asarray(part.ids, np.int32), batch_size=_BATCH, verbose=0)
    regression = LogisticRegression(C=_INVERSE_PENALTY, max_iter=_STEPS)
    regression.fit(states, part.labels, row_weights(part, weights))
    kernel, bias = regression.coef_.T, regression.intercept_
    if len(weights) == 2:  # then scikit-learn fits one logit, of the second class
        kernel, bias = np.hstack([-kernel, kernel]) / 2, np.hstack([-bias, bias]) / 2
    output.set_weights([kernel, bias])
