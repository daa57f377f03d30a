"""What every endpoint works with: models, limits, the batcher, counters."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Sequence

import numpy as np

from sentiment.common.parallel import one_matrix_thread
from sentiment.predict.answers import Answers
from sentiment.serve.admission import Admission
from sentiment.serve.batching import Batcher
from sentiment.serve.limits import Limits
from sentiment.serve.metrics import Metrics
from sentiment.serve.store import Export, Store

_NOTE_SECONDS = 2.0


class Service:
    """One worker's state; made after the fork, since it has a thread and an event loop.

    Args:
        store: the models, read.
        limits: what is accepted.
        parent: process whose end ends this one; 0 for none.
    """

    def __init__(self, store: Store, limits: Limits, parent: int = 0) -> None:
        self.store, self.limits, self.parent = store, limits, parent
        self.admission = Admission(limits)
        self.metrics = Metrics()
        self.batcher = Batcher(self._observe)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Batches are answered and folders watched while this lasts."""
        self.batcher.start()
        tasks = [asyncio.create_task(self.store.watch()), asyncio.create_task(self._keep_noting())]
        try:
            with one_matrix_thread():  # the other cores have other workers
                yield
        finally:
            for task in tasks:
                task.cancel()
            self.batcher.stop()

    async def answer(self, export: Export, texts: Sequence[str]) -> Answers:
        """Answers of ``export`` to checked texts.

        Raises:
            Refusal: 429, too much is waiting.
        """
        with self.admission.hold_texts(len(texts)):
            return await self.batcher.answer(export, texts)

    async def answer_ids(self, export: Export, ids: np.ndarray) -> np.ndarray:
        """Probabilities float32 ``(n, classes)`` of padded ids int32 ``(n, max_tokens)``, which have been checked.

        Raises:
            Refusal: 429, too much is waiting.
        """
        classifier = export.classifier
        with self.admission.hold_texts(len(ids)):
            return await asyncio.to_thread(classifier.network.of_padded, ids)

    def _observe(self, export: Export, answers: Answers) -> None:
        self.metrics.batch(export.name, export.classes, answers)

    async def _keep_noting(self) -> None:
        """Let the other workers know this one's gauges, and end with the process that started it."""
        while True:
            self.metrics.note(self.store, self.admission)
            if self.parent and os.getppid() != self.parent:
                signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(_NOTE_SECONDS)
