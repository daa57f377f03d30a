"""The text treatment as TensorFlow operations: the table first, the rules for the chunks that it lacks."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf

from sentiment.common.checksums import sha256_of
from sentiment.text.chunk_table import ChunkTable
from sentiment.text.lexicon import PADDING, UNKNOWN
from sentiment.text.normalisation import FIRST_RULES, WHITE_SPACE, Rule
from sentiment.text.preprocessor import Preprocessor

_ABSENT = -1


class _Pieces(NamedTuple):
    """The ids of each of some chunks: where its first one lies in ``values``, and how many there are."""

    starts: tf.Tensor
    lengths: tf.Tensor
    values: tf.Tensor


class GraphPreprocessor(tf.Module):
    """Raw text to ids: what :class:`sentiment.text.preprocessor.Preprocessor` says of it.

    Args:
        preprocessor: the text treatment.
        lexicon_file: the lexicon as tab-separated values; copied into the SavedModel's assets.
        chunks_file: where to write the chunks of the table for TensorFlow to read, if there is a table; copied too.
    """

    def __init__(self, preprocessor: Preprocessor, lexicon_file: Path, chunks_file: Path | None = None) -> None:
        super().__init__()
        self._rules = preprocessor.rules
        self._max_tokens = preprocessor.max_tokens
        self.lexicon_asset = _NamedAsset("lexicon", lexicon_file)
        rows = tf.lookup.TextFileInitializer(self.lexicon_asset, tf.string, 0, tf.int64, 1, delimiter="\t")
        self.lexicon = tf.lookup.StaticHashTable(rows, UNKNOWN)
        self._has_table = False
        if chunks_file is not None and preprocessor.table is not None:
            self._make_table(preprocessor.table, chunks_file)

    def _make_table(self, table: ChunkTable, file: Path) -> None:
        chunks, values = table.contents()
        self._has_table = bool(chunks)  # TensorFlow reads no table out of an empty file
        if not chunks:
            return
        file.write_bytes(b"".join(b"%s\t%d\n" % (chunk, value) for chunk, value in zip(chunks, values, strict=True)))
        self.chunks_asset = _NamedAsset("chunks", file)
        rows = tf.lookup.TextFileInitializer(self.chunks_asset, tf.string, 0, tf.int64, 1, delimiter="\t")
        self.chunks = tf.lookup.StaticHashTable(rows, _ABSENT)
        self.chunk_ids = tf.Variable(table.ids, trainable=False)

    def __call__(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Raw text, string ``(n,)`` -> rows of 1 to ``max_tokens`` ids, int64."""
        half = tf.shape(text)[0] // 2  # two branches, which run side by side
        ids = tf.concat([self._all_ids(text[:half]), self._all_ids(text[half:])], axis=0)
        ids = ids[:, : self._max_tokens]
        empty = tf.cast(ids.row_lengths() == 0, tf.int64)
        unknown = tf.RaggedTensor.from_row_lengths(
            tf.fill([tf.reduce_sum(empty)], tf.constant(UNKNOWN, tf.int64)), empty
        )
        return tf.concat([ids, unknown], axis=1)

    def _all_ids(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Ids of each text without dropped tokens; bytes that are not UTF-8 become U+FFFD before the rules see them."""
        text = tf.strings.lower(text)
        if not self._has_table:
            return self._ids_of(self._by_rules(_mended(text), self._rules))
        chunks = tf.strings.split(text, sep=" ")
        pieces = self._pieces(chunks.flat_values)
        where = tf.ragged.range(pieces.starts, pieces.starts + pieces.lengths)
        return tf.RaggedTensor.from_row_splits(
            tf.cast(tf.gather(pieces.values, where.flat_values), tf.int64),
            tf.gather(where.row_splits, chunks.row_splits),
            validate=False,
        )

    def _pieces(self, chunks: tf.Tensor) -> _Pieces:
        """From the table, and by the rules for each distinct chunk that it lacks."""
        entries = self.chunks.lookup(chunks)  # start << 32 | length
        missing = tf.where(entries == _ABSENT)
        distinct, codes = self._distinct_by_first_rules(tf.gather_nd(chunks, missing))
        further = self._ids_of(self._by_rules(distinct, self._rules[FIRST_RULES:]))
        known = tf.cast(tf.size(self.chunk_ids), tf.int64)
        found = tf.bitwise.left_shift(further.row_starts() + known, tf.constant(32, tf.int64)) + further.row_lengths()
        entries = tf.tensor_scatter_nd_update(entries, missing, tf.gather(found, codes))
        values = tf.concat([self.chunk_ids, tf.cast(further.flat_values, tf.int32)], axis=0)
        return _Pieces(
            tf.bitwise.right_shift(entries, tf.constant(32, tf.int64)),
            tf.bitwise.bitwise_and(entries, tf.constant(0xFFFFFFFF, tf.int64)),
            values,
        )

    def _distinct_by_first_rules(self, chunks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """What the first rules leave of ``chunks``, each once, and its index for every chunk.

        They are those for links and mentions, which are nearly all different before, and all alike behind them.
        """
        distinct, codes = tf.unique(chunks, tf.int64)
        begun = self._by_rules(_mended(distinct), self._rules[:FIRST_RULES])
        distinct, merged = tf.unique(begun, tf.int64)
        return distinct, tf.gather(merged, codes)

    def _ids_of(self, normalised: tf.Tensor) -> tf.RaggedTensor:
        tokens = tf.strings.split(normalised, sep=" ")
        tokens = tf.ragged.boolean_mask(tokens, tokens != "")
        ids = tf.ragged.map_flat_values(self.lexicon.lookup, tokens)
        return tf.ragged.boolean_mask(ids, ids != PADDING)

    @staticmethod
    def _by_rules(text: tf.Tensor, rules: Sequence[Rule]) -> tf.Tensor:
        for rule in rules:
            text = tf.strings.regex_replace(text, rule.pattern, rule.replacement)
        return text


def _mended(text: tf.Tensor) -> tf.Tensor:
    """``text`` in UTF-8, every stretch of white space made one blank."""
    text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
    return tf.strings.regex_replace(text, WHITE_SPACE, " ")


class _NamedAsset(tf.saved_model.Asset):
    """TensorFlow names a table after its asset; by default that is an address in memory, new in every export.

    The name holds what is in the file, since tables of one name are one table, in a process that makes several models.
    """

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(str(path))
        self._name = f"{name}_{sha256_of(path)[:16]}"

    def __str__(self) -> str:
        return self._name
