"""One numbering of token types over many batches, with their counts in the training rows."""

import numpy as np

from sentiment.common.ragged import Ragged
from sentiment.text.tokens import Tokens


class TypeCounter:
    """Gives each distinct token a code, in order of appearance, and counts it where asked to.

    Attributes:
        codes: token -> code.
        counts: int64, one a code; may be longer than ``codes`` is.
    """

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self.counts = np.zeros(1024, np.int64)

    def add(self, tokens: Tokens, counted: np.ndarray) -> Ragged:
        """Take in a batch.

        Args:
            tokens: of ``n`` tweets; ``len(types) + i`` stands for the token that has the common code ``i`` already.
            counted: bool ``(n,)``: rows whose tokens count (the training part).

        Returns:
            The batch's ``n`` rows of tokens in the common codes.
        """
        codes, before = self.codes, len(self.codes)
        fresh = np.fromiter(
            (codes.setdefault(token, len(codes)) for token in tokens.types), np.int32, len(tokens.types)
        )
        if len(codes) > len(self.counts):
            self.counts = np.concatenate([self.counts, np.zeros(2 * len(codes), np.int64)])
        common = np.concatenate([fresh, np.arange(before, dtype=np.int32)])[tokens.codes.values]
        found = np.bincount(common[np.repeat(counted, tokens.codes.lengths)])
        self.counts[: len(found)] += found
        return Ragged(common, tokens.codes.lengths)

    def training_counts(self) -> dict[str, int]:
        """Occurrences of each token that was counted at least once."""
        counts = self.counts[: len(self.codes)].tolist()
        return {token: count for token, count in zip(self.codes, counts, strict=True) if count}
