"""Micro-batching without waiting: texts that arrive while a batch is being answered are the next batch.

A lone request with a few texts is answered at once, in the event loop's thread: handing it to another would take longer
than answering it. All else goes to one thread of its own, so that the event loop never waits for a model.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Protocol

from sentiment.predict.answers import Answers

BATCH_TEXTS = 1024
BATCH_CHARACTERS = 256 << 10
_AT_ONCE_TEXTS = 1
_AT_ONCE_CHARACTERS = 1000


class Answering(Protocol):
    """What a batch is put to."""

    def answer(self, texts: Sequence[str]) -> Answers:
        """Probabilities and known shares of ``texts``."""


@dataclass(slots=True)
class _Part:
    """Texts of one request, the model they are for, and where the answer goes."""

    model: Answering
    texts: Sequence[str]
    characters: int
    answered: "asyncio.Future[Answers]"


Outcome = Answers | Exception


class Batcher:
    """Answers the texts of many requests together, those of each in one piece and by the one model it names.

    Args:
        observe: called with the model and the answers of each batch, in the thread that answered it.
    """

    def __init__(self, observe: Callable[[Any, Answers], None]) -> None:
        self._observe = observe
        self._waiting: deque[_Part] = deque()
        self._busy = self._scheduled = False
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
        part = _Part(model, texts, sum(map(len, texts)), self._loop.create_future())
        self._waiting.append(part)
        if not self._busy and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._begin)  # after the other requests that have arrived by now
        return part.answered

    def _begin(self) -> None:
        self._scheduled = False
        batch = self._next_batch()
        if not batch:
            return
        if len(batch) == 1 and _is_small(batch[0]):
            self._deliver(batch, self._outcomes(batch))
        else:
            self._busy = True
            self._work.put(batch)

    def _next_batch(self) -> list[_Part]:
        """Parts in the order they came, up to the size of a batch, but at least one; those given up are dropped."""
        batch: list[_Part] = []
        texts = characters = 0
        while self._waiting:
            part = self._waiting[0]
            texts, characters = texts + len(part.texts), characters + part.characters
            if batch and (texts > BATCH_TEXTS or characters > BATCH_CHARACTERS):
                break
            self._waiting.popleft()
            if not part.answered.done():
                batch.append(part)
        return batch

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
        self._deliver(batch, outcomes)
        if self._waiting and not self._scheduled:
            self._begin()

    def _outcomes(self, batch: list[_Part]) -> list[Outcome]:
        """One outcome a part; parts of different models, as around a reload, are answered apart."""
        models = {id(part.model): part.model for part in batch}
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

    @staticmethod
    def _deliver(batch: list[_Part], outcomes: list[Outcome]) -> None:
        for part, outcome in zip(batch, outcomes, strict=True):
            if part.answered.done():
                continue
            if isinstance(outcome, Exception):
                part.answered.set_exception(outcome)
            else:
                part.answered.set_result(outcome)


def _is_small(part: _Part) -> bool:
    return len(part.texts) <= _AT_ONCE_TEXTS and part.characters <= _AT_ONCE_CHARACTERS


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
