"""Answer the texts of concurrent requests in batches, in one thread.

Batches save time because the model takes nearly as long for one text as for ten. Whenever the thread is free, all
waiting requests form the next batch, so no request waits for a batch to fill. A short request that arrives alone is
answered in the event loop. Handing it to the thread and back would add a tenth to the time.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from queue import SimpleQueue

import numpy as np

from sentiment.predict.answers import Answers
from sentiment.serve.model_store import Export

BATCH_SIZE = 1 << 17  # the size of a text is its characters plus 64; a batch takes a few milliseconds
_SIZE_OF_A_TEXT = 64
_SHORT = 1 << 11  # a request of at most this size takes less than a millisecond


@dataclass(slots=True, eq=False)
class _Pending:
    """A waiting request; ``size`` is its characters plus 64 per text, and ``answered`` receives the answers."""

    model: Export
    texts: Sequence[str]
    size: int
    answered: "asyncio.Future[Answers]"


_Outcome = tuple[_Pending, "Answers | Exception"]


class Batcher:
    """Answers waiting requests in batches, one batch per model.

    Args:
        observe: a function that is called with the model and the answers after each batch, in the thread of the batch.
    """

    def __init__(self, observe: Callable[[Export, Answers], None]) -> None:
        self._observe = observe
        self._waiting: deque[_Pending] = deque()
        self._turns: SimpleQueue[bool] = SimpleQueue()  # True: answer the waiting requests, False: end the thread
        self._turn_scheduled = False
        self._answering = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start the batch thread. Call this in the event loop that receives the requests."""
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._work, args=(self._loop,), name="batches", daemon=True).start()

    def stop(self) -> None:
        """End the thread after it has answered the requests that are waiting now."""
        self._turns.put(False)

    async def answer(self, model: Export, texts: Sequence[str]) -> Answers:
        """Return the answers of ``model`` to ``texts``. Many texts are split, so that other requests get their turn."""
        parts = [await self._ask(model, *part) for part in _parts(texts)]
        return parts[0] if len(parts) == 1 else Answers(*map(np.concatenate, zip(*parts, strict=True)))

    def _ask(self, model: Export, texts: Sequence[str], size: int) -> "asyncio.Future[Answers]":
        assert self._loop is not None, "the batcher has not been started"
        pending = _Pending(model, texts, size, self._loop.create_future())
        self._waiting.append(pending)
        if not self._turn_scheduled:
            self._turn_scheduled = True
            self._loop.call_soon(self._wake)  # after the other requests that this turn of the event loop receives
        return pending.answered

    def _wake(self) -> None:
        self._turn_scheduled = False
        if self._answering.acquire(blocking=False):
            try:  # the lock keeps the batch thread from taking the request meanwhile
                if len(self._waiting) == 1 and self._waiting[0].size <= _SHORT:
                    _deliver(self._answer_next())
                    return
            finally:
                self._answering.release()
        self._turns.put(True)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._turns.get():
            while self._waiting:
                with self._answering:
                    outcomes = self._answer_next()
                try:
                    loop.call_soon_threadsafe(_deliver, outcomes)
                except RuntimeError:  # the loop is closed, so nobody waits any more
                    return

    def _answer_next(self) -> list[_Outcome]:
        return [outcome for same in _by_model(_next_batch(self._waiting)) for outcome in self._outcomes(same)]

    def _outcomes(self, batch: list[_Pending]) -> list[_Outcome]:
        """Answer requests for one model. If the model fails, answer each alone, so that only the faulty one fails."""
        model = batch[0].model
        try:
            answers = model.answer([text for pending in batch for text in pending.texts])
            self._observe(model, answers)
        except Exception as error:
            if len(batch) == 1:
                return [(batch[0], error)]
            return [outcome for pending in batch for outcome in self._outcomes([pending])]
        ends = accumulate(len(pending.texts) for pending in batch)
        places = ((pending, slice(end - len(pending.texts), end)) for pending, end in zip(batch, ends, strict=True))
        return [(pending, Answers(*(values[place] for values in answers))) for pending, place in places]


def _parts(texts: Sequence[str]) -> Iterator[tuple[Sequence[str], int]]:
    """Yield parts of ``texts`` with their sizes (characters plus 64 per text), which are at most ``BATCH_SIZE``."""
    start = size = 0
    for end, text in enumerate(texts):
        of_text = len(text) + _SIZE_OF_A_TEXT
        if size and size + of_text > BATCH_SIZE:
            yield texts[start:end], size
            start, size = end, 0
        size += of_text
    yield texts[start:], size


def _next_batch(waiting: deque[_Pending]) -> list[_Pending]:
    """Take requests with a total size up to ``BATCH_SIZE`` from the front of ``waiting``, and drop cancelled ones."""
    batch: list[_Pending] = []
    size = 0
    while waiting and (not batch or size + waiting[0].size <= BATCH_SIZE):
        pending = waiting.popleft()
        if not pending.answered.done():
            batch.append(pending)
            size += pending.size
    return batch


def _by_model(batch: list[_Pending]) -> list[list[_Pending]]:
    ordered = sorted(batch, key=lambda pending: id(pending.model))
    return [list(same) for _, same in groupby(ordered, key=lambda pending: id(pending.model))]


def _deliver(outcomes: list[_Outcome]) -> None:
    for pending, outcome in outcomes:
        if pending.answered.done():  # the request was cancelled meanwhile
            continue
        if isinstance(outcome, Exception):
            pending.answered.set_exception(outcome)
        else:
            pending.answered.set_result(outcome)
