"""The network as ONNX, by tf2onnx: ids -> probabilities, for ONNX Runtime in any language."""

import logging
from pathlib import Path

import numpy as np
import tensorflow as tf

from sentiment.export.graph import GraphNetwork
from sentiment.network.folded import FoldedNetwork

# The oldest operator set that has all that is used, so that older runtimes can load the file.
_OPERATOR_SET = 17


def to_onnx(network: FoldedNetwork, max_tokens: int, masking: bool) -> bytes:
    """An ONNX model: ids int32 ``(n, max_tokens)`` -> probabilities float32 ``(n, classes)``."""
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    graph = GraphNetwork(network)
    spec = tf.TensorSpec([None, max_tokens], tf.int32, name="ids")

    def probabilities(ids: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": graph.unrolled(ids, masking)}

    function = tf.function(probabilities, input_signature=[spec])
    model, _ = tf2onnx.convert.from_function(function, input_signature=[spec], opset=_OPERATOR_SET)
    return model.SerializeToString()


def run_onnx(path: Path, ids: np.ndarray) -> np.ndarray:
    """Probabilities float32 ``(n, classes)`` that ONNX Runtime gives for ids int32 ``(n, max_tokens)``."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"ids": ids})[0]
