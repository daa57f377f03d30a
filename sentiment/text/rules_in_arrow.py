"""Apply the rules of :mod:`sentiment.text.normalisation` in Arrow's engine, RE2: fast for many texts, slow for few."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentiment.common.arrow_arrays import constant, from_numpy
from sentiment.text.normalisation import HASHTAG, HASHTAG_WORDS, WHITE_SPACE, Rule

_SEPARATOR = constant(" \n ").cast(pa.large_string())


def to_lower_case(texts: pa.Array) -> pa.Array:
    """Split hashtags such as #NotBad in ``texts`` before their capital letters, and make A to Z lower case."""
    return pc.ascii_lower(pc.replace_substring_regex(texts, HASHTAG, HASHTAG_WORDS))


def separate_chunks(texts: pa.Array) -> pa.Array:
    """Return lower-case ``texts`` ``(n,)`` with every stretch of white space replaced by one space."""
    return pc.replace_substring_regex(texts, WHITE_SPACE, " ")


def apply_rules(texts: pa.Array, rules: Sequence[Rule]) -> pa.Array:
    """Apply ``rules`` to ``texts``, in order.

    ``texts`` is a string array ``(n,)`` that :func:`separate_chunks` has returned. The result has one or more spaces
    between tokens. Joining all texts to one string saves four fifths of the time, because Arrow takes 0.1 microseconds
    per string and rule even where nothing matches. Line ends separate the texts, because no match contains a line end.
    """
    if not len(texts):
        return texts
    together = pa.ListArray.from_arrays(from_numpy(np.array([0, len(texts)], np.int32)), texts.cast(pa.large_string()))
    joined = pc.binary_join(together, _SEPARATOR)
    for rule in rules:
        joined = pc.replace_substring_regex(joined, rule.pattern, rule.replacement)
    return pc.split_pattern(joined, "\n").flatten()
