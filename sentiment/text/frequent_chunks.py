"""Making the chunk table: frequent chunks of a corpus, then words of the lexicon, and what the rules say of them."""

from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from sentiment.text.chunk_table import LONGEST, ChunkTable, build_table
from sentiment.text.preprocessor import Preprocessor
from sentiment.text.rules_in_python import can_run

_MOST = 100_000  # entries: 6 MB, and by far the most of what tweets consist of
_LEAST_COUNT = 2
# Mentions and links are not carried about, and what they become is evident; other white space ends lines in assets.
_LEFT_OUT = "@|https?:|www\\.|[\x00-\x1f\x7f]"


def make_table(preprocessor: Preprocessor, texts: Iterable[pa.Array]) -> ChunkTable | None:
    """The table of ``texts``' frequent chunks, and of words; None where rules are not this package's, which use none.

    Args:
        preprocessor: rules and lexicon.
        texts: batches of training tweets, Arrow string arrays without nulls.
    """
    if not can_run(preprocessor.rules):
        return None
    frequent = _frequent(texts)
    chunks = list(dict.fromkeys([*frequent, *_words(preprocessor.lexicon.ids)]))[:_MOST]
    encoded = [chunk.encode() for chunk in chunks]
    return build_table(encoded, preprocessor.rows_by_rules(encoded))


def _words(ids: Mapping[str, int]) -> list[str]:
    """Words that the lexicon knows, the most frequent first, and that can be a chunk in the table."""
    return [word for word, _ in sorted(ids.items(), key=lambda item: item[1]) if len(word.encode()) <= LONGEST]


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
