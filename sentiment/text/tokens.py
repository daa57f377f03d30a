"""Tokenisation: raw tweets -> token types and codes, each distinct chunk normalised once.

About one chunk in ten of a large corpus is new, so the rules run over the distinct chunks only; that is where
the speed comes from. Rules never look across a space (see :mod:`sentiment.text.normalisation`), which makes the
result the same as normalising whole tweets and splitting them at spaces.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentiment.common.arrow_arrays import as_numpy
from sentiment.common.ragged import Ragged
from sentiment.errors import InputError
from sentiment.text.inputs import as_sequence, encode_all
from sentiment.text.normalisation import FIRST_RULES, RULES, Rule
from sentiment.text.rules_in_arrow import apply_rules, separate_chunks


class Tokens(NamedTuple):
    """Tokenised tweets: ``types``, the distinct tokens in order of appearance, and ``codes``, indices of them."""

    types: list[str]
    codes: Ragged


class Chunked(NamedTuple):
    """Tweets between blanks: ``distinct`` chunks, an Arrow string array in lower case, and rows of indices of them."""

    distinct: pa.Array
    codes: Ragged


def tokenise(texts: Sequence[str] | pa.Array, rules: Sequence[Rule] = RULES) -> Tokens:
    """Normalise ``texts`` ``(n,)`` and split them into tokens.

    Returns:
        The distinct tokens of these texts and ``n`` rows of codes; a blank text has no tokens.

    Raises:
        InputError: a text is not a string, or holds an unpaired surrogate, which has no UTF-8 form.
    """
    distinct, codes = split_chunks(texts)
    types, pieces = tokens_of(distinct, rules)
    return Tokens(types, join(pieces, codes))


def split_chunks(texts: Sequence[str] | pa.Array) -> Chunked:
    """Split ``texts`` ``(n,)`` at plain blanks; other white space is rare, and the rule for it meets distinct chunks.

    Raises:
        InputError: as :func:`tokenise`.
    """
    chunks = pc.split_pattern(pc.ascii_lower(as_arrow(texts)), " ")
    distinct, codes = _distinct(chunks.flatten())
    return Chunked(distinct, Ragged(codes, np.diff(as_numpy(chunks.offsets))))


def tokens_of(chunks: pa.Array, rules: Sequence[Rule]) -> Tokens:
    """Distinct tokens of ``chunks`` ``(m,)``, as :func:`split_chunks` finds them, and ``m`` rows of codes."""
    distinct, codes = separate_chunks(chunks), np.arange(len(chunks), dtype=np.int32)
    for group in (rules[:FIRST_RULES], rules[FIRST_RULES:]):
        distinct, merged = _distinct(apply_rules(distinct, group))
        codes = merged[codes]
    tokens = pc.split_pattern(distinct, " ")
    types, type_codes = _distinct(tokens.flatten())
    pieces = Ragged(type_codes, np.diff(as_numpy(tokens.offsets))).keep(_not_empty(types)[type_codes])
    return Tokens(types.to_pylist(), pieces.take(codes))


def own_tokens(words: Sequence[str], rules: Sequence[Rule] = RULES) -> list[str]:
    """Those of ``words`` that come out of the rules as they went in: those that can be a token of a tweet."""
    types, codes = tokenise(words, rules)
    single = np.flatnonzero(codes.lengths == 1)
    tokens = codes.values[codes.starts[single]].tolist()
    return [words[i] for i, code in zip(single.tolist(), tokens, strict=True) if types[code] == words[i]]


def as_arrow(texts: Sequence[str] | pa.Array) -> pa.Array:
    """``texts`` as an Arrow string array without nulls.

    Raises:
        InputError: as :func:`tokenise`.
    """
    texts = as_sequence(texts)
    if isinstance(texts, pa.Array | pa.ChunkedArray):
        array = _valid(texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts)
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


def _valid(array: pa.Array) -> pa.Array:
    try:
        array.validate(full=True)
    except pa.ArrowInvalid as error:
        raise InputError(f"expected texts in UTF-8, received an array that is not ({error})") from error
    return array


def from_encoded(encoded: Sequence[bytes]) -> pa.Array:
    """A string array of texts in UTF-8, built from its buffers.

    ``pyarrow.array`` would import pandas, which takes a third of a second.
    """
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    if offsets[-1] > np.iinfo(np.int32).max:
        raise InputError(f"expected at most 2 GiB of text at once, received {offsets[-1]} bytes: pass it in parts")
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)


def _distinct(values: pa.Array) -> tuple[pa.Array, np.ndarray]:
    encoded = values.dictionary_encode()
    return encoded.dictionary, as_numpy(encoded.indices)


def _not_empty(types: pa.Array) -> np.ndarray:
    return as_numpy(pc.binary_length(types)) > 0


def join(pieces: Ragged, chunks: Ragged) -> Ragged:
    """Put the tokens of each chunk (``pieces``) in the place of its code."""
    tokens = pieces.take(chunks.values)
    upto = np.concatenate(([0], np.cumsum(tokens.lengths, dtype=np.int64)))
    starts = chunks.starts
    return Ragged(tokens.values, (upto[starts + chunks.lengths] - upto[starts]).astype(np.int32))
