"""One numbering of the token types of many batches, with their counts in the training rows."""

import numpy as np

from sentiment.common.ragged import Ragged
from sentiment.text.tokens import Tokens


class TypeCounter:
    """Give each distinct token a code, in order of appearance, and count it in some of the tweets.

    Attributes:
        codes: token -> code.
        counts: count of each code, int64; may be longer than ``codes``.
    """

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self.counts = np.zeros(1024, np.int64)

    def add(self, tokens: Tokens, counted: np.ndarray) -> Ragged:
        """Add a batch of tokens.

        Args:
            tokens: of ``n`` tweets.
            counted: bool ``(n,)``: which tweets count (the training part).

        Returns:
            ``n`` rows of tokens in the common codes.
        """
        codes = self.codes
        types = np.fromiter(
            (codes.setdefault(token, len(codes)) for token in tokens.types), np.int32, len(tokens.types)
        )
        if len(codes) > len(self.counts):
            self.counts = np.concatenate([self.counts, np.zeros(2 * len(codes), np.int64)])
        common = types[tokens.codes.values]
        found = np.bincount(common[np.repeat(counted, tokens.codes.lengths)])
        self.counts[: len(found)] += found
        return Ragged(common, tokens.codes.lengths)
