"""The simple recurrence and its gradient in NumPy, over rows of different lengths: nothing is padded.

Unrolled in a graph, a step works on all rows, whether they have a token left or not, and each of its many small
operations fetches its arrays from memory and sends them back. Here rows come by falling length, as in
:mod:`sentiment.network.recurrence`, so that those that have a token at a step are the first ones; a step's states are
a stretch of memory that is worked on in place, and blocks of rows go to the pool's threads. There is one program for
all widths, where a graph has to be traced for each.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.sparse import csc_matrix

from sentiment.common.parallel import one_matrix_thread, ordered_map
from sentiment.network.recurrence import pool, rows_at_steps
from sentiment.text.lexicon import PADDING

# Settled by the rows alone, never by the cores: sums of gradients round the same on every machine. Smaller blocks fit
# the cache better, but their threads meet more often.
_ROWS_PER_BLOCK = 512
_LEAST_BLOCKS = 2


class _Block(NamedTuple):
    """Some rows of a batch, by falling length; views of the batch's arrays, step after step.

    Attributes:
        rows: which of the batch, ``(n,)``.
        lengths: of them, ``(n,)``.
        first: where each begins in the flat positions, ``(n,)``.
        tokens: types, as each direction reads them, int32 ``(directions, tokens)``.
        states: ``(directions, tokens, units)``.
    """

    rows: np.ndarray
    lengths: np.ndarray
    first: np.ndarray
    tokens: np.ndarray
    states: np.ndarray

    def steps(self) -> list[slice]:
        """Where the tokens of each step lie: fewer and fewer."""
        active = rows_at_steps(self.lengths)
        stops = np.cumsum(active)
        return [slice(*each) for each in zip((stops - active).tolist(), stops.tolist(), strict=True)]


class RaggedRNN:
    """h_t = tanh(x_t + h_{t-1} W_h) over the tokens of each row, from its start and its end, pooled; and its gradient.

    It keeps what :meth:`backward` needs of the last :meth:`forward`, so it is for one batch at a time.

    Args:
        pooling: as in the network's settings.
        masking: skip padding; without it padding is read like a token.
    """

    def __init__(self, pooling: str, masking: bool = True) -> None:
        self.pooling = pooling
        self.masking = masking
        self._kinds = pooling.split("_")
        self._memory = np.empty(0, np.float32)  # of all states, used again: fresh pages cost more than the sums
        self._blocks: list[tuple[_Block, np.ndarray]] = []

    def forward(self, projected: np.ndarray, positions: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        """Pooled states, float32 ``(batch, kinds of pooling * directions * units)``, as Keras orders them.

        Args:
            projected: x W_x + b of each type, float32 ``(types, directions * units)``; type 0 is padding.
            positions: indices of them, int32 ``(batch, time)``, padded on either side, at least one a row.
            kernel: W_h of each direction, float32 ``(directions, units, units)``.
        """
        directions, units = kernel.shape[:2]
        self._kernel, self._positions = kernel, positions.ravel()
        self._table = np.ascontiguousarray(projected.reshape(-1, directions, units).swapaxes(0, 1))
        self._answer = np.empty((len(positions), len(self._kinds), directions, units), np.float32)
        with one_matrix_thread():
            self._blocks = list(ordered_map(self._run, self._dealt(positions)))
        return self._answer.reshape(len(positions), -1)

    def _dealt(self, positions: np.ndarray) -> list[_Block]:
        """Blocks of every so manieth row by length, so that each has about as many tokens."""
        directions, units = self._kernel.shape[:2]
        real = positions != PADDING if self.masking else np.ones_like(positions, bool)
        lengths = real.sum(axis=1)
        first = real.argmax(axis=1) + np.arange(len(positions)) * positions.shape[1]
        order = np.argsort(-lengths, kind="stable")
        total = int(lengths.sum())
        if self._memory.size < directions * total * units:
            self._memory = np.empty(directions * total * units, np.float32)
        self._states = self._memory[: directions * total * units].reshape(directions, total, units)
        self._tokens = np.empty((directions, total), np.int32)
        count = min(len(order), max(_LEAST_BLOCKS, -(-len(order) // _ROWS_PER_BLOCK)))
        blocks, stop = [], 0
        for rows in (order[i::count] for i in range(count)):
            start, stop = stop, stop + int(lengths[rows].sum())
            arrays = self._tokens[:, start:stop], self._states[:, start:stop]
            blocks.append(_Block(rows, lengths[rows], first[rows], *arrays))
        return blocks

    def _run(self, block: _Block) -> tuple[_Block, np.ndarray]:
        """``block`` and its pooled states ``(kinds, directions, n, units)``."""
        time = np.arange(block.lengths[0])[:, None]
        there = time < block.lengths
        read = block.first + time, block.first + block.lengths - 1 - time
        for at, part, tokens, states in zip(read, self._table, block.tokens, block.states, strict=False):
            self._positions.take(at[there], out=tokens, mode="clip")
            part.take(tokens, axis=0, out=states, mode="clip")
        pooled = pool(self._states_of_steps(block), block.lengths, self.pooling)
        self._answer[block.rows] = pooled.transpose(2, 0, 1, 3)
        return block, pooled

    def _states_of_steps(self, block: _Block) -> Iterator[np.ndarray]:
        """The states of each step, ``(directions, active, units)``, written over x_t."""
        recurrent = np.empty_like(block.states[:, : len(block.rows)])
        state = recurrent
        for step in block.steps():
            now, n = block.states[:, step], step.stop - step.start
            if step.start:
                np.add(now, np.matmul(state[:, :n], self._kernel, out=recurrent[:, :n]), out=now)
            state = np.tanh(now, out=now)
            yield state

    def backward(self, upstream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradients of ``projected`` and ``kernel``, of their shapes, from ``upstream``, that of the pooled states."""
        directions, units = self._kernel.shape[:2]
        self._upstream = upstream.reshape(-1, len(self._kinds), directions, units)
        self._turned = np.ascontiguousarray(self._kernel.swapaxes(1, 2))
        with one_matrix_thread():
            kernel = sum(ordered_map(self._back, self._blocks), np.zeros_like(self._kernel))
        projected = np.empty((self._table.shape[1], directions, units), np.float32)
        for direction, of_types in enumerate(ordered_map(self._of_types, range(directions))):
            projected[:, direction] = of_types
        return projected.reshape(len(projected), -1), kernel

    def _back(self, given: tuple[_Block, np.ndarray]) -> np.ndarray:
        """Write the gradient of each token over its states; return that of the kernel."""
        block, pooled = given
        upstream = np.ascontiguousarray(self._upstream[block.rows].transpose(1, 2, 0, 3))
        if "mean" in self._kinds:
            upstream[self._kinds.index("mean")] /= block.lengths[:, None].astype(np.float32)
        kernel = np.zeros_like(self._kernel)
        gradients, slopes = np.empty((2, *pooled.shape[1:]), np.float32)
        later, steps = block.states[:, :0], block.steps()
        for step, before in zip(reversed(steps), [*reversed(steps[:-1]), None], strict=True):
            n, going_on = step.stop - step.start, later.shape[1]
            state, gradient, slope = block.states[:, step], gradients[:, :n], slopes[:, :n]
            np.matmul(later, self._turned, out=gradient[:, :going_on])
            gradient[:, going_on:] = 0
            self._add_pooling(gradient, state, pooled[:, :, :n], upstream[:, :, :n], going_on)
            np.subtract(1, np.square(state, out=slope), out=slope)
            later = np.multiply(gradient, slope, out=state)
            if before:
                kernel += np.matmul(block.states[:, before][:, :n].swapaxes(1, 2), later)
        return kernel

    def _add_pooling(
        self, gradient: np.ndarray, state: np.ndarray, pooled: np.ndarray, upstream: np.ndarray, going_on: int
    ) -> None:
        """What each kind of pooling gives a step's states; rows from ``going_on`` on end here."""
        for kind, value, given in zip(self._kinds, pooled, upstream, strict=True):
            if kind == "max":
                gradient += given * (state == value)
            elif kind == "mean":
                gradient += given
            else:
                gradient[:, going_on:] += given[:, going_on:]

    def _of_types(self, direction: int) -> np.ndarray:
        """The gradient of each type: the sum of its tokens', ``(types, units)``."""
        tokens = self._tokens[direction]
        columns = csc_matrix(
            (np.ones(len(tokens), np.float32), tokens, np.arange(len(tokens) + 1)), (self._table.shape[1], len(tokens))
        )
        return columns @ self._states[direction]
