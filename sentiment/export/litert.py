"""The ids-to-probabilities network for LiteRT."""

import warnings
from pathlib import Path
from typing import Any

import tensorflow as tf

from sentiment.export.graph import GraphNetwork
from sentiment.network.folded import FoldedNetwork


def to_tflite(network: FoldedNetwork, max_tokens: int) -> bytes:
    """Convert the network to a LiteRT model of built-in operations.

    It maps ids, int32 ``(1, max_tokens)``, to probabilities, float32 ``(1, classes)``.

    The recurrence is unrolled, so a runtime may resize the first dimension.
    """
    graph = GraphNetwork(network)
    concrete = graph.by_ids(max_tokens).get_concrete_function()
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete], graph).convert())


def run_tflite(path: Path, ids: Any) -> Any:
    """Return probabilities, float32 ``(n, classes)``, that a LiteRT file gives for ids, int32 ``(n, max_tokens)``."""
    with warnings.catch_warnings():  # it recommends its successor, which would be one more package
        warnings.simplefilter("ignore", UserWarning)
        interpreter = tf.lite.Interpreter(str(path))
    entry = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(entry, list(ids.shape))
    interpreter.allocate_tensors()
    interpreter.set_tensor(entry, ids)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
