"""Micro-batching without waiting: texts that arrive while a batch is being answered are the next batch.

Small requests are answered in the event loop's thread, at the end of a turn: another thread would compete with it for
the interpreter's lock, which costs more than the answers. So that the loop never waits for a model, a turn answers only
as many texts as four milliseconds are enough for, going by the turns before it, and then lets the loop look after its
connections. A request that would not fit into a turn goes to one thread of its own.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Protocol

from sentiment.predict.answers import Answers

BATCH_TEXTS = 512
TURN_SECONDS = 0.004
_BATCH_SIZE = 256 << 10
_TURN_SIZE, _LEAST_TURN, _LARGEST_TURN = 8 << 10, 1 << 10, 64 << 10
_OF_A_TEXT = 64  # an empty one costs something too


class Answering(Protocol):
    """What a batch is put to."""

    def answer(self, texts: Sequence[str]) -> Answers:
        """Probabilities and known shares of ``texts``."""


@dataclass(slots=True)
class _Part:
    """Texts of one request, their size (characters, and some for each text), their model, and where the answer goes."""

    model: Answering
    texts: Sequence[str]
    size: int
    answered: "asyncio.Future[Answers]"


Outcome = Answers | Exception


class Batcher:
    """Answers the texts of many requests together, those of each in one piece and by the one model it names.

    Args:
        observe: called with the model and the answers of each batch, in the thread that answered it.
        clock: seconds that this thread has been at work.
    """

    def __init__(self, observe: Callable[[Any, Answers], None], clock: Callable[[], float] = time.thread_time) -> None:
        self._observe, self._clock = observe, clock
        self._small: deque[_Part] = deque()
        self._large: deque[_Part] = deque()
        self._turn_size = _TURN_SIZE
        self._scheduled = self._busy = False
        self._work: SimpleQueue[list[_Part] | None] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin; to be called in the event loop that will ask."""
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._work_on, name="batches", daemon=True).start()

    def stop(self) -> None:
        """End the thread after what it has begun."""
        self._work.put(None)

    async def answer(self, model: Answering, texts: Sequence[str]) -> Answers:
        """Answers of ``model`` to ``texts``, which have been checked; many are asked in several batches."""
        if len(texts) <= BATCH_TEXTS:
            return await self._ask(model, texts)
        parts = [texts[start : start + BATCH_TEXTS] for start in range(0, len(texts), BATCH_TEXTS)]
        return _joined([await self._ask(model, part) for part in parts])

    def _ask(self, model: Answering, texts: Sequence[str]) -> "asyncio.Future[Answers]":
        assert self._loop is not None, "the batcher has not been started"
        part = _Part(model, texts, sum(map(len, texts)) + _OF_A_TEXT * len(texts), self._loop.create_future())
        if part.size <= self._turn_size:
            self._small.append(part)
            self._schedule()
        else:
            self._large.append(part)
            self._employ()
        return part.answered

    def _schedule(self) -> None:
        if self._small and not self._scheduled:
            assert self._loop is not None
            self._scheduled = True
            self._loop.call_soon(self._turn)  # after the other requests that have arrived by now

    def _turn(self) -> None:
        self._scheduled = False
        batch = _next_batch(self._small, self._turn_size)
        if batch:
            started = self._clock()
            outcomes = self._outcomes(batch)
            self._adapt(self._clock() - started)
            _deliver(batch, outcomes)
        self._schedule()

    def _adapt(self, seconds: float) -> None:
        """Half as much in a turn where one took too long; twice as much where that fits, and there is as much."""
        if seconds > TURN_SECONDS:
            self._turn_size = max(self._turn_size // 2, _LEAST_TURN)
        elif self._small and seconds < TURN_SECONDS / 2:
            self._turn_size = min(self._turn_size * 2, _LARGEST_TURN)

    def _employ(self) -> None:
        """Give the thread what waits for it, unless it is at work."""
        if not self._busy and (batch := _next_batch(self._large, _BATCH_SIZE)):
            self._busy = True
            self._work.put(batch)

    def _work_on(self) -> None:
        assert self._loop is not None
        while (batch := self._work.get()) is not None:
            outcomes = self._outcomes(batch)
            try:
                self._loop.call_soon_threadsafe(self._end, batch, outcomes)
            except RuntimeError:  # the loop has been closed: nobody waits any more
                return

    def _end(self, batch: list[_Part], outcomes: list[Outcome]) -> None:
        self._busy = False
        _deliver(batch, outcomes)
        self._employ()

    def _outcomes(self, batch: list[_Part]) -> list[Outcome]:
        """One outcome a part; parts of different models, as around a reload, are answered apart."""
        models = {id(part.model): part.model for part in batch}
        if len(models) == 1:
            return self._of_one_model(batch[0].model, batch)
        outcomes: dict[int, Outcome] = {}
        for key, model in models.items():
            parts = [part for part in batch if id(part.model) == key]
            outcomes.update(zip(map(id, parts), self._of_one_model(model, parts), strict=True))
        return [outcomes[id(part)] for part in batch]

    def _of_one_model(self, model: Answering, parts: list[_Part]) -> list[Outcome]:
        texts = parts[0].texts if len(parts) == 1 else [text for part in parts for text in part.texts]
        try:
            answers = model.answer(texts)
            self._observe(model, answers)
        except Exception as error:
            if len(parts) == 1:
                return [error]
            return [outcome for part in parts for outcome in self._of_one_model(model, [part])]
        return _divided(answers, [len(part.texts) for part in parts])


def _next_batch(waiting: deque[_Part], most: int) -> list[_Part]:
    """Parts in the order they came, at most ``BATCH_TEXTS`` and of that size, but one; who gave up is dropped."""
    batch: list[_Part] = []
    texts = size = 0
    while waiting:
        part = waiting[0]
        if not part.answered.done():
            texts, size = texts + len(part.texts), size + part.size
            if batch and (texts > BATCH_TEXTS or size > most):
                break
            batch.append(part)
        waiting.popleft()
    return batch


def _deliver(batch: list[_Part], outcomes: list[Outcome]) -> None:
    for part, outcome in zip(batch, outcomes, strict=True):
        if part.answered.done():
            continue
        if isinstance(outcome, Exception):
            part.answered.set_exception(outcome)
        else:
            part.answered.set_result(outcome)


def _divided(answers: Answers, sizes: list[int]) -> list[Outcome]:
    if len(sizes) == 1:
        return [answers]
    parts: list[Outcome] = []
    start = 0
    for size in sizes:
        parts.append(Answers(*(values[start : start + size] for values in answers)))
        start += size
    return parts


def _joined(parts: list[Answers]) -> Answers:
    import numpy as np

    return Answers(*(np.concatenate(values) for values in zip(*parts, strict=True)))
