"""Batches of rows of similar length, with each distinct token once: an epoch takes a fraction of the time.

Without stop words a tweet has about ten tokens, so rows padded to a fixed length are mostly padding. Here rows of
similar length share a batch, which is cut to its longest row. The layers that see one token at a time get the distinct
tokens of the batch only.
"""

import numpy as np

from sentiment.data.encoded import EncodedPart, row_lengths
from sentiment.network.folded import distinct_ids
from sentiment.text.lexicon import PADDING, UNKNOWN
from sentiment.training.class_weights import row_weights

# Widths are rounded up to these, so that few programs are compiled.
_WIDTHS = (8, 12, 16, 24)
# Rows are sorted by length within stretches of this many batches, so that the order is random otherwise.
_SHUFFLE_BATCHES = 40


def widths(max_tokens: int) -> tuple[int, ...]:
    """Return the widths that batches are cut to, ascending; the last one is ``max_tokens``."""
    return (*(width for width in _WIDTHS if width < max_tokens), max_tokens)


def rounded_width(longest: int, max_tokens: int) -> int:
    """Return the smallest width for rows of up to ``longest`` tokens."""
    return next(width for width in widths(max_tokens) if width >= longest)


def trim(ids: np.ndarray, longest: int, padding: str) -> np.ndarray:
    """Cut ``ids`` ``(batch, max_tokens)`` to the smallest width for rows of up to ``longest`` tokens."""
    width = rounded_width(longest, ids.shape[1])
    return ids[:, :width] if padding == "post" else ids[:, ids.shape[1] - width :]


class Batches:
    """The batches of an epoch, ``({types, positions}, y_true, weights)``, in an order set by seed and epoch alone.

    Args:
        part: rows and labels; may be memory-mapped.
        classes: width of the one-hot ``y_true``.
        batch_size: rows per batch.
        padding: side of the zeros in ``part.ids``.
        seed: of the order and of word dropout; None keeps rows in the order of their lengths (validation).
        word_dropout: share of tokens replaced by the unknown token.
        class_weights: float32 ``(classes,)``, the weight of a row of each class.
        trim_batches: cut a batch to its longest row; must be false where padding is read like a token.
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
        self.row_weights = row_weights(part, np.ones(classes, np.float32) if class_weights is None else class_weights)
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Assign the rows to batches for ``epoch``."""
        self.epoch = epoch
        self._batches = self._deal()

    def __len__(self) -> int:
        """Return the number of batches per epoch."""
        return -(-len(self.part.labels) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Return batch ``index`` of the epoch."""
        rows, weights = self.rows(index)
        ids = trim(self.part.ids[rows], self.width(index), self.padding)
        if self.word_dropout and self.seed is not None:
            drop = self._random(index + 1).random(ids.shape) < self.word_dropout
            ids = np.where(drop & (ids != PADDING), ids.dtype.type(UNKNOWN), ids)
        labels = self.part.labels[rows]
        return distinct_ids(ids)._asdict(), self._one_hot[labels], self.row_weights[rows] * weights

    def width(self, index: int) -> int:
        """Return the number of tokens that batch ``index`` is cut to."""
        most = self.part.ids.shape[1]
        return (
            rounded_width(int(self.lengths[self._batches[index]].max(initial=1)), most) if self.trim_batches else most
        )

    def rows(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of batch ``index``, repeated up to the batch size, and weights that are zero for repetitions.

        All batches have one size, so one program is compiled for all of them.
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
