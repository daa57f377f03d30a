"""The SavedModel: raw tweets in, probabilities and labels out, all of it in the graph.

The graph applies the same rules (RE2, like Arrow's), looks tokens up in the same lexicon (an asset of the
SavedModel) and runs the same folded network, so a program in any language that can load a SavedModel gets the
answers of :class:`sentiment.classifier.SentimentClassifier`.
"""

import warnings
from pathlib import Path
from typing import Any

import tensorflow as tf
from keras import ops

from sentiment.lexicon import PADDING, UNKNOWN
from sentiment.normalisation import WHITE_SPACE
from sentiment.preprocessing import Preprocessor
from sentiment.recurrence import STEPS, Direction, FoldedNetwork, state_count
from sentiment.typewise import unrolled_states


class ServingModule(tf.Module):
    """What is saved: signatures ``serving_default`` (text) and ``serve_ids``.

    Args:
        preprocessor: the text treatment.
        network: the folded network.
        classes: names, in the order of the probabilities.
        lexicon_file: the lexicon as tab-separated values; copied into the SavedModel's assets.
        masking: whether padding is skipped.
    """

    def __init__(
        self, preprocessor: Preprocessor, network: FoldedNetwork, classes: list[str], lexicon_file: Path, masking: bool
    ) -> None:
        super().__init__()
        self._preprocessor = preprocessor
        self._masking = masking
        self.network = GraphNetwork(network)
        self.classes = tf.constant(classes)
        self.lexicon_asset = _NamedAsset(str(lexicon_file))
        table = tf.lookup.TextFileInitializer(self.lexicon_asset, tf.string, 0, tf.int64, 1, delimiter="\t")
        self.lexicon = tf.lookup.StaticHashTable(table, UNKNOWN)

    def normalise(self, text: tf.Tensor) -> tf.Tensor:
        """Rules over raw text, string ``(n,)`` -> ``(n,)``; bytes that are not UTF-8 become U+FFFD first."""
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
        text = tf.strings.regex_replace(tf.strings.lower(text), WHITE_SPACE, " ")
        for rule in self._preprocessor.rules:
            text = tf.strings.regex_replace(text, rule.pattern, rule.replacement)
        return text

    def encode(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Raw text, string ``(n,)`` -> rows of 1 to ``max_tokens`` ids."""
        half = tf.shape(text)[0] // 2  # two branches, which run side by side
        normalised = tf.concat([self.normalise(text[:half]), self.normalise(text[half:])], axis=0)
        tokens = tf.strings.split(normalised, sep=" ")
        tokens = tf.ragged.boolean_mask(tokens, tokens != "")
        ids = tf.ragged.map_flat_values(self.lexicon.lookup, tokens)
        ids = tf.ragged.boolean_mask(ids, ids != PADDING)[:, : self._preprocessor.max_tokens]
        empty = tf.cast(ids.row_lengths() == 0, tf.int64)
        unknown = tf.RaggedTensor.from_row_lengths(
            tf.fill([tf.reduce_sum(empty)], tf.constant(UNKNOWN, tf.int64)), empty
        )
        return tf.concat([ids, unknown], axis=1)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def serve(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Raw tweets -> probabilities float32 ``(n, classes)`` and label string ``(n,)``."""
        ids = self.encode(text)
        if self._masking:
            probabilities = self.network(ids.to_tensor(PADDING), ids.row_lengths())
        else:
            probabilities = self._unmasked(self._padded(ids))
        return {"probabilities": probabilities, "label": tf.gather(self.classes, tf.argmax(probabilities, axis=1))}

    def serve_ids(self, ids: tf.Tensor) -> dict[str, tf.Tensor]:
        """Padded ids int32 ``(n, max_tokens)`` -> probabilities float32 ``(n, classes)``."""
        if not self._masking:
            return {"probabilities": self._unmasked(ids)}
        real = tf.ragged.boolean_mask(ids, ids != PADDING)
        return {"probabilities": self.network(real.to_tensor(PADDING), real.row_lengths())}

    def save(self, folder: Path) -> None:
        """Write the SavedModel."""
        spec = tf.TensorSpec([None, self._preprocessor.max_tokens], tf.int32, name="ids")
        by_ids = tf.function(self.serve_ids, input_signature=[spec])
        signatures = {"serving_default": self.serve, "serve_ids": by_ids}
        tf.saved_model.save(self, str(folder), signatures=signatures)

    def _unmasked(self, ids: tf.Tensor) -> tf.Tensor:
        lengths = tf.fill([tf.shape(ids)[0]], tf.cast(tf.shape(ids)[1], tf.int64))
        return self.network(ids, lengths)

    def _padded(self, ids: tf.RaggedTensor) -> tf.Tensor:
        length = self._preprocessor.max_tokens
        if self._preprocessor.padding == "post":
            return ids.to_tensor(PADDING, shape=[None, length])
        return tf.reverse(tf.reverse(ids, [1]).to_tensor(PADDING, shape=[None, length]), [1])


class _NamedAsset(tf.saved_model.Asset):
    """TensorFlow names a table after its asset; by default that is an address in memory, new in every export."""

    def __str__(self) -> str:
        return "lexicon"


class GraphNetwork(tf.Module):
    """:class:`FoldedNetwork` as TensorFlow operations."""

    def __init__(self, network: FoldedNetwork) -> None:
        super().__init__()
        self.tables = [tf.Variable(table, trainable=False) for table in network.table]
        self.kernels = [tf.Variable(direction.kernel, trainable=False) for direction in network.directions]
        self.biases = [None if d.bias is None else tf.Variable(d.bias, trainable=False) for d in network.directions]
        self.output_kernel = tf.Variable(network.output_kernel, trainable=False)
        self.output_bias = tf.Variable(network.output_bias, trainable=False)
        self._cell, self._pooling = network.cell, network.pooling

    def __call__(self, ids: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """Ids ``(n, time)``, real up to ``lengths`` ``(n,)`` -> probabilities ``(n, classes)``.

        Rows are sorted by length, so that each step works on those rows only that still have a token.
        """
        order = tf.argsort(-lengths)
        ids, lengths = tf.gather(ids, order), tf.gather(lengths, order)
        longest = tf.reduce_max(tf.concat([lengths, [0]], axis=0))
        active = tf.reduce_sum(tf.cast(lengths[None, :] > tf.range(longest)[:, None], tf.int32), axis=1)
        steps = tf.transpose(ids)
        pooled = [self._pooled(steps, active, lengths, direction) for direction in range(len(self.kernels))]
        joined = tf.concat([part for parts in zip(*pooled, strict=True) for part in parts], axis=1)
        probabilities = tf.nn.softmax(tf.matmul(joined, self.output_kernel) + self.output_bias)
        return tf.gather(probabilities, tf.math.invert_permutation(order))

    def unrolled(self, ids: tf.Tensor, masking: bool) -> tf.Tensor:
        """Ids ``(n, time)``, padded on either side -> probabilities ``(n, classes)``, without loop or sorting."""
        weights = [Direction(*pair) for pair in zip(self.kernels, self.biases, strict=True)]
        table = tf.concat(self.tables, axis=1)
        joined = unrolled_states(table, ids, weights, self._cell, self._pooling, masking)
        return tf.nn.softmax(tf.matmul(joined, self.output_kernel) + self.output_bias)

    def _pooled(self, steps: tf.Tensor, active: tf.Tensor, lengths: tf.Tensor, direction: int) -> list[tf.Tensor]:
        """Pooled states of one direction, each ``(n, units)``: last, or maximum and/or mean."""
        weights = Direction(self.kernels[direction], self.biases[direction])
        units, table = self.kernels[direction].shape[0], self.tables[direction]
        time, rows = tf.shape(active)[0], tf.shape(steps)[1]
        zeros = tf.zeros([rows, units])

        def body(i: tf.Tensor, states: tuple, highest: tf.Tensor, total: tf.Tensor) -> tuple:
            t = i if direction == 0 else time - 1 - i
            n = active[t]
            projected = tf.gather(table, steps[t, :n])
            fresh = STEPS[self._cell](ops, projected, tuple(state[:n] for state in states), weights)
            states = tuple(tf.concat([new, old[n:]], 0) for new, old in zip(fresh, states, strict=True))
            highest = tf.concat([tf.maximum(highest[:n], fresh[0]), highest[n:]], 0)
            return i + 1, states, highest, tf.concat([total[:n] + fresh[0], total[n:]], 0)

        start = (tf.constant(0), (zeros,) * state_count(self._cell), zeros - 2.0, zeros)
        _, states, highest, total = tf.while_loop(lambda i, *_: i < time, body, start)
        mean = total / tf.cast(tf.maximum(lengths, 1), tf.float32)[:, None]
        return {"last": [states[0]], "max": [highest], "mean": [mean], "max_mean": [highest, mean]}[self._pooling]


def write_warm_up(folder: Path, texts: list[str]) -> None:
    """Write the request that TensorFlow Serving replays on loading: ``assets.extra/tf_serving_warmup_requests``.

    The record is a ``PredictionLog`` message. Its classes ship with tensorflow-serving-api, which would be a heavy
    dependency for three nested fields, so they are encoded here by hand: a message field is a tag, a length and the
    content (Protocol Buffers encoding), and the tensor is TensorFlow's own ``TensorProto``.
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


def to_tflite(network: FoldedNetwork, max_tokens: int, masking: bool) -> bytes:
    """A LiteRT model of built-in operations: ids int32 ``(1, max_tokens)`` -> probabilities float32 ``(1, classes)``.

    The recurrence is unrolled, so a runtime may resize the first dimension.
    """
    graph = GraphNetwork(network)
    spec = tf.TensorSpec([None, max_tokens], tf.int32, name="ids")

    def probabilities(ids: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": graph.unrolled(ids, masking)}

    concrete = tf.function(probabilities, input_signature=[spec]).get_concrete_function()
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete], graph).convert())


def run_tflite(path: Path, ids: Any) -> Any:
    """Probabilities float32 ``(n, classes)`` that a LiteRT file gives for ids int32 ``(n, max_tokens)``."""
    with warnings.catch_warnings():  # it recommends its successor, which would be one more package
        warnings.simplefilter("ignore", UserWarning)
        interpreter = tf.lite.Interpreter(str(path))
    entry = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(entry, list(ids.shape))
    interpreter.allocate_tensors()
    interpreter.set_tensor(entry, ids)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
