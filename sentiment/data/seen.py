"""Recognise tweets that a model has seen, by their hashes, because a model is never scored on them."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from sentiment.data.splitting import hash_texts

SEEN = "seen.npy"


def is_seen(texts: Sequence[str], seen: np.ndarray) -> np.ndarray:
    """Return for each text whether its hash is in ``seen``, bool ``(n,)``. ``seen`` is sorted, uint64 ``(m,)``."""
    hashes = hash_texts(pa.array(texts, pa.string()))
    if not len(seen):
        return np.zeros(len(hashes), bool)
    places = np.minimum(np.searchsorted(seen, hashes), len(seen) - 1)
    return np.asarray(seen[places] == hashes)
