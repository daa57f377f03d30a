"""Find lemmas that mean something else than their form, by the word vectors: *worst* is no form of *wrong*."""

from collections.abc import Iterable

import numpy as np

from sentiment.embedding.glove import WordVectors

LEAST_COSINE = 0.2  # below it, form and lemma are as far apart as two words drawn at random


def unlike_lemmas(lemma_of: Iterable[tuple[str, str]], vectors: WordVectors) -> set[str]:
    """Return the forms whose vector has a cosine below ``LEAST_COSINE`` with the vector of their lemma.

    Args:
        lemma_of: pairs of form and lemma; pairs without two vectors are left out.
        vectors: of forms and lemmas.
    """
    unlike = set()
    for form, lemma in lemma_of:
        one, other = vectors.get(form), vectors.get(lemma)
        if one is None or other is None:
            continue
        if one @ other < LEAST_COSINE * np.linalg.norm(one) * np.linalg.norm(other):
            unlike.add(form)
    return unlike
