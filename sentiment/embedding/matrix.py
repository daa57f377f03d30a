"""The frozen embedding matrix, with one vector per id of the vocabulary.

Row 0 (padding) is zero. Every other lemma gets the first of these vectors that exists:

1. its own GloVe vector, or else the vector of its most frequent surface form that has one;
2. the vector of a spelling variant (without apostrophes or doubled letters);
3. the mean vector of other words: stand-ins for a special token, the words of an emoji's name, or parts of a compound;
4. a vector that is induced from the contexts of the lemma in the training rows.

Row 1 (any unknown token) is the mean of the induced vectors.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import sparse

from sentiment.common.ragged import Ragged
from sentiment.embedding.glove import WordVectors
from sentiment.embedding.stand_ins import STAND_INS, emoji_names, split_compound, weights_of
from sentiment.text.lexicon import PADDING, RESERVED, UNKNOWN, Lexicon

_ROWS_PER_BLOCK = 100_000
_RIDGE = 1e-3


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the training text has GloVe vectors.

    Attributes:
        types, types_found: the number of lemmas in the training rows, and how many of these lemmas have a vector.
        further: the number of lemmas that are in the vocabulary only because GloVe has their vector.
        tokens, tokens_found: the number of tokens in the training rows, and how many of these tokens have a vector.
        stand_ins: the number of lemmas whose vector is the mean of several words. These lemmas count as found.
        missing: the most frequent lemmas without a vector, each with its number of tokens.
    """

    types: int
    types_found: int
    further: int
    tokens: int
    tokens_found: int
    stand_ins: int
    missing: tuple[tuple[str, int], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary of the attributes and of the shares of lemmas and tokens that have a vector."""
        shares = {
            "type_share": self.types_found / max(1, self.types),
            "token_share": self.tokens_found / max(1, self.tokens),
        }
        return {**asdict(self), **shares}


@dataclass(frozen=True, slots=True)
class FoundVectors:
    """The vectors found for a vocabulary: ``matrix``, float32 ``(vocabulary, dimension)``. A missing vector is zero.

    The mask ``found``, bool ``(vocabulary,)``, marks rows with a vector. The mask ``stand_in``, bool ``(vocabulary,)``,
    marks rows whose vector is the mean vector of other words.
    """

    matrix: np.ndarray
    found: np.ndarray
    stand_in: np.ndarray


def wanted_words(lexicon: Lexicon) -> set[str]:
    """Return every word whose vector :func:`find_vectors` may use, so that only these vectors need be read."""
    names = emoji_names()
    emoji = [names[key] for key in lexicon.vocabulary if key in names]
    wanted = {word for words in (*STAND_INS.values(), *emoji) for word in words}
    for key, surfaces in _surfaces(lexicon).items():
        wanted.update(_forms(key, surfaces))
    return wanted


def find_vectors(lexicon: Lexicon, vectors: WordVectors) -> FoundVectors:
    """Find the vector of each lemma: its own, that of one of its spellings, or the mean vector of other words."""
    matrix = np.zeros((len(lexicon.vocabulary), vectors.dimension), np.float32)
    found = np.zeros(len(matrix), bool)
    stand_in = np.zeros(len(matrix), bool)
    id_of = {key: i for i, key in enumerate(lexicon.vocabulary)}
    stand_ins = emoji_names() | STAND_INS
    for key, surfaces in _surfaces(lexicon).items():
        row = id_of[key]
        vector = next((v for form in _forms(key, surfaces) if (v := vectors.get(form)) is not None), None)
        if vector is None:
            vector = _mean_vector(key, stand_ins, vectors)
            stand_in[row] = vector is not None
        if vector is not None:
            matrix[row], found[row] = vector, True
    return FoundVectors(matrix, found, stand_in)


def _mean_vector(key: str, stand_ins: Mapping[str, Sequence[str]], vectors: WordVectors) -> np.ndarray | None:
    """Return the mean vector of the words that stand in for ``key`` or that form the compound ``key``, or None."""
    if key in stand_ins:
        several = [v for word in stand_ins[key] if (v := vectors.get(word)) is not None]
        return np.mean(several, axis=0) if several else None
    words, ranks = split_compound(key, vectors.rows), vectors.rows
    several = [vectors.matrix[ranks[word]] for word in words]
    return np.average(several, axis=0, weights=weights_of(words, ranks)) if several else None


def complete(found: FoundVectors, train_ids: Ragged, seen: int | None = None) -> np.ndarray:
    """Return the complete embedding matrix: fill the rows without a vector and standardise the columns.

    Args:
        found: the vectors found for the vocabulary, and masks of the rows with a vector.
        train_ids: the training rows as ids, which contain the contexts of words without a vector.
        seen: ids below this number occur in training; None means all ids. Columns are standardised with the mean and
            scale over these ids, so that further words do not change the result.

    Returns:
        The matrix, float32 ``(vocabulary, dimension)``; row 0 is zero.
    """
    matrix, known = found.matrix.astype(np.float64), found.found
    known_in_training = matrix[:seen][known[:seen]]
    if not len(known_in_training):
        known_in_training = matrix[known]
    mean, scale = known_in_training.mean(axis=0), np.maximum(known_in_training.std(axis=0), 1e-6)
    missing = ~known
    missing[[PADDING, UNKNOWN]] = False
    matrix = np.where(known[:, None], matrix - mean, 0.0)
    if missing.any():
        matrix[missing] = _context_vectors(matrix, known, train_ids)[missing]
    matrix[UNKNOWN] = matrix[missing].mean(axis=0) if missing.any() else 0.0
    matrix /= scale
    matrix[PADDING] = 0.0
    return matrix.astype(np.float32)


def carry_over(
    matrix: np.ndarray, old: Sequence[str], new: Sequence[str], train_ids: Ragged
) -> tuple[np.ndarray, FoundVectors]:
    """Extend a trained model's matrix to a new vocabulary. New words get a vector that is induced from their contexts.

    Args:
        matrix: the trained model's matrix, float32 ``(len(old), dimension)``, with a row per word of ``old``.
        train_ids: the new training rows, as ids of ``new``.

    Returns:
        The new matrix, float32 ``(len(new), dimension)``, and its vectors that come from the trained model.
    """
    row_of = {word: i for i, word in enumerate(old)}
    rows = np.array([row_of.get(word, UNKNOWN) for word in new])
    known = np.array([word in row_of for word in new])
    carried = np.where(known[:, None], matrix[rows].astype(np.float64), 0.0)
    mean = matrix[UNKNOWN + 1 :].mean(axis=0)
    real = known.copy()
    real[[PADDING, UNKNOWN]] = False
    centred = np.where(real[:, None], carried - mean, 0.0)
    if not known.all():
        carried[~known] = _context_vectors(centred, real, train_ids)[~known] + mean
    found = FoundVectors(np.where(real[:, None], carried, 0.0).astype(np.float32), real, np.zeros(len(new), bool))
    return carried.astype(np.float32), found


def measure_coverage(
    found: FoundVectors, lexicon: Lexicon, train_ids: Ragged, seen: int | None = None, most: int = 100
) -> Coverage:
    """Count the lemmas and tokens of the training rows that have a vector, and list frequent lemmas without a vector.

    Lemmas with an id below ``seen`` occur in training; None means all lemmas. At most ``most`` lemmas are listed.
    """
    counts = np.bincount(train_ids.values, minlength=len(lexicon.vocabulary))
    position = np.arange(len(counts))
    types = (position > UNKNOWN) & (position < (len(counts) if seen is None else seen))
    lacking = np.flatnonzero(types & ~found.found)
    top = lacking[np.argsort(-counts[lacking], kind="stable")][:most]
    return Coverage(
        types=int(types.sum()),
        types_found=int(found.found[types].sum()),
        further=int((~types).sum()) - len(RESERVED),
        tokens=int(counts.sum()),
        tokens_found=int(counts[found.found].sum()),
        stand_ins=int(found.stand_in.sum()),
        missing=tuple((lexicon.vocabulary[i], int(counts[i])) for i in top),
    )


def _surfaces(lexicon: Lexicon) -> dict[str, list[str]]:
    surfaces: dict[str, list[str]] = {key: [] for key in lexicon.vocabulary[UNKNOWN + 1 :]}
    for surface, i in lexicon.ids.items():
        if i > UNKNOWN:
            surfaces[lexicon.vocabulary[i]].append(surface)
    return surfaces


def _forms(key: str, surfaces: Sequence[str]) -> Iterator[str]:
    """Yield the spellings of the lemma ``key`` under which a vector may be found, the best first."""
    if key.startswith("<"):
        yield key
        return
    spellings = [key, *surfaces]
    yield from spellings
    yield from (re.sub("in'$", "ing", word).replace("'", "") or word for word in spellings)
    yield from (word[:-1] if len(word) > 3 and word[-1] == word[-2] else word for word in spellings)
    yield from (re.sub(r"(.)\1+", r"\1", word) for word in spellings)


def _context_vectors(matrix: np.ndarray, known: np.ndarray, ids: Ragged) -> np.ndarray:
    """Induce a vector for each word of the vocabulary from its contexts: "a la carte" embeddings (Khodak et al., 2018).

    A linear map, fitted on the ``known`` words, turns the mean vector of the other words in a word's tweets into its
    own vector. Frequent words have less weight in the mean (Arora, Liang and Ma, 2017).
    """
    counts = np.bincount(ids.values, minlength=len(matrix)).astype(float)
    weights = np.where(known, 1e-3 / (1e-3 + counts / max(1.0, counts.sum())), 0.0)
    weighted = matrix * weights[:, None]
    sums, totals = np.zeros_like(matrix), np.zeros(len(matrix))
    for block in _blocks(ids, len(matrix)):
        sums += block.T @ (block @ weighted)
        totals += block.T @ (block @ weights)
    occurrences = np.maximum(counts, 1.0)
    sums -= occurrences[:, None] * weighted  # a word is not its own context
    totals -= occurrences * weights
    means = sums / np.maximum(totals, 1e-9)[:, None]
    sample = np.flatnonzero(known & (counts >= 20) & (totals > 0))
    if len(sample) < matrix.shape[1]:
        return means
    scale = np.sqrt(np.log1p(counts[sample]))[:, None]
    inputs, targets = means[sample] * scale, matrix[sample] * scale
    gram = inputs.T @ inputs
    ridge = (_RIDGE * np.trace(gram) / len(gram) + 1e-9) * np.eye(len(gram))
    induced = means @ np.linalg.solve(gram + ridge, inputs.T @ targets)
    norm, lengths = np.median(np.linalg.norm(matrix[sample], axis=1)), np.linalg.norm(induced, axis=1, keepdims=True)
    return np.divide(induced * norm, lengths, out=np.zeros_like(induced), where=lengths > 0)


def _blocks(ids: Ragged, vocabulary: int) -> Iterable[sparse.csr_matrix]:
    """Yield the token counts of the tweets in sparse blocks, with a row per tweet and a column per id, float64."""
    for values, lengths in ids.blocks(_ROWS_PER_BLOCK):
        block = (np.ones(len(values)), values, np.concatenate(([0], np.cumsum(lengths))))
        yield sparse.csr_matrix(block, shape=(len(lengths), vocabulary))
