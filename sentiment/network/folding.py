"""Fold a trained Keras network into a table and a few matrices (:class:`sentiment.network.folded.FoldedNetwork`)."""

from typing import Any

import keras
import numpy as np

from sentiment.network.cells import Direction
from sentiment.network.folded import FoldedNetwork
from sentiment.network.keras_network import (
    CLASSES,
    GLOVE,
    NGRAMS,
    input_and_recurrent_bias,
    recurrent_cells,
    type_features,
)
from sentiment.settings import NetworkSettings

_ROWS_PER_BATCH = 8192


def fold(model: keras.Model, settings: NetworkSettings) -> FoldedNetwork:
    """Compute the cell input x W_x + b of each token of ``model``, and copy its recurrent and output weights."""
    cells = recurrent_cells(model)
    kernel, bias = (keras.ops.convert_to_numpy(weight) for weight in model.get_layer(CLASSES).weights)
    return FoldedNetwork(
        table=_table(model, cells),
        directions=tuple(_direction(cell) for cell in cells),
        output_kernel=kernel,
        output_bias=bias,
        cell=settings.cell,
        pooling=settings.pooling,
        ngrams=_ngram_scores(model),
        activation=settings.activation,
    )


def _table(model: keras.Model, cells: list[Any]) -> np.ndarray:
    vocabulary = model.get_layer(GLOVE).input_dim
    weights = [(cell.kernel, input_and_recurrent_bias(cell)[0]) for cell in cells]
    arrays = [tuple(keras.ops.convert_to_numpy(weight) for weight in pair) for pair in weights]
    table = np.empty((len(cells), vocabulary, arrays[0][0].shape[1]), np.float32)
    for start in range(0, vocabulary, _ROWS_PER_BATCH):
        ids = np.arange(start, min(start + _ROWS_PER_BATCH, vocabulary), dtype=np.int32)
        features = keras.ops.convert_to_numpy(type_features(model, ids))
        for direction, (kernel, bias) in enumerate(arrays):
            table[direction, ids] = features @ kernel + bias
    return table


def _ngram_scores(model: keras.Model) -> np.ndarray | None:
    layers = [layer for layer in model.layers if layer.name == NGRAMS]
    return keras.ops.convert_to_numpy(layers[0].embeddings) if layers else None


def _direction(cell: Any) -> Direction:
    bias = input_and_recurrent_bias(cell)[1]
    kernel = keras.ops.convert_to_numpy(cell.recurrent_kernel)
    return Direction(kernel, None if bias is None else keras.ops.convert_to_numpy(bias))
