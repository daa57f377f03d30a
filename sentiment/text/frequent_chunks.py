"""Make the table that maps frequent chunks (stretches of text between spaces) of training tweets to token ids."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from sentiment.common.arrow_arrays import from_encoded
from sentiment.text.chunk_table import LONGEST, ChunkTable, build_table
from sentiment.text.many_texts import ids_by_rules
from sentiment.text.preprocessor import Preprocessor
from sentiment.text.rules_in_arrow import to_lower_case

_MOST = 16_384  # chunks (1 MB); six times as many are no faster, because look-ups in a larger table are slower
_LEAST_COUNT = 2
# Names of people and links are nearly all different; other white space ends lines in assets.
_LEFT_OUT = "@|https?:|www\\.|[\x00-\x1f\x7f]"


def make_table(preprocessor: Preprocessor, texts: Iterable[pa.Array]) -> ChunkTable:
    """Return a table from the frequent chunks of ``texts`` to the token ids that ``preprocessor`` gives them.

    ``texts`` are batches of training tweets, Arrow string arrays without nulls.
    """
    chunks = [chunk.encode() for chunk in _frequent(texts)]
    return build_table(chunks, ids_by_rules(from_encoded(chunks), preprocessor.rules, preprocessor.lexicon))


def _frequent(texts: Iterable[pa.Array]) -> list[str]:
    """Return frequent chunks in lower case, most frequent first, then by code point."""
    counts: dict[str, int] = {}
    for batch in texts:
        chunks = pc.split_pattern(to_lower_case(batch), " ").flatten()
        fits = pc.and_(pc.greater(pc.binary_length(chunks), 0), pc.less_equal(pc.binary_length(chunks), LONGEST))
        chunks = chunks.filter(pc.and_not(fits, pc.match_substring_regex(chunks, _LEFT_OUT)))
        for entry in chunks.value_counts().to_pylist():
            counts[entry["values"]] = counts.get(entry["values"], 0) + entry["counts"]
    frequent = [(-count, chunk) for chunk, count in counts.items() if count >= _LEAST_COUNT]
    return [chunk for _, chunk in sorted(frequent)[:_MOST]]
