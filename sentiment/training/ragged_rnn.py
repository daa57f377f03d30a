"""The simple recurrence and its gradient in NumPy, over rows of different lengths, without padding.

An epoch is 1.6 times as fast as with the recurrence unrolled in a TensorFlow graph. The graph computes all rows at each
step, even after their last token, and needs a traced program per batch width. Here rows are sorted by length, as in
:mod:`sentiment.network.recurrence`. In a large batch each direction has its own thread.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csc_matrix

from sentiment.common.parallel import one_matrix_thread, ordered_map
from sentiment.network.recurrence import pool, rows_at_steps, simple_rnn_states, slope_of
from sentiment.text.lexicon import PADDING

# Equal for any number of cores, so that sums of gradients round the same on every machine. More rows would not fit the
# cache. Fewer rows mean more and smaller steps, between which the threads wait for Python's interpreter lock.
_ROWS_PER_PART = 1024
# Up to this many rows, waking a thread for each direction takes longer than reading both in the calling thread.
_FEW_ROWS = 256


class _BatchRows(NamedTuple):
    """A block of rows of a batch, sorted by decreasing length.

    Attributes:
        indices: index of each row in the batch, ``(n,)``.
        lengths: number of tokens of each row, ``(n,)``.
        first: index of each row's first token in the flattened batch, ``(n,)``.
        steps: one slice per time step, which selects its tokens from an array of all tokens ordered by time step: the
            first token of every row, then the second tokens, and so on.
    """

    indices: np.ndarray
    lengths: np.ndarray
    first: np.ndarray
    steps: list[slice]

    def places(self, direction: int) -> np.ndarray:
        """Return the tokens' indices in the flattened batch, ordered by step; ``direction`` 1 reads rows backwards."""
        time = np.arange(self.lengths[0])[:, None]
        places = self.first + self.lengths - 1 - time if direction else self.first + time
        return places[time < self.lengths]


class _ReadPart(NamedTuple):
    """Results of the forward pass for a block of rows, in one or all directions; the backward pass needs them.

    Attributes:
        rows: the rows of the block.
        tokens: index of each token among the distinct tokens, int32 ``(directions, tokens)``, ordered by time step.
        states: hidden state after each token, ``(directions, tokens, units)``, in the same order.
        pooled: pooled states, ``(kinds of pooling, directions, n, units)``.
    """

    rows: _BatchRows
    tokens: np.ndarray
    states: np.ndarray
    pooled: np.ndarray


