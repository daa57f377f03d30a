"""The text preprocessing in TensorFlow operations, from tweets to token ids.

A chunk is a stretch of text between spaces. A table gives the ids of frequent chunks. Other chunks are normalised by
rules, and the lexicon gives the ids of their tokens.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from sentiment.common.file_checks import sha256_of
from sentiment.common.ragged import ragged
from sentiment.text.chunk_table import MOST_IDS, build_table
from sentiment.text.file_names import LEXICON
from sentiment.text.lexicon import PADDING, UNKNOWN
from sentiment.text.normalisation import ANY_MENTION, HASHTAG, HASHTAG_WORDS, LONG, MENTION, WHITE_SPACE
from sentiment.text.preprocessor import Preprocessor
from sentiment.text.rules_in_python import can_run

CHUNKS_TSV = "chunks.tsv"
_ABSENT = -1


class GraphPreprocessor(tf.Module):
    """A :class:`sentiment.text.preprocessor.Preprocessor` in TensorFlow operations, which gives the same token ids.

    Args:
        preprocessor: the text preprocessing.
        folder: the folder with the lexicon of ``preprocessor``. The chunks of its table, with their slots, are written
            there too, to ``CHUNKS_TSV``. Both files become assets of the SavedModel.
    """

    def __init__(self, preprocessor: Preprocessor, folder: Path) -> None:
        super().__init__()
        self._rules = preprocessor.rules
        self._max_tokens = preprocessor.max_tokens
        self.lexicon_asset = _NamedAsset("lexicon", folder / LEXICON)
        self.lexicon = _hash_table(self.lexicon_asset, UNKNOWN)
        table = preprocessor.table or build_table([], ragged([]))
        lines = zip(*table.contents(), strict=True)
        # The empty chunk has slot 0. Without it, the file could be empty, which TensorFlow does not read.
        (folder / CHUNKS_TSV).write_bytes(b"\t0\n" + b"".join(b"%s\t%d\n" % line for line in lines))
        self.chunks_asset = _NamedAsset("chunks", folder / CHUNKS_TSV)
        self.chunks = _hash_table(self.chunks_asset, _ABSENT)
        self.chunk_ids = tf.Variable(table.ids.reshape(-1), trainable=False)
        self.chunk_lengths = tf.Variable(np.count_nonzero(table.ids, axis=1), trainable=False)

    def __call__(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Encode tweets, string ``(n,)``, as an int32 ragged tensor with 1 to ``max_tokens`` token ids per row."""
        half = tf.shape(text)[0] // 2  # two branches, which TensorFlow runs in parallel
        return tf.concat([self._all_ids(text[:half]), self._all_ids(text[half:])], axis=0)

    def _all_ids(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Return each text's ids without stop words; a text without any is unknown. Invalid UTF-8 becomes U+FFFD."""
        text = tf.strings.lower(tf.strings.regex_replace(text, HASHTAG, HASHTAG_WORDS))
        chunks = tf.strings.split(text, sep=" ")
        starts, lengths, values = self._ids_of_chunks(chunks.flat_values)
        where = tf.ragged.range(starts, starts + lengths)
        splits = tf.gather(where.row_splits, chunks.row_splits)
        # Cut long rows, and let an empty row read the UNKNOWN that is put behind all ids.
        where = tf.concat([where.flat_values, tf.size(values, tf.int64)[None]], axis=0)
        values = tf.concat([values, [UNKNOWN]], axis=0)
        starts, lengths = splits[:-1], splits[1:] - splits[:-1]
        starts = tf.where(lengths == 0, splits[-1], starts)
        lengths = tf.clip_by_value(lengths, 1, self._max_tokens)
        rows = tf.ragged.range(starts, starts + lengths)
        return rows.with_flat_values(tf.gather(values, tf.gather(where, rows.flat_values)))

    def _ids_of_chunks(self, chunks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Look up the token ids of chunks (text between spaces) in the table; apply the rules to all others.

        Return the index of each chunk's first id, the number of its ids, and the tensor of ids to which both refer.
        """
        slots = self.chunks.lookup(chunks)
        missing = tf.where(slots == _ABSENT)
        strings = tf.gather_nd(chunks, missing)
        if can_run(self._rules):  # they treat all mentions alike, which are half of the distinct chunks
            strings = tf.strings.regex_replace(strings, f"^{MENTION}$", ANY_MENTION)
        distinct, codes = tf.unique(strings, tf.int64)
        further = self._ids_by_rules(distinct)
        known = tf.cast(tf.size(self.chunk_ids), tf.int64)
        slots = tf.maximum(slots, 0)
        starts, lengths = slots * MOST_IDS, tf.gather(self.chunk_lengths, slots)
        starts = tf.tensor_scatter_nd_update(starts, missing, tf.gather(further.row_starts() + known, codes))
        lengths = tf.tensor_scatter_nd_update(lengths, missing, tf.gather(further.row_lengths(), codes))
        return starts, lengths, tf.concat([self.chunk_ids, tf.cast(further.flat_values, tf.int32)], axis=0)

    def _ids_by_rules(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Return the token ids of each text without stop words, by the normalisation rules and the lexicon.

        For speed, all texts are joined with line ends, so that each rule runs once on one long string.
        """
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
        joined = tf.strings.reduce_join(tf.strings.regex_replace(text, WHITE_SPACE, " "), separator=" \n ")
        for rule in self._rules:
            joined = tf.strings.regex_replace(joined, rule.pattern, rule.replacement)
        normalised = tf.strings.split(joined, sep="\n")[: tf.size(text)]  # no text at all makes one empty row
        ids = tf.ragged.map_flat_values(self._ids_of_tokens, tf.strings.split(normalised))
        return tf.ragged.boolean_mask(ids, ids != PADDING)

    def _ids_of_tokens(self, tokens: tf.Tensor) -> tf.Tensor:
        """Return the ids of normalised tokens ``(n,)``.

        The rules mark an elongated token with ``LONG``. A token that the lexicon lacks is looked up without this mark.
        """
        ids = self.lexicon.lookup(tokens)
        unknown = tf.where(ids == UNKNOWN)
        plain = tf.strings.regex_replace(tf.gather_nd(tokens, unknown), f"^{LONG}", "")
        return tf.tensor_scatter_nd_update(ids, unknown, self.lexicon.lookup(plain))


def _hash_table(file: tf.saved_model.Asset, absent: int) -> tf.lookup.StaticHashTable:
    """Return a table from the texts in the first column of ``file`` to the numbers in the second."""
    rows = tf.lookup.TextFileInitializer(file, tf.string, 0, tf.int64, 1, delimiter="\t")
    return tf.lookup.StaticHashTable(rows, absent)


class _NamedAsset(tf.saved_model.Asset):
    """A file of the SavedModel with a name that depends only on the file's content.

    TensorFlow names a hash table after its file. By default the name is a memory address, which differs between
    exports. This name contains a checksum, because hash tables with the same name are one table within a process.
    """

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(str(path))
        self._name = f"{name}_{sha256_of(path)[:16]}"

    def __str__(self) -> str:
        return self._name
