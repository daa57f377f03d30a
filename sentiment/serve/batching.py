"""Answer the texts of many requests together, in one thread. The requests that wait when it is free are the next batch.

Batches save most of the time that a small request takes, because the model costs nearly as much for one text as for
ten. Nothing waits for a batch to fill. A short request that comes alone is answered in the event loop, which saves the
tenth of its time that two changes of the thread take.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from queue import SimpleQueue
from typing import Any, Protocol

import numpy as np

from sentiment.predict.answers import Answers

BATCH_SIZE = 1 << 17  # of one batch, in characters plus 64 per text: a few milliseconds of work
_SIZE_OF_A_TEXT = 64
_SHORT = 1 << 11  # such a request takes less than a millisecond


class BatchModel(Protocol):
    """A model that answers a batch."""

    def answer(self, texts: Sequence[str]) -> Answers:
        """Return probabilities and known shares of ``texts``."""


@dataclass(slots=True, eq=False)
class _Pending:
    """Texts of one request, their size, their model, and the future that receives the answers."""

    model: BatchModel
    texts: Sequence[str]
    size: int
    answered: "asyncio.Future[Answers]"


_Outcome = tuple[_Pending, "Answers | Exception"]


class Batcher:
    """Answers requests in batches, those of each request by the one model that it names.

    Args:
        observe: called with the model and the answers of each batch, in the thread that answered it.
    """

    def __init__(self, observe: Callable[[Any, Answers], None]) -> None:
        self._observe = observe
        self._waiting: deque[_Pending] = deque()
        self._turns: SimpleQueue[bool] = SimpleQueue()  # True: look for what is waiting, False: end
        self._turn_scheduled = False
        self._answering = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start the thread. Call this in the event loop whose requests it answers."""
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._work, args=(self._loop,), name="batches", daemon=True).start()

    def stop(self) -> None:
        """End the thread when the requests that are waiting now are answered."""
        self._turns.put(False)

    async def answer(self, model: BatchModel, texts: Sequence[str]) -> Answers:
        """Return the answers of ``model`` to ``texts``.

        A large request is asked in several parts, one after the other, so that other requests get their turn.
        """
        parts = [await self._ask(model, *part) for part in _parts(texts)]
        return parts[0] if len(parts) == 1 else Answers(*map(np.concatenate, zip(*parts, strict=True)))

    def _ask(self, model: BatchModel, texts: Sequence[str], size: int) -> "asyncio.Future[Answers]":
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
            try:  # with the lock, because the thread takes requests too
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
        """Return the outcome of each request of ``batch``, all of one model; if it fails, each is asked alone."""
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
    """Yield the texts of a request in parts of at most ``BATCH_SIZE`` with their sizes; one text is always whole."""
    start = size = 0
    for end, text in enumerate(texts):
        of_text = len(text) + _SIZE_OF_A_TEXT
        if size and size + of_text > BATCH_SIZE:
            yield texts[start:end], size
            start, size = end, 0
        size += of_text
    yield texts[start:], size


def _next_batch(waiting: deque[_Pending]) -> list[_Pending]:
    """Take the first requests out of ``waiting``, up to ``BATCH_SIZE`` but at least one, without cancelled ones."""
    batch: list[_Pending] = []
    size = 0
    while waiting and (not batch or size + waiting[0].size <= BATCH_SIZE):
        pending = waiting.popleft()
        if not pending.answered.done():
            batch.append(pending)
            size += pending.size
    return batch


def _by_model(batch: list[_Pending]) -> list[list[_Pending]]:
    """Return the requests of a batch grouped by model; around a reload there are two."""
    ordered = sorted(batch, key=lambda pending: id(pending.model))
    return [list(same) for _, same in groupby(ordered, key=lambda pending: id(pending.model))]


def _deliver(outcomes: list[_Outcome]) -> None:
    """Give each request its outcome in the event loop. A request that was cancelled meanwhile gets none."""
    for pending, outcome in outcomes:
        if pending.answered.done():
            continue
        if isinstance(outcome, Exception):
            pending.answered.set_exception(outcome)
        else:
            pending.answered.set_result(outcome)
