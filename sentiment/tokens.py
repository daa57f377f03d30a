"""Tokenisation: raw tweets -> token types and codes, each distinct chunk normalised once.

About one chunk in ten of a large corpus is new, so the rules run over the distinct chunks only; that is where
the speed comes from. Rules never look across a space (see :mod:`sentiment.normalisation`), which makes the
result the same as normalising whole tweets and splitting them at spaces.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentiment.errors import InputError
from sentiment.normalisation import RULES, Rule, apply_rules, separate_chunks

# Mentions and URLs are nearly all different from one another and become one token each: once the first rules
# have run, merging equal chunks again leaves less than half of them for the rest.
_FIRST_RULES = 2


class Ragged(NamedTuple):
    """Rows of different lengths: ``values`` int32 ``(total,)``, row by row, and ``lengths`` int32 ``(n,)``."""

    values: np.ndarray
    lengths: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """Where each row begins in ``values``, int64 ``(n,)``."""
        return np.cumsum(self.lengths, dtype=np.int64) - self.lengths

    def take(self, rows: np.ndarray) -> "Ragged":
        """The rows with the given indices, in that order; ``rows`` is an integer array ``(m,)``."""
        lengths = self.lengths[rows]
        ends = np.cumsum(lengths, dtype=np.int64)
        shift = self.starts[rows] - (ends - lengths)
        return Ragged(self.values[np.repeat(shift, lengths) + np.arange(ends[-1] if len(ends) else 0)], lengths)

    def keep(self, wanted: np.ndarray) -> "Ragged":
        """Only the values where ``wanted`` (bool ``(total,)``) holds; rows may become empty."""
        kept_before = np.concatenate(([0], np.cumsum(wanted, dtype=np.int64)))
        starts = self.starts
        lengths = kept_before[starts + self.lengths] - kept_before[starts]
        return Ragged(self.values[wanted], lengths.astype(np.int32))


class Tokens(NamedTuple):
    """Tokenised tweets: ``types``, the distinct tokens in order of appearance, and ``codes``, indices of them."""

    types: list[str]
    codes: Ragged


def tokenise(texts: Sequence[str] | pa.Array, rules: Sequence[Rule] = RULES) -> Tokens:
    """Normalise ``texts`` ``(n,)`` and split them into tokens.

    Returns:
        The distinct tokens of these texts and ``n`` rows of codes; a blank text has no tokens.

    Raises:
        InputError: a text is not a string, or holds an unpaired surrogate, which has no UTF-8 form.
    """
    chunks = pc.split_pattern(separate_chunks(as_arrow(texts)), " ")
    distinct, codes = _distinct(chunks.flatten())
    for group in (rules[:_FIRST_RULES], rules[_FIRST_RULES:]):
        distinct, merged = _distinct(apply_rules(distinct, group))
        codes = merged[codes]
    tokens = pc.split_pattern(distinct, " ")
    types, type_codes = _distinct(tokens.flatten())
    pieces = Ragged(type_codes, np.diff(tokens.offsets.to_numpy())).keep(_not_empty(types)[type_codes])
    return Tokens(types.to_pylist(), _join(pieces, Ragged(codes, np.diff(chunks.offsets.to_numpy()))))


def as_arrow(texts: Sequence[str] | pa.Array) -> pa.Array:
    """``texts`` as an Arrow string array without nulls.

    Raises:
        InputError: as :func:`tokenise`.
    """
    if isinstance(texts, str | bytes):
        raise InputError("expected a list of texts, received a single one: put it in a list")
    if isinstance(texts, pa.Array | pa.ChunkedArray):
        array = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    else:
        array = _from_python(list(texts))
    if array.null_count or array.type not in (pa.string(), pa.large_string()):
        raise InputError(f"expected texts without missing values, received {array.type} with {array.null_count} missing")
    return array.cast(pa.string())


def _from_python(texts: list[str]) -> pa.Array:
    try:
        return pa.array(texts, pa.string())
    except (pa.ArrowException, UnicodeEncodeError, TypeError) as error:
        for index, text in enumerate(texts):
            if not isinstance(text, str):
                raise InputError(f"expected a string, received {type(text).__name__} as text {index}") from error
            if not _encodable(text):
                raise InputError(f"text {index} holds an unpaired surrogate: decode it as UTF-8 first") from error
        raise


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _distinct(values: pa.Array) -> tuple[pa.Array, np.ndarray]:
    encoded = values.dictionary_encode()
    return encoded.dictionary, encoded.indices.to_numpy()


def _not_empty(types: pa.Array) -> np.ndarray:
    return pc.not_equal(types, "").to_numpy(zero_copy_only=False)


def _join(pieces: Ragged, chunks: Ragged) -> Ragged:
    """Put the tokens of each chunk (``pieces``) in the place of its code."""
    tokens = pieces.take(chunks.values)
    upto = np.concatenate(([0], np.cumsum(tokens.lengths, dtype=np.int64)))
    starts = chunks.starts
    return Ragged(tokens.values, (upto[starts + chunks.lengths] - upto[starts]).astype(np.int32))
