"""Batches of similar length, each distinct token once: what makes an epoch short.

After stop words go a tweet has about ten tokens, so rows padded to a fixed length are mostly padding. Here rows
of similar length share a batch, which is cut to its longest; and the layers that see one token at a time are fed
the distinct tokens of the batch only.
"""

from typing import Any, NamedTuple

import numpy as np

from sentiment.data.encoded import EncodedPart, row_lengths
from sentiment.text.lexicon import PADDING, UNKNOWN

# Rounded up, so that what is compiled for each width is compiled for few.
_WIDTHS = (8, 12, 16, 24)
# Rows are sorted by length among this many batches' worth, so that the order stays random otherwise.
_SHUFFLE_BATCHES = 40


class TokenBatch(NamedTuple):
    """Distinct ids int32 ``(types,)``, padding first, and indices of them int32 ``(batch, time)``."""

    types: np.ndarray
    positions: np.ndarray


def token_batch(ids: np.ndarray) -> TokenBatch:
    """Split ``ids`` ``(batch, time)`` into distinct ids and positions.

    Marking which ids occur takes no sort, and a quarter of the time of ``np.unique``.
    """
    present = np.zeros(int(ids.max(initial=PADDING)) + 1, bool)
    present[ids] = True
    present[PADDING] = True
    types = np.flatnonzero(present).astype(np.int32)
    positions = np.empty(len(present), np.int32)
    positions[types] = np.arange(len(types), dtype=np.int32)
    return TokenBatch(types, positions[ids])


def widths(max_tokens: int) -> tuple[int, ...]:
    """The widths that batches are cut to, ascending; the last is ``max_tokens``."""
    return (*(width for width in _WIDTHS if width < max_tokens), max_tokens)


def rounded_width(longest: int, max_tokens: int) -> int:
    """The least width that holds ``longest`` tokens."""
    return next(width for width in widths(max_tokens) if width >= longest)


def trim(ids: Any, longest: int, padding: str) -> Any:
    """``ids`` ``(batch, max_tokens)``, of any array library, cut to the least width that holds the ``longest`` row."""
    width = rounded_width(longest, ids.shape[1])
    return ids[:, :width] if padding == "post" else ids[:, ids.shape[1] - width :]


class Batches:
    """An epoch's batches, ``((types, positions), y_true, weights)``, in an order set by seed and epoch alone.

    Args:
        part: rows and labels; may be memory-mapped.
        classes: width of the one-hot ``y_true``.
        batch_size: rows a batch.
        padding: side of the zeros in ``part.ids``.
        seed: of the order and of word dropout; None keeps rows in the order of their lengths (validation).
        word_dropout: share of tokens replaced by the unknown token.
        class_weights: float32 ``(classes,)`` weight of a row of each class.
        trim_batches: cut a batch to its longest row (not, where padding is read like a token).
    """

    def __init__(
        self,
        part: EncodedPart,
        classes: int,
        batch_size: int,
        padding: str = "post",
        seed: int | None = None,
        word_dropout: float = 0.0,
        class_weights: np.ndarray | None = None,
        trim_batches: bool = True,
    ) -> None:
        self.part = part
        self.lengths = row_lengths(part.ids).astype(np.uint16)  # NumPy sorts 16 bits in linear time
        self.batch_size = batch_size
        self.padding = padding
        self.seed = seed
        self.word_dropout = word_dropout
        self.trim_batches = trim_batches
        self._one_hot = np.eye(classes, dtype=np.float32)
        self.class_weights = np.ones(classes, np.float32) if class_weights is None else class_weights
        self.row_weights = self.class_weights[part.labels]  # what a row counts, float32 (n,)
        if part.weights is not None:
            self.row_weights = self.row_weights * part.weights
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Deal the rows out for ``epoch``."""
        self.epoch = epoch
        self._batches = self._deal()

    def __len__(self) -> int:
        """Batches an epoch."""
        return -(-len(self.part.labels) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Batch ``index`` of the epoch."""
        rows, weights = self.rows(index)
        ids = trim(self.part.ids[rows], self.width(index), self.padding)
        if self.word_dropout and self.seed is not None:
            drop = self._random(index + 1).random(ids.shape) < self.word_dropout
            ids = np.where(drop & (ids != PADDING), ids.dtype.type(UNKNOWN), ids)
        labels = self.part.labels[rows]
        return token_batch(ids)._asdict(), self._one_hot[labels], self.row_weights[rows] * weights

    def width(self, index: int) -> int:
        """Tokens that batch ``index`` is cut to."""
        most = self.part.ids.shape[1]
        return (
            rounded_width(int(self.lengths[self._batches[index]].max(initial=1)), most) if self.trim_batches else most
        )

    def rows(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows of batch ``index`` repeated up to the batch size, and a weight that is zero for the repetitions.

        With every batch of one size, backends compile for one size.
        """
        rows = self._batches[index]
        filled = np.resize(rows, self.batch_size)
        weight = self.batch_size / len(rows)  # Keras divides by the batch size, repetitions included
        return filled, np.where(np.arange(self.batch_size) < len(rows), weight, 0.0).astype(np.float32)

    def _random(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed or 0, self.epoch, stream])

    def _deal(self) -> list[np.ndarray]:
        n, size = len(self.part.labels), self.batch_size
        if self.seed is None:
            order = np.argsort(self.lengths, kind="stable")
            return [order[i : i + size] for i in range(0, n, size)]
        random = self._random(0)
        shuffled = random.permutation(n)
        stretch = size * _SHUFFLE_BATCHES
        batches = []
        for start in range(0, n, stretch):
            rows = shuffled[start : start + stretch]
            rows = rows[np.argsort(self.lengths[rows], kind="stable")]
            batches += [np.sort(rows[i : i + size]) for i in range(0, len(rows), size)]
        return [batches[i] for i in random.permutation(len(batches))]
