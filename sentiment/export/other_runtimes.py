"""The network from ids to probabilities in the formats of other runtimes: LiteRT, and ONNX by tf2onnx."""

import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from sentiment.export.graph import GraphNetwork
from sentiment.network.folded import FoldedNetwork

ANY_BATCH = "serving_default"
# Readers that know no signatures take the one whose name sorts first.
ONE_ROW = "serving_one"
# The oldest operator set that has all that is used, so that older runtimes can load the file.
_OPERATOR_SET = 17


def to_tflite(network: FoldedNetwork, max_tokens: int) -> bytes:
    """Convert the network to a LiteRT model of built-in operations.

    Both of its signatures map ids, int32 ``(n, max_tokens)``, to probabilities, float32 ``(n, classes)``. A runtime may
    resize ``n`` of ``ANY_BATCH``, because the recurrence is unrolled. ``ONE_ROW`` is for runtimes that cannot resize,
    such as LiteRT.js. Both share one table.
    """
    graph = GraphNetwork(network)
    rows = {ANY_BATCH: None, ONE_ROW: 1}
    signatures = {name: graph.by_ids(max_tokens, n).get_concrete_function() for name, n in rows.items()}
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(graph, folder, signatures=signatures)
        return bytes(tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(rows)).convert())


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


def to_onnx(network: FoldedNetwork, max_tokens: int) -> bytes:
    """Convert the network to ONNX, from ids, int32 ``(n, max_tokens)``, to probabilities, float32 ``(n, classes)``."""
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    function = GraphNetwork(network).by_ids(max_tokens)
    model, _ = tf2onnx.convert.from_function(function, input_signature=function.input_signature, opset=_OPERATOR_SET)
    return model.SerializeToString()


def run_onnx(path: Path, ids: np.ndarray) -> np.ndarray:
    """Return probabilities, float32 ``(n, classes)``, that ONNX Runtime gives for ids, int32 ``(n, max_tokens)``."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"ids": ids})[0]
