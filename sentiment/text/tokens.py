"""Convert raw tweets to distinct tokens, and each tweet to a row of codes (indices of tokens).

The rules run once per distinct chunk (stretch of text between spaces), because no rule matches across a space. In a
batch of tweets, one chunk in five is distinct.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentiment.common.arrow_arrays import as_numpy, from_encoded
from sentiment.common.ragged import Ragged
from sentiment.errors import InputError
from sentiment.text.inputs import as_sequence, encode_all
from sentiment.text.normalisation import RULES, Rule
from sentiment.text.rules_in_arrow import apply_rules, separate_chunks, to_lower_case


class Tokens(NamedTuple):
    """Tokenised tweets: ``types``, the distinct tokens, and ``codes``, one row of indices of ``types`` per tweet."""

    types: list[str]
    codes: Ragged


def tokenise(texts: Sequence[str] | pa.Array, rules: Sequence[Rule] = RULES) -> Tokens:
    """Normalise ``texts`` ``(n,)`` and split them into tokens.

    The row of a blank text is empty.

    Raises:
        InputError: a text is not a string or has no UTF-8 form, or the texts have more than 2 GiB together.
    """
    chunks = pc.split_pattern(to_lower_case(as_arrow(texts)), " ")
    distinct, codes = _distinct(chunks.flatten())
    types, of_chunks = tokens_of(distinct, rules)
    tokens = of_chunks.take(codes)
    upto = np.concatenate(([0], np.cumsum(tokens.lengths, dtype=np.int64)))  # tokens before each chunk
    return Tokens(types, Ragged(tokens.values, np.diff(upto[as_numpy(chunks.offsets)]).astype(np.int32)))


def tokens_of(chunks: pa.Array, rules: Sequence[Rule]) -> Tokens:
    """Return the distinct tokens of ``chunks`` (lower-case stretches of text), and indices of them for each chunk."""
    tokens = pc.split_pattern(apply_rules(separate_chunks(chunks), rules), " ")
    types, codes = _distinct(tokens.flatten())
    not_empty = as_numpy(pc.binary_length(types)) > 0
    return Tokens(types.to_pylist(), Ragged(codes, np.diff(as_numpy(tokens.offsets))).keep(not_empty[codes]))


def own_tokens(words: Sequence[str], rules: Sequence[Rule] = RULES) -> list[str]:
    """Return the ``words`` that normalisation leaves unchanged, because only these can be tokens of a tweet."""
    types, codes = tokenise(words, rules)
    single = np.flatnonzero(codes.lengths == 1)
    tokens = codes.values[codes.starts[single]].tolist()
    return [words[i] for i, code in zip(single.tolist(), tokens, strict=True) if types[code] == words[i]]


def as_arrow(texts: Sequence[str] | pa.Array) -> pa.Array:
    """Return ``texts`` as an Arrow string array without nulls.

    Raises:
        InputError: a text is not a string or has no UTF-8 form, or the texts have more than 2 GiB together.
    """
    texts = as_sequence(texts)
    if isinstance(texts, pa.Array | pa.ChunkedArray):
        array = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
        try:
            array.validate(full=True)
        except pa.ArrowInvalid as error:
            raise InputError(f"expected texts in UTF-8, received an array that is not ({error})") from error
    else:
        array = from_encoded(encode_all(texts))
    if array.type not in (pa.string(), pa.large_string(), pa.null()):
        raise InputError(f"expected text, received an array of {array.type}: cast it to string")
    if array.null_count:
        raise InputError(
            f"expected texts without missing values, received {array.type} with {array.null_count} missing: leave such "
            "texts out or make them empty"
        )
    return array.cast(pa.string())


def _distinct(values: pa.Array) -> tuple[pa.Array, np.ndarray]:
    encoded = values.dictionary_encode()
    return encoded.dictionary, as_numpy(encoded.indices)
