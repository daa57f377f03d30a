"""Which tweets a model has seen: hashes in its folder, so that they are known wherever it is evaluated."""

from pathlib import Path

import numpy as np

from pipelines.shared import publishing
from sentiment.common.npy import open_array
from sentiment.data.seen import SEEN
from sentiment.errors import ArtefactError


def read_seen(folder: Path) -> np.ndarray:
    """Return the sorted hashes, uint64 ``(m,)``, of the tweets that training or validation of this model has seen.

    Raises:
        ArtefactError: the file is missing (made by an earlier version) or damaged.
    """
    path = publishing.require(folder / SEEN)
    try:
        seen = np.array(open_array(path))
    except ValueError as error:
        raise ArtefactError(f"{path}: damaged ({error}); run `make train` again") from error
    if seen.dtype != np.uint64 or seen.ndim != 1:
        raise ArtefactError(f"{path}: expected hashes, received {seen.dtype} {seen.shape}; run `make train` again")
    return seen
