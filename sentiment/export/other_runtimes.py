"""Convert the network, from ids to probabilities, to LiteRT and ONNX, and run the converted files."""

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
# Runtimes that do not support signatures use the one whose name sorts first.
ONE_ROW = "serving_one"
# The oldest ONNX operator set that has all operators of the network, so that older runtimes can load the file.
_OPERATOR_SET = 17


def to_tflite(network: FoldedNetwork, max_tokens: int) -> bytes:
    """Return the network as a LiteRT file of built-in operations.

    Both of its signatures map ids, int32 ``(n, max_tokens)``, to probabilities, float32 ``(n, classes)``. A runtime may
    choose ``n`` for ``ANY_BATCH``. For ``ONE_ROW`` ``n`` is 1, because some runtimes, such as LiteRT.js, cannot resize
    inputs. Both signatures share one table.
    """
    graph = GraphNetwork(network)
    rows = {ANY_BATCH: None, ONE_ROW: 1}
    signatures = {name: graph.by_ids(max_tokens, n).get_concrete_function() for name, n in rows.items()}
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(graph, folder, signatures=signatures)
        return bytes(tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(rows)).convert())


def run_tflite(path: Path, ids: Any) -> Any:
    """Run a LiteRT file on ids, int32 ``(n, max_tokens)``, and return probabilities, float32 ``(n, classes)``."""
    with warnings.catch_warnings():  # the interpreter's advice to use its successor, one more package
        warnings.simplefilter("ignore", UserWarning)
        interpreter = tf.lite.Interpreter(str(path))
    entry = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(entry, list(ids.shape))
    interpreter.allocate_tensors()
    interpreter.set_tensor(entry, ids)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def to_onnx(network: FoldedNetwork, max_tokens: int) -> bytes:
    """Return the network as an ONNX file: ids int32 ``(n, max_tokens)`` -> probabilities float32 ``(n, classes)``."""
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    function = GraphNetwork(network).by_ids(max_tokens)
    model, _ = tf2onnx.convert.from_function(function, input_signature=function.input_signature, opset=_OPERATOR_SET)
    return model.SerializeToString()


def run_onnx(path: Path, ids: np.ndarray) -> np.ndarray:
    """Run an ONNX file on ids, int32 ``(n, max_tokens)``, and return probabilities, float32 ``(n, classes)``."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"ids": ids})[0]
