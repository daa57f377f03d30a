"""The network as ONNX, by tf2onnx: ids -> probabilities, for ONNX Runtime in any language."""

import logging
from pathlib import Path

import numpy as np

from sentiment.export.graph import GraphNetwork
from sentiment.network.folded import FoldedNetwork

# The oldest operator set that has all that is used, so that older runtimes can load the file.
_OPERATOR_SET = 17


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
