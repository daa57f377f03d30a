"""The forms in which a model is exported: SavedModel, LiteRT and ONNX.

The SavedModel is a TensorFlow graph from raw tweets to probabilities and labels, which gives the answers of
:class:`sentiment.predict.classifier.SentimentClassifier`. LiteRT and ONNX files contain the network alone, from token
ids to probabilities.
"""

import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from sentiment.export.graph import GraphNetwork, graph_function
from sentiment.export.text_graph import GraphPreprocessor
from sentiment.network.folded import FoldedNetwork
from sentiment.text.lexicon import PADDING
from sentiment.text.preprocessor import Preprocessor

ANY_BATCH = "serving_default"
# Runtimes that do not support signatures use the one whose name sorts first.
ONE_ROW = "serving_one"
# The oldest ONNX operator set that has all operators of the network, so that older runtimes can load the file.
_OPERATOR_SET = 17


class ServingModule(tf.Module):
    """The SavedModel. Its signatures are ``serving_default``, ``serve_ids``, ``serve_ids_unrolled`` and ``describe``.

    ``serve_ids_unrolled`` gives the answers of ``serve_ids`` but takes three times as long. Its graph has no loop and
    no ragged tensor, so that the converters of Core ML, TensorFlow.js and OpenVINO can read it.

    ``classes`` are the class names, in the order of the probabilities. ``folder`` is as for :class:`GraphPreprocessor`.
    """

    def __init__(self, preprocessor: Preprocessor, network: FoldedNetwork, classes: list[str], folder: Path) -> None:
        super().__init__()
        self._preprocessor = preprocessor
        self.network = GraphNetwork(network)
        self.classes = tf.constant(classes)
        self.text = GraphPreprocessor(preprocessor, folder)

    @graph_function(tf.TensorSpec([None], tf.string, name="text"))
    def serve(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Classify raw tweets: return ``probabilities`` ``(n, classes)``, and ``label`` and ``known``, both ``(n,)``.

        ``known`` is the share of known tokens. ``label`` is always the most probable class, even if ``known`` is 0.
        """
        ids = self.text(tf.ensure_shape(text, [None], name="text_is_a_vector_of_tweets"))
        probabilities = self.network(ids)
        label = tf.gather(self.classes, tf.argmax(probabilities, axis=1))
        said = tf.gather(tf.constant(self._preprocessor.says_something), ids.flat_values)
        known = tf.reduce_sum(ids.with_flat_values(tf.cast(said, tf.float32)).to_tensor(), axis=1)
        known /= tf.cast(ids.row_lengths(), tf.float32)
        return {"probabilities": probabilities, "label": label, "known": known}

    @graph_function()
    def describe(self) -> dict[str, tf.Tensor]:
        """Return the class names in the order of the probabilities, and the text preprocessing as JSON.

        The lexicon is an asset of the SavedModel, with a token and its id per line.
        """
        return {"classes": self.classes, "preprocessing": tf.constant(self._preprocessor.to_json())}

    def save(self, folder: Path) -> None:
        """Write the SavedModel into ``folder``."""
        length = self._preprocessor.max_tokens

        @graph_function(tf.TensorSpec([None, length], tf.int32, name="ids"))
        def serve_ids(ids: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"probabilities": self.network(tf.ragged.boolean_mask(ids, ids != PADDING))}

        by_ids = {"serve_ids": serve_ids, "serve_ids_unrolled": self.network.by_ids(length)}
        signatures = {"serving_default": self.serve, **by_ids, "describe": self.describe}
        tf.saved_model.save(self, str(folder), signatures=signatures)


def write_warm_up(folder: Path, texts: list[str]) -> None:
    """Write a request that TensorFlow Serving replays after loading, so that the first real request is not slow.

    The Protocol Buffers message is encoded by hand, because the package tensorflow-serving-api is large.
    """
    tensor = tf.make_tensor_proto(texts, shape=[len(texts)]).SerializeToString()
    inputs = _field(1, b"text") + _field(2, tensor)  # map entry: key, value
    request = _field(1, _field(1, b"default") + _field(3, b"serving_default")) + _field(2, inputs)
    log = _field(6, _field(1, request))  # PredictionLog.predict_log.request
    extra = folder / "assets.extra"
    extra.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(extra / "tf_serving_warmup_requests")) as writer:
        writer.write(log)


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def to_tflite(network: FoldedNetwork, max_tokens: int) -> bytes:
    """Return the network as a LiteRT file of built-in operations.

    Each of two signatures (entry points) maps token ids, int32 ``(n, max_tokens)``, to probabilities, float32
    ``(n, classes)``. In ``ONE_ROW``, ``n`` is 1, because some runtimes, such as LiteRT.js, cannot resize inputs.
    """
    graph = GraphNetwork(network)
    rows = {ANY_BATCH: None, ONE_ROW: 1}
    signatures = {name: graph.by_ids(max_tokens, n).get_concrete_function() for name, n in rows.items()}
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(graph, folder, signatures=signatures)
        return bytes(tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(rows)).convert())


def run_tflite(path: Path, ids: Any) -> Any:
    """Run a LiteRT file on token ids, int32 ``(n, max_tokens)``, and return probabilities, float32 ``(n, classes)``."""
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
    """Return an ONNX file from token ids, int32 ``(n, max_tokens)``, to probabilities, float32 ``(n, classes)``."""
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    function = GraphNetwork(network).by_ids(max_tokens)
    model, _ = tf2onnx.convert.from_function(function, input_signature=function.input_signature, opset=_OPERATOR_SET)
    return model.SerializeToString()


def run_onnx(path: Path, ids: np.ndarray) -> np.ndarray:
    """Run an ONNX file on token ids, int32 ``(n, max_tokens)``, and return probabilities, float32 ``(n, classes)``."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"ids": ids})[0]
