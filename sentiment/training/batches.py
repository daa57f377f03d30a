"""Batches of rows (encoded tweets) of similar length, and the weights of rows in the loss.

A tweet without stop words has about ten tokens, so rows padded to a fixed length are mostly padding. Here rows of
similar length share a batch, and the batch is cut to its longest row. Each batch has a list of its distinct tokens,
and the layers that process single tokens run only once for each of them. Both make an epoch several times faster.
"""

import numpy as np

from sentiment.data.encoded import EncodedPart, row_lengths
from sentiment.network.folded import DistinctIds, distinct_ids
from sentiment.settings import TrainingSettings
from sentiment.text.lexicon import PADDING, UNKNOWN

# Batch widths, in tokens, are rounded up to these values, so that few programs are compiled.
_WIDTHS = (8, 12, 16, 24)
# Shuffled rows are sorted by length only within groups of this many batches, so that the order stays mostly random.
_SHUFFLE_BATCHES = 40


def widths(max_tokens: int) -> tuple[int, ...]:
    """Return the widths, in tokens, to which a batch can be cut, ascending; the last one is ``max_tokens``."""
    return (*(width for width in _WIDTHS if width < max_tokens), max_tokens)


class Batches:
    """The batches of one epoch. The order of the rows depends only on the seed and the number of the epoch.

    A batch has its distinct ids, one-hot labels and row weights.

    Args:
        part: encoded rows and their labels; the arrays may be memory-mapped.
        seed: seed of the shuffling and of word dropout. None, for validation, sorts the rows by length instead.
        word_dropout: share of the tokens that are replaced by the unknown token.
        class_weights: weight of each class, float32 ``(classes,)``; None means 1 for all.
    """

    def __init__(
        self,
        part: EncodedPart,
        classes: int,
        batch_size: int,
        seed: int | None = None,
        word_dropout: float = 0.0,
        class_weights: np.ndarray | None = None,
    ) -> None:
        self.part = part
        self.lengths = row_lengths(part.ids).astype(np.uint16)  # NumPy sorts 16 bits in linear time
        self.batch_size = batch_size
        self.seed = seed
        self.word_dropout = word_dropout
        self._one_hot = np.eye(classes, dtype=np.float32)
        self.row_weights = row_weights(part, np.ones(classes, np.float32) if class_weights is None else class_weights)
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Assign the rows to batches for the epoch with number ``epoch``."""
        self.epoch = epoch
        self._batches = self._deal()

    def __len__(self) -> int:
        """Return the number of batches per epoch."""
        return -(-len(self.part.labels) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[DistinctIds, np.ndarray, np.ndarray]:
        """Return the distinct ids, the one-hot labels and the row weights of batch ``index``."""
        rows, weights = self.rows(index)
        ids = self.part.ids[rows, : self.width(index)]
        if self.word_dropout and self.seed is not None:
            drop = self._random(index + 1).random(ids.shape) < self.word_dropout
            ids = np.where(drop & (ids != PADDING), ids.dtype.type(UNKNOWN), ids)
        labels = self.part.labels[rows]
        return distinct_ids(ids), self._one_hot[labels], self.row_weights[rows] * weights

    def width(self, index: int) -> int:
        """Return the width, in tokens, that batch ``index`` is cut to."""
        longest = int(self.lengths[self._batches[index]].max(initial=1))
        return next(width for width in widths(self.part.ids.shape[1]) if width >= longest)

    def rows(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the row numbers of batch ``index``, and a weight for each of them.

        A smaller batch is filled up with repeated rows of weight 0, so that one compiled program serves all batches.
        The weights sum to the batch size, by which Keras divides the loss.
        """
        rows = self._batches[index]
        filled = np.resize(rows, self.batch_size)
        weight = self.batch_size / len(rows)  # Keras divides by the full batch size
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


def class_weights(part: EncodedPart, classes: int, options: TrainingSettings) -> np.ndarray:
    """Return the weight of each class, float32 ``(classes,)``; all are 1 if ``options.class_weights`` is ``none``.

    Otherwise the weight of a class is ``n / (classes * count)``, like scikit-learn's ``balanced``. ``count`` is the
    number of rows of the class, and ``n`` the number of all rows. With row weights, ``count`` and ``n`` are sums of
    weights. Augmented rows are not counted, because their labels are balanced already.
    """
    if options.class_weights == "none":
        return np.ones(classes, np.float32)
    weights = None if part.weights is None else part.weights[: part.own]
    counts = np.bincount(part.labels[: part.own], weights, minlength=classes)
    return (counts.sum() / (classes * np.where(counts > 0, counts, 1.0))).astype(np.float32)


def row_weights(part: EncodedPart, by_class: np.ndarray) -> np.ndarray:
    """Return the weight of each row of ``part``, float32 ``(n,)``: the weight of its class times the row's own weight.

    ``by_class`` contains the class weights, float32 ``(classes,)``. Augmented rows have the class weight 1 instead,
    because their labels are balanced already.
    """
    weights = by_class[part.labels]
    weights[len(part.labels) if part.own is None else part.own :] = 1
    return weights if part.weights is None else weights * part.weights
