"""Convert many texts to ids: look up frequent chunks in a table, and apply the rules to other chunks in Arrow.

A chunk is a stretch of text between spaces. The table only saves time: the ids would be the same without it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentiment.common.arrow_arrays import as_numpy
from sentiment.common.parallel import keep_freed_memory
from sentiment.common.ragged import Ragged, ragged
from sentiment.text.chunk_table import LONGEST, MOST_IDS, Chunks, ChunkTable, build_table
from sentiment.text.inputs import encode_all, is_arrow
from sentiment.text.lexicon import PADDING, Lexicon
from sentiment.text.normalisation import ANY_MENTION, MENTION, Rule
from sentiment.text.rules_in_arrow import to_lower_case
from sentiment.text.rules_in_python import can_run
from sentiment.text.tokens import as_arrow, tokens_of

_BLANK, _NUMBER_SIGN = b" #"
_PADDING = "\0" * (LONGEST + 1)


class ManyTexts:
    """Convert batches of texts to ids. Threads may share one object."""

    def __init__(self, rules: Sequence[Rule], lexicon: Lexicon, table: ChunkTable | None) -> None:
        table = table or build_table([], ragged([]))
        self._rules, self._lexicon, self._table = rules, lexicon, table
        self._mentions_are_alike = can_run(rules)  # other rules may tell one mention from another
        self._ids = table.ids.reshape(-1)
        self._lengths = np.count_nonzero(table.ids, axis=1)
        keep_freed_memory()  # the arrays of a batch are freed after each batch, and made again for the next

    def encode(self, texts: Any) -> Ragged:
        """Return the ids of ``texts`` ``(n,)``. Dropped tokens, such as stop words, have no id, so a row may be empty.

        Raises:
            InputError: a text is not a string or has no UTF-8 form.
        """
        data, text_lengths = _joined(texts)
        chunks, ends = _split(data, text_lengths)
        slots, found = self._table.find(_lower(data), chunks)
        found[_with_capital_hashtags(data, chunks)] = False  # they are cut at their capitals first
        ids, starts, lengths = self._ids, slots * MOST_IDS, self._lengths.take(slots)
        missing = np.flatnonzero(~found)
        if len(missing):
            strings = to_lower_case(_strings_at(data, chunks.take(missing)))
            if self._mentions_are_alike:  # half of the distinct chunks; they take a third of the time of the rules
                strings = pc.replace_substring_regex(strings, f"^{MENTION}$", ANY_MENTION)
            distinct = strings.dictionary_encode()
            rows, codes = ids_by_rules(distinct.dictionary, self._rules, self._lexicon), as_numpy(distinct.indices)
            starts[missing], lengths[missing] = (rows.starts + len(ids)).take(codes), rows.lengths.take(codes)
            ids = np.concatenate([ids, rows.values])
        upto = np.concatenate(([0], np.cumsum(lengths)))
        flat = ids.take(np.repeat(starts - upto[:-1], lengths) + np.arange(upto[-1]))
        return Ragged(flat, np.diff(upto[ends], prepend=0).astype(np.int32))


def ids_by_rules(chunks: pa.Array, rules: Sequence[Rule], lexicon: Lexicon) -> Ragged:
    """Return one row of ids for each of ``chunks``. Dropped tokens, such as stop words, have no id."""
    types, codes = tokens_of(chunks, rules)
    ids = lexicon.lookup(types)[codes.values]
    return Ragged(ids, codes.lengths).keep(ids != PADDING)


def _joined(texts: Any) -> tuple[np.ndarray, np.ndarray]:
    """Join texts, with a space after each and zeros at the end. Return the bytes, and each text's length in bytes."""
    strings = as_arrow(texts).to_pylist() if is_arrow(texts) else texts
    try:
        text = " ".join([*strings, _PADDING])
        data = np.frombuffer(text.encode(), np.uint8)
    except (TypeError, UnicodeEncodeError):
        encode_all(strings)  # raises an error that names the text
        raise
    if text.isascii():
        lengths = np.fromiter(map(len, strings), np.int64, len(strings))
    else:
        lengths = np.array([len(string) if string.isascii() else len(string.encode()) for string in strings], np.int64)
    return data, lengths


def _lower(data: np.ndarray) -> np.ndarray:
    """Return the bytes ``data`` in ASCII lower case. Unlike ``bytes.lower``, this lets other threads run meanwhile."""
    return data | (data - np.uint8(ord("A")) < 26).view(np.uint8) << np.uint8(5)


def _split(data: np.ndarray, text_lengths: np.ndarray) -> tuple[Chunks, np.ndarray]:
    """Split joined texts at spaces. Return the chunks (some are empty), and their number up to the end of each text."""
    blanks = np.flatnonzero(data[: -LONGEST - 1] == _BLANK)
    starts = np.zeros(len(blanks), np.int64)
    starts[1:] = blanks[:-1] + 1
    ends = np.searchsorted(blanks, np.cumsum(text_lengths + 1) - 1) + 1
    return Chunks(starts, blanks - starts), ends


def _with_capital_hashtags(data: np.ndarray, chunks: Chunks) -> np.ndarray:
    """Return the indices of chunks with a number sign and a capital letter: hashtags that may have to be split."""
    ends = chunks.starts + chunks.lengths
    tagged = np.searchsorted(ends, np.flatnonzero(data == _NUMBER_SIGN))
    capitals = np.flatnonzero(data - np.uint8(ord("A")) < 26)
    return tagged[np.searchsorted(capitals, chunks.starts[tagged]) < np.searchsorted(capitals, ends[tagged])]


def _strings_at(data: np.ndarray, chunks: Chunks) -> pa.Array:
    offsets = np.concatenate(([0], np.cumsum(chunks.lengths)))
    where = np.repeat(chunks.starts - offsets[:-1], chunks.lengths) + np.arange(offsets[-1])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data.take(where))]
    return pa.Array.from_buffers(pa.large_string(), len(chunks.starts), buffers)
