"""What every route works with: the models, the limits, the batcher and the counters of one worker process.

glibc gives each thread an arena that keeps what the thread has freed, and it returns the end of an arena only. Arrow's
own allocator keeps still more: 15 MB of a worker. So all threads of a worker share one arena, which is emptied often.
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
    """The state of one worker process.

    Args:
        store: the models.
        limits: what is accepted.
        supervisor: id of the process that started this worker and whose end ends it; 0 for none.
    """

    def __init__(self, store: ModelStore, limits: Limits, supervisor: int = 0) -> None:
        self.store, self.limits, self.supervisor = store, limits, supervisor
        self.admission = Admission(limits)
        self.metrics = ServiceMetrics()
        self.batcher = Batcher(self._observe)

    @contextlib.asynccontextmanager
    async def running(self, run_folder: Path) -> AsyncIterator[None]:
        """Answer batches and watch the model folders until the context ends."""
        gc.freeze()  # what is there now stays, so a collection looks at the objects of requests alone
        self.batcher.start()
        tasks = [asyncio.create_task(self.store.watch()), asyncio.create_task(self._look_after())]
        try:
            with one_matrix_thread():  # the other cores have other workers
                yield
        finally:
            for task in tasks:
                task.cancel()
            self.batcher.stop()
            if self._orphaned():
                shutil.rmtree(run_folder, ignore_errors=True)

    def export_of(self, request: Request) -> Export:
        """Return the export that the path of a request names.

        Raises:
            Refusal: 404, there is none.
        """
        return self.store.get(request.path_params["name"], request.path_params.get("version"))

    async def answer(self, export: Export, texts: Sequence[str]) -> Answers:
        """Return the answers of ``export`` to checked texts.

        Raises:
            Refusal: 429, too many texts are waiting.
        """
        with self.admission.hold_texts(len(texts)):
            return await self.batcher.answer(export, texts)

    async def answer_ids(self, export: Export, ids: np.ndarray) -> np.ndarray:
        """Return probabilities, float32 ``(n, classes)``, of checked padded ids, int32 ``(n, max_tokens)``.

        Raises:
            Refusal: 429, too many texts are waiting.
        """
        with self.admission.hold_texts(len(ids)):
            return await asyncio.to_thread(export.classifier.network.of_padded, ids)

    def _observe(self, export: Export, answers: Answers) -> None:
        self.metrics.batch(export.name, export.classes, answers)

    def _orphaned(self) -> bool:
        return bool(self.supervisor) and os.getppid() != self.supervisor

    async def _look_after(self) -> None:
        """Publish the gauges, return free memory, and end this worker when its supervisor was killed."""
        while True:
            self.metrics.set_gauges(self.store, self.admission)
            if self._orphaned():
                signal.raise_signal(signal.SIGTERM)
            gc.collect()
            _return_free_memory()
            await asyncio.sleep(_LOOK_SECONDS)


def share_one_arena() -> None:
    """Make all threads of this process, and Arrow, share one arena. Call it before threads start and Arrow is used."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def _return_free_memory() -> None:
    """Return all free pages of the arena to the system: below the last object in use there may be many."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
