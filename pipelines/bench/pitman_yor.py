"""The Pitman-Yor process: how many distinct words there are among so many, where most words are rare.

The next word is a new one with probability (strength + discount x distinct) / (strength + words so far), else one that
was met j times with probability (j - discount) / (strength + words so far). Distinct words then grow like words to the
power of the discount, which is Heaps' law. Pitman and Yor, *The two-parameter Poisson-Dirichlet distribution*, 1997.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

_STEP = 1e-3  # of the words so far: within it probabilities change by no more than that


class PitmanYor(NamedTuple):
    """The two parameters: 0 < ``discount`` < 1, ``strength`` > 0."""

    discount: float
    strength: float


def distinct(words: np.ndarray, process: PitmanYor) -> np.ndarray:
    """Expected distinct words among ``words`` ``(n,)`` drawn, float64 ``(n,)``."""
    from scipy.special import gammaln

    d, s = process
    grown = np.exp(gammaln(s + 1) - gammaln(s + d) + gammaln(s + d + words) - gammaln(s + words))
    return np.asarray(grown / d - s / d)


def fit(words: np.ndarray, counted: np.ndarray) -> PitmanYor:
    """The process whose expectation is nearest to what was ``counted`` among ``words``, in ratio, both ``(n,)``."""
    from scipy.optimize import least_squares

    def residuals(x: np.ndarray) -> np.ndarray:
        return np.asarray(np.log(distinct(words, PitmanYor(x[0], np.exp(x[1]))) / counted))

    found = least_squares(residuals, [0.6, 5.0], bounds=([0.05, 0], [0.95, 20]))
    return PitmanYor(float(found.x[0]), float(np.exp(found.x[1])))


def simulate(
    process: PitmanYor, words: int, at_least: np.ndarray, sizes: Sequence[int], seed: int
) -> Iterator[np.ndarray]:
    """Go on drawing words, and say at each of ``sizes`` (rising) how many were met 1, 2, ... times or more.

    Only the numbers of words met so and so often are kept, and a thousandth of the words so far is drawn at once.

    Args:
        process: that they come from.
        words: drawn so far.
        at_least: of them the distinct words, those met twice or more, and so on, int64 ``(most,)``.
        sizes: words drawn in all.
        seed: of the draws.

    Yields:
        As ``at_least``.
    """
    d, s = process
    choose, often = np.random.default_rng(seed), np.arange(1, len(at_least))
    for size in sizes:
        while words < size:
            more = min(size - words, max(1, int(_STEP * (words + s))))
            met = at_least[:-1] - at_least[1:]
            shares = np.concatenate(([s + d * at_least[0]], met * (often - d))) / (s + words)
            rising = choose.multinomial(more, np.append(shares, max(0.0, 1 - shares.sum())))[:-1]
            rising[1:] = np.minimum(rising[1:], met)
            at_least, words = at_least + rising, words + more
        yield at_least
