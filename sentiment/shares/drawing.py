"""Draw the rows to label by hand: at random, with known chances, spread over groups and periods."""

import numpy as np

# The part of a row's size that does not depend on the model's doubt. It bounds how much a model that is sure and wrong
# costs.
_EVEN_PART = 0.4


def doubt(probabilities: np.ndarray) -> np.ndarray:
    """Return how unsure the model is of each row, float64 ``(n,)`` from 0 to 1.

    This is the standard deviation of the class indicators under the model, which is what an optimal allocation is
    proportional to (Neyman, 1934), as a share of its largest possible value.
    """
    classes = probabilities.shape[1]
    variance = (probabilities * (1 - probabilities)).sum(axis=1, dtype=np.float64)
    return np.sqrt(np.clip(variance, 0, None) / (1 - 1 / classes))


def chances_of(doubts: np.ndarray | None, count: int, rows: int) -> np.ndarray:
    """Return each row's chance to be drawn, float64 ``(rows,)``, of sum ``count``.

    Args:
        doubts: of :func:`doubt`; None draws evenly.
        count: how many rows are drawn; at most ``rows``.
        rows: how many there are.
    """
    sizes = np.ones(rows) if doubts is None else _EVEN_PART * doubts.mean() + (1 - _EVEN_PART) * doubts
    sizes = np.maximum(sizes, 1e-9)
    chances = sizes * count / sizes.sum()
    while (chances > 1).any():  # These rows are drawn for certain, and the others share the rest of the draw.
        certain = chances >= 1
        left = np.where(certain, 0.0, sizes)
        chances = np.where(certain, 1.0, left * (count - certain.sum()) / max(left.sum(), 1e-9))
    return chances


def draw(chances: np.ndarray, cells: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return the positions of the drawn rows, int64, ascending.

    The draw is systematic (Madow, 1949): rows are shuffled within their cell, cells come one after the other, and the
    draw goes through them at equal steps of the summed chances. Each cell thus gets its share of the draw to within
    one row.

    Args:
        chances: of :func:`chances_of`.
        cells: number of the group and period of each row, ``(rows,)``.
        random: decides the order within the cells and where the steps begin.
    """
    order = np.lexsort((random.random(len(chances)), cells))
    steps = np.floor(np.cumsum(chances[order]) + random.random() - 1e-9)
    return np.sort(order[np.diff(steps, prepend=0) > 0])
