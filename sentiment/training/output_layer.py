"""A new output layer, fitted to the states of a trained network before that is trained further.

A random one sends random gradients down, which bend the layers below before it has learned what they say already; and
tweets of other kinds than those trained on lose most by that (linear probing, then fine-tuning: Kumar et al.,
*Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution*, 2022).
"""

import keras
import numpy as np

from sentiment.data.encoded import EncodedPart
from sentiment.network.keras_network import CLASSES
from sentiment.training.logistic import fit_logistic

# Small, so that the layer is not sure of what the states cannot tell yet: with 0.3 all was lost that it gains.
_INVERSE_PENALTY = 0.03
_STEPS = 1000
_BATCH = 1024


def fit_output_layer(model: keras.Model, part: EncodedPart, weights: np.ndarray) -> None:
    """Give ``model`` the output layer of a logistic regression on its pooled states.

    Args:
        model: whose layers below are trained.
        part: training rows.
        weights: what a row of each class counts, ``(classes,)``.
    """
    output = model.get_layer(CLASSES)
    states = keras.Model(model.input, output.input).predict(
        np.asarray(part.ids, np.int32), batch_size=_BATCH, verbose=0
    )
    output.set_weights(list(fit_logistic(states, part, weights, _INVERSE_PENALTY, _STEPS)))
