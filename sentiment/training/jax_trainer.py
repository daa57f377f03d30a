"""Epochs that stay on the device, for JAX and a GPU: many steps a dispatch, nothing sent from the host but an order.

Fed from the host, a large GPU mostly waits for its next batch. Here ids and labels are sent once, as the small
integers they are stored as; an epoch is a table of row numbers, and one program a width runs one batch after another
of that width. Order, network, loss and optimizer are those of :class:`sentiment.training.trainer.Trainer`, and a test
holds the weights after an epoch of either equal.

As on the CPU, the layers before the recurrence see each distinct token of a batch once. Programs need fixed shapes,
so room is made for as many types as there can be: the batch's tokens, or the vocabulary where that is smaller. So
small batches are spared projecting the whole vocabulary each step (60,000 rows instead of some 12,000 for 1,024
tweets), and large ones projecting *love* thousands of times; marking which ids occur takes no sort.
"""

from itertools import groupby
from typing import Any

import jax
import keras
import numpy as np
from jax import numpy as jnp
from tqdm import tqdm

from sentiment.network.keras_network import GLOVE
from sentiment.settings import Settings
from sentiment.text.lexicon import PADDING, UNKNOWN
from sentiment.training.batches import Batches, trim
from sentiment.training.trainer import Trainer

# Batches of a width are run one after another among this many: few dispatches, and still all lengths all along.
_BLOCK = 128


class ResidentTrainer(Trainer):
    """Runs epochs over batches whose rows lie on the device."""

    def __init__(self, model: keras.Model, settings: Settings, steps: int, max_tokens: int) -> None:
        super().__init__(model, settings, steps, max_tokens)
        self.vocabulary = model.get_layer(GLOVE).input_dim
        self._rows: dict[Batches, tuple[jax.Array, ...]] = {}
        self._programs: dict[tuple[Batches, int, bool], Any] = {}

    def run(self, batches: Batches, title: str, learn: bool) -> dict[str, float]:
        """One pass over ``batches``; returns the mean loss and accuracy over the rows."""
        if batches not in self._rows:
            arrays = (np.asarray(batches.part.ids), batches.part.labels, batches.row_weights)
            self._rows[batches] = tuple(map(jax.device_put, arrays))
        order = in_runs(batches)
        dealt = [batches.rows(i) for i in order]
        table = jax.device_put(np.stack([rows for rows, _ in dealt]).astype(np.int32))
        counts = jax.device_put(np.array([np.count_nonzero(weights) for _, weights in dealt], np.int32))
        key = jax.random.fold_in(jax.random.key(batches.seed or 0), batches.epoch)
        state = [[variable.value for variable in group] for group in self._groups]
        sums = jnp.zeros(2)
        with tqdm(total=len(order), desc=title, unit="batch", disable=None, leave=False) as bar:
            start = 0
            for width, same in groupby(order, batches.width):
                stop = start + len(list(same))
                program = self._program(batches, width, learn)
                state, sums = program(state, sums, self._rows[batches], table, counts, start, stop, key)
                bar.update(stop - start)
                start = stop
        self._keep(state)
        loss, accuracy = np.asarray(sums) / len(batches.part.labels)
        return {"accuracy": float(accuracy), "loss": float(loss)}

    @property
    def _groups(self) -> list[list[Any]]:
        return [self.any_model.trainable_variables, self.any_model.non_trainable_variables, self.optimizer.variables]

    def _keep(self, state: list[list[jax.Array]]) -> None:
        for group, values in zip(self._groups, state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)

    def _program(self, batches: Batches, width: int, learn: bool) -> Any:
        """Compiled: steps ``start`` to ``stop`` of an epoch, all of one width."""
        if (batches, width, learn) not in self._programs:
            step = _step(self, batches, width, learn)

            def run(state: Any, sums: Any, rows: Any, table: Any, counts: Any, start: Any, stop: Any, key: Any) -> Any:
                def body(i: Any, carry: Any) -> Any:
                    batch = (array[table[i]] for array in rows)
                    return step(*carry, *batch, counts[i], jax.random.fold_in(key, i))

                return jax.lax.fori_loop(start, stop, body, (state, sums))

            self._programs[batches, width, learn] = jax.jit(run)
        return self._programs[batches, width, learn]


def in_runs(batches: Batches) -> list[int]:
    """Numbers of the ``batches`` in the order they are run: as dealt, but those of a width together in each block."""
    return sorted(range(len(batches)), key=lambda i: (i // _BLOCK, batches.width(i)))


def distinct_tokens(ids: jax.Array, vocabulary: int) -> dict[str, jax.Array]:
    """Types and positions of ``ids`` ``(batch, time)``, as ``batches.token_batch`` finds them."""
    present = jnp.zeros(vocabulary, bool).at[ids].set(True).at[PADDING].set(True)
    types = jnp.nonzero(present, size=min(vocabulary, ids.size + 1), fill_value=PADDING)[0]
    return {"types": types, "positions": (jnp.cumsum(present) - 1)[ids]}


def _step(trainer: ResidentTrainer, batches: Batches, width: int, learn: bool) -> Any:
    """A function from state, sums and one batch to state and sums after it."""
    model, optimizer = trainer.models[width], trainer.optimizer
    classes, size = len(batches.class_weights), batches.batch_size

    def loss_of(trained: Any, fixed: Any, inputs: Any, y_true: Any, weights: Any) -> Any:
        answers, fixed = model.stateless_call(trained, fixed, inputs, training=learn)
        return trainer.loss(y_true, answers, sample_weight=weights), (answers, fixed)

    def step(state: Any, sums: Any, ids: Any, labels: Any, counting: Any, count: Any, key: Any) -> Any:
        trained, fixed, optimizing = state
        ids = trim(ids, width, batches.padding).astype(jnp.int32)
        if batches.word_dropout and batches.seed is not None:
            drop = jax.random.bernoulli(key, batches.word_dropout, ids.shape) & (ids != PADDING)
            ids = jnp.where(drop, UNKNOWN, ids)
        inputs = distinct_tokens(ids, trainer.vocabulary)
        weights = jnp.where(jnp.arange(size) < count, size / count, 0.0) * counting
        y_true = jax.nn.one_hot(labels, classes)
        if learn:
            gradient = jax.value_and_grad(loss_of, has_aux=True)
            (loss, (answers, fixed)), slopes = gradient(trained, fixed, inputs, y_true, weights)
            trained, optimizing = optimizer.stateless_apply(optimizing, slopes, trained)
        else:
            loss, (answers, _) = loss_of(trained, fixed, inputs, y_true, weights)
        accuracy = jnp.sum(weights * (answers.argmax(-1) == labels)) / weights.sum()
        return [list(trained), list(fixed), list(optimizing)], sums + count * jnp.stack([loss, accuracy])

    return step
