"""The state that all routes of one worker process share: models, limits, batcher and metrics.

By default, glibc keeps freed memory in one malloc arena per thread, and Arrow's own allocator keeps 15 MB per worker.
To save memory, all threads of a worker share one arena, whose free pages are returned to the system every 2 s.
"""

import asyncio
import contextlib
import ctypes
import gc
import os
import shutil
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
from starlette.requests import Request

from sentiment.common.parallel import one_matrix_thread
from sentiment.predict.answers import Answers
from sentiment.serve.batching import Batcher
from sentiment.serve.limits import Admission, Limits
from sentiment.serve.metrics import ServiceMetrics
from sentiment.serve.model_store import Export, ModelStore

_LOOK_SECONDS = 2.0
_ARENA_MAX = -8  # M_ARENA_MAX in malloc.h


class Service:
    """The state of one worker process, which ends when the process with the id ``supervisor`` (0: none) has ended."""

    def __init__(self, store: ModelStore, limits: Limits, supervisor: int) -> None:
        self.store, self.limits, self.supervisor = store, limits, supervisor
        self.admission = Admission(limits)
        self.metrics = ServiceMetrics()
        self.batcher = Batcher(not supervisor, self.metrics.batch)

    @contextlib.asynccontextmanager
    async def running(self, run_folder: Path) -> AsyncIterator[None]:
        """Watch the model folders and publish metrics within the ``with`` block, and stop the batcher at its end."""
        gc.freeze()  # the present objects stay, so garbage collection only needs to look at those of requests
        tasks = [asyncio.create_task(self.store.watch()), asyncio.create_task(self._look_after())]
        try:
            with one_matrix_thread():  # other workers use the other cores
                yield
        finally:
            for task in tasks:
                task.cancel()
            self.batcher.stop()
            if self._orphaned():
                shutil.rmtree(run_folder, ignore_errors=True)

    def export_of(self, request: Request) -> Export:
        """Return the loaded model for the name and version in a request's path, or raise a :class:`Refusal` (404)."""
        return self.store.get(request.path_params["name"], request.path_params.get("version"))

    async def answer(self, export: Export, texts: Sequence[str]) -> Answers:
        """Return the loaded model's answers to ``texts``, or raise a :class:`Refusal` (429) if too many are waiting."""
        with self.admission.hold("texts", len(texts)):
            return await self.batcher.answer(export, texts)

    async def answer_ids(self, export: Export, ids: np.ndarray) -> np.ndarray:
        """Return the probabilities, float32 ``(n, classes)``, for valid padded token ids, int32 ``(n, max_tokens)``.

        If too many texts are waiting, raise a :class:`Refusal` (429).
        """
        with self.admission.hold("texts", len(ids)):
            return await asyncio.to_thread(export.classifier.network.of_padded, ids)

    def _orphaned(self) -> bool:
        return bool(self.supervisor) and os.getppid() != self.supervisor

    async def _look_after(self) -> None:
        """Every 2 s, publish metrics, return free memory to the system, and end this worker if its supervisor died."""
        while True:
            self.metrics.set_gauges(self.store, self.admission)
            if self._orphaned():
                signal.raise_signal(signal.SIGTERM)
            gc.collect()
            with contextlib.suppress(OSError, AttributeError):
                ctypes.CDLL(None).malloc_trim(0)  # on its own, glibc returns only the pages at the end of its heap
            await asyncio.sleep(_LOOK_SECONDS)


def share_one_arena() -> None:
    """Make all threads and Arrow share one malloc arena. Call this before a thread starts or Arrow is imported."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