class RaggedRNN:
    """A simple recurrent layer with pooling over the tokens of each row, in one or two directions, and its gradient.

    :meth:`forward` stores intermediate results for :meth:`backward`, so an object works on one batch at a time.
    """

    def __init__(self, pooling: str, activation: str = "tanh") -> None:
        self.pooling = pooling
        self.activation = activation
        self._kinds = pooling.split("_")
        self._memory = np.empty(0, np.float32)  # for all states, reused: new memory pages cost more time than the sums
        self._read: list[tuple[slice, list[_ReadPart]]] = []

    def forward(self, projected: np.ndarray, positions: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        """Return pooled states, float32 ``(batch, kinds of pooling * directions * units)``.

        Args:
            projected: cell input x W_x + b of each distinct token, float32 ``(distinct tokens, directions * units)``;
                row 0 is padding.
            positions: index of each token in ``projected``, int32 ``(batch, time)``; at least one token per row.
            kernel: recurrent kernel W_h of each direction, float32 ``(directions, units, units)``.
        """
        directions, units = kernel.shape[:2]
        rows, flat = self._dealt(positions), positions.ravel()
        shape = (directions, sum(int(each.lengths.sum()) for each in rows), units)
        if self._memory.size < np.prod(shape):
            self._memory = np.empty(np.prod(shape), np.float32)
        memory = self._memory[: np.prod(shape)].reshape(shape)
        answer = np.empty((len(positions), len(self._kinds), directions, units), np.float32)
        tables = np.ascontiguousarray(projected.reshape(-1, directions, units).swapaxes(0, 1))

        def read(together: slice) -> tuple[slice, list[_ReadPart]]:
            parts, stop = [], 0
            for each in rows:
                tokens = np.stack([flat.take(each.places(direction)) for direction in range(directions)[together]])
                start, stop = stop, stop + tokens.shape[1]
                states = memory[together, start:stop]
                for table, of, into in zip(tables[together], tokens, states, strict=True):
                    table.take(of, axis=0, out=into, mode="clip")
                steps = (states[:, step] for step in each.steps)
                of_steps = simple_rnn_states(steps, kernel[together], self.activation)
                pooled = pool(of_steps, each.lengths, self.pooling)
                answer[each.indices, :, together] = pooled.transpose(2, 0, 1, 3)
                parts.append(_ReadPart(each, tokens, states, pooled))
            return together, parts

        few = len(positions) <= _FEW_ROWS
        threads = [slice(0, directions)] if few else [slice(each, each + 1) for each in range(directions)]
        with one_matrix_thread():
            self._read = list(ordered_map(read, threads))
        self._kernel, self._types = kernel, len(projected)
        return answer.reshape(len(positions), -1)

    def _dealt(self, positions: np.ndarray) -> list[_BatchRows]:
        """Sort the rows of a batch by decreasing length, and split them into blocks of ``_ROWS_PER_PART`` rows."""
        real = positions != PADDING
        lengths = real.sum(axis=1)
        first = real.argmax(axis=1) + np.arange(len(positions)) * positions.shape[1]
        order = np.argsort(-lengths, kind="stable")
        cuts = range(_ROWS_PER_PART, len(order), _ROWS_PER_PART)
        parts = np.split(order, cuts)
        return [_BatchRows(part, lengths[part], first[part], _steps(lengths[part])) for part in parts]

    def backward(self, upstream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the gradients of ``projected`` and ``kernel``, given ``upstream``, that of the pooled states."""
        directions, units = self._kernel.shape[:2]
        upstream = upstream.reshape(-1, len(self._kinds), directions, units)
        kernel = np.zeros_like(self._kernel)
        projected = np.zeros((self._types, directions, units), np.float32)

        def go_back(read: tuple[slice, list[_ReadPart]]) -> None:
            together, parts = read
            for part in parts:
                given = np.ascontiguousarray(upstream[part.rows.indices, :, together].transpose(1, 2, 0, 3))
                kernel[together] += self._back(part, given, self._kernel[together])
                for direction, tokens, gradients in zip(
                    range(directions)[together], part.tokens, part.states, strict=True
                ):
                    columns = (np.ones(len(tokens), np.float32), tokens, np.arange(len(tokens) + 1))
                    projected[:, direction] += csc_matrix(columns, (self._types, len(tokens))) @ gradients

        with one_matrix_thread():
            list(ordered_map(go_back, self._read))
        return projected.reshape(self._types, -1), kernel

    def _back(self, part: _ReadPart, upstream: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        """Overwrite ``part.states`` with the gradients of the cell inputs x W_x + b; return the gradient of the kernel.

        ``upstream`` is the gradient of the pooled states, ``(kinds, directions, n, units)``, and is overwritten too.
        """
        if "mean" in self._kinds:
            upstream[self._kinds.index("mean")] /= part.rows.lengths[:, None].astype(np.float32)
        turned, of_kernel = np.ascontiguousarray(kernel.swapaxes(1, 2)), np.zeros_like(kernel)
        gradients, slopes = np.empty((2, *part.pooled.shape[1:]), np.float32)
        later, steps = part.states[:, :0], part.rows.steps
        for step, before in zip(reversed(steps), [*reversed(steps[:-1]), None], strict=True):
            n, going_on = step.stop - step.start, later.shape[1]
            state, gradient, slope = part.states[:, step], gradients[:, :n], slopes[:, :n]
            np.matmul(later, turned, out=gradient[:, :going_on])
            gradient[:, going_on:] = 0
            for kind, pooled, given in zip(self._kinds, part.pooled[:, :, :n], upstream[:, :, :n], strict=True):
                if kind == "max":
                    gradient += np.multiply(given, state == pooled, out=slope)
                elif kind == "mean":
                    gradient += given
                else:  # the rows that end here
                    gradient[:, going_on:] += given[:, going_on:]
            later = np.multiply(gradient, slope_of(state, slope, self.activation), out=state)
            if before:
                of_kernel += part.states[:, before][:, :n].swapaxes(1, 2) @ later
        return of_kernel


def _steps(lengths: np.ndarray) -> list[slice]:
    active = rows_at_steps(lengths)
    stops = np.cumsum(active)
    return [slice(*each) for each in zip((stops - active).tolist(), stops.tolist(), strict=True)]
