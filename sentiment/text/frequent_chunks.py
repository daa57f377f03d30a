"""Making the chunk table from a corpus: its frequent chunks, and what the rules say of them."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentiment.common.ragged import Ragged
from sentiment.text.chunk_table import LONGEST, ChunkTable, build_table
from sentiment.text.preprocessor import Preprocessor
from sentiment.text.rules_in_python import can_run

_MOST = 100_000  # entries: 6 MB, and by far the most of what tweets consist of
_LEAST_COUNT = 2
# Mentions and links are not carried about, and what they become is evident; other white space ends lines in assets.
_LEFT_OUT = "@|https?:|www\\.|[\x00-\x1f\x7f]"


def make_table(preprocessor: Preprocessor, texts: Iterable[pa.Array]) -> ChunkTable | None:
    """The table of the frequent chunks of ``texts``; None where rules are not this package's, which never use one.

    Args:
        preprocessor: rules and lexicon.
        texts: batches of training tweets, Arrow string arrays without nulls.
    """
    if not can_run(preprocessor.rules):
        return None
    chunks = _frequent(texts)
    rows = preprocessor.rows_by_rules(chunks)
    lengths = np.array([len(row) for row in rows], np.int32)
    ids = Ragged(np.array([i for row in rows for i in row], np.int32), lengths)
    return build_table([chunk.encode() for chunk in chunks], ids)


def _frequent(texts: Iterable[pa.Array]) -> list[str]:
    """Distinct chunks in ASCII lower case, most frequent first; ties in the order of the characters."""
    counts: dict[str, int] = {}
    for batch in texts:
        chunks = pc.split_pattern(pc.ascii_lower(batch), " ").flatten()
        fits = pc.and_(pc.greater(pc.binary_length(chunks), 0), pc.less_equal(pc.binary_length(chunks), LONGEST))
        chunks = chunks.filter(pc.and_not(fits, pc.match_substring_regex(chunks, _LEFT_OUT)))
        for entry in chunks.value_counts().to_pylist():
            counts[entry["values"]] = counts.get(entry["values"], 0) + entry["counts"]
    frequent = [(-count, chunk) for chunk, count in counts.items() if count >= _LEAST_COUNT]
    return [chunk for _, chunk in sorted(frequent)[:_MOST]]
