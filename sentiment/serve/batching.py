"""Answer the texts of concurrent requests in batches.

Batches save time because the model takes nearly as long for one text as for ten. Whenever the last batch is done, all
waiting requests form the next batch, so no request waits for a batch to fill.

A single worker answers short requests in the event loop, because a thread would compete with the loop for Python's
interpreter lock. With 200 connections, a thread takes a third more processor time.

Several workers answer batches in a thread and use uvloop, which accepts one connection per turn of its loop. The
workers therefore share connections evenly, as long as turns are short. asyncio's own loop accepts all waiting
connections in one turn, so one of the workers would get them all.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, groupby

import numpy as np

from sentiment.predict.answers import Answers
from sentiment.serve.model_store import Export
from sentiment.text.preprocessor import FEW, are_few_and_short

BATCH_SIZE = 1 << 17  # the size of a text is its characters plus 64; a batch takes a few milliseconds
_SIZE_OF_A_TEXT = 64
_SHORT = 1 << 11  # a request of at most this size takes less than a millisecond


@dataclass(slots=True, eq=False)
class _Pending:
    """A waiting request. ``size`` measures its work: characters, plus 64 per text. ``answered`` gets the answers."""

    model: Export
    texts: Sequence[str]
    size: int
    answered: "asyncio.Future[Answers]"

    @property
    def is_short(self) -> bool:
        """Return whether the answers take less than a millisecond and do not need Arrow, whose import takes 0.25 s."""
        return self.size <= _SHORT and are_few_and_short(self.texts)


_Outcome = tuple[_Pending, "Answers | Exception"]


class Batcher:
    """Answers waiting requests in batches, one batch per model. All its methods are called in one event loop.

    Args:
        in_loop: whether batches of short requests are answered in the event loop, and not in a thread.
        observe: a function that is called with the model and the answers after each batch, in the thread of the batch.
    """

    def __init__(self, in_loop: bool, observe: Callable[[Export, Answers], None]) -> None:
        self._in_loop, self._observe = in_loop, observe
        self._waiting: deque[_Pending] = deque()
        self._thread = ThreadPoolExecutor(1, "batches")
        self._is_busy = False  # a batch is being answered, or will be in the next turn of the event loop

    def stop(self) -> None:
        """End the thread after its current batch."""
        self._thread.shutdown(wait=False)

    async def answer(self, model: Export, texts: Sequence[str]) -> Answers:
        """Return the answers of ``model`` to ``texts``. Many texts are split, so that other requests get their turn."""
        parts = [await self._ask(model, *part) for part in _parts(texts)]
        return parts[0] if len(parts) == 1 else Answers(*map(np.concatenate, zip(*parts, strict=True)))

    def _ask(self, model: Export, texts: Sequence[str], size: int) -> "asyncio.Future[Answers]":
        pending = _Pending(model, texts, size, asyncio.get_running_loop().create_future())
        self._waiting.append(pending)
        if not self._is_busy:
            self._answer_soon()
        return pending.answered

    def _answer_soon(self) -> None:
        """Answer a batch in the next turn of the event loop, so that the batch has all requests of the current turn."""
        self._is_busy = True
        asyncio.get_running_loop().call_soon(self._answer_next)

    def _answer_next(self) -> None:
        batch = _next_batch(self._waiting)
        if (self._in_loop or len(batch) == 1) and all(pending.is_short for pending in batch):
            self._deliver(self._answered(batch))
        else:
            answering = asyncio.get_running_loop().run_in_executor(self._thread, self._answered, batch)
            answering.add_done_callback(lambda done: self._deliver(done.result()))

    def _answered(self, batch: list[_Pending]) -> list[_Outcome]:
        def model(pending: _Pending) -> int:
            return id(pending.model)

        by_model = groupby(sorted(batch, key=model), model)
        return [outcome for _, same in by_model for outcome in self._outcomes(list(same))]

    def _deliver(self, outcomes: list[_Outcome]) -> None:
        for pending, outcome in outcomes:
            if pending.answered.done():  # the request was cancelled meanwhile
                continue
            if isinstance(outcome, Exception):
                pending.answered.set_exception(outcome)
            else:
                pending.answered.set_result(outcome)
        self._is_busy = False
        if self._waiting:
            self._answer_soon()

    def _outcomes(self, batch: list[_Pending]) -> list[_Outcome]:
        """Answer requests for one model. If the model fails, answer each alone, so that only the faulty one fails."""
        model = batch[0].model
        try:
            answers = model.classifier.answer([text for pending in batch for text in pending.texts])
            self._observe(model, answers)
        except Exception as error:
            if len(batch) == 1:
                return [(batch[0], error)]
            return [outcome for pending in batch for outcome in self._outcomes([pending])]
        ends = accumulate(len(pending.texts) for pending in batch)
        places = ((pending, slice(end - len(pending.texts), end)) for pending, end in zip(batch, ends, strict=True))
        return [(pending, Answers(*(values[place] for values in answers))) for pending, place in places]


def _parts(texts: Sequence[str]) -> Iterator[tuple[Sequence[str], int]]:
    """Yield parts of ``texts`` with their sizes (see `_Pending`), at most ``BATCH_SIZE`` unless one text is larger."""
    start = size = 0
    for end, text in enumerate(texts):
        of_text = len(text) + _SIZE_OF_A_TEXT
        if size and size + of_text > BATCH_SIZE:
            yield texts[start:end], size
            start, size = end, 0
        size += of_text
    yield texts[start:], size


def _next_batch(waiting: deque[_Pending]) -> list[_Pending]:
    """Take requests from the front of ``waiting``, and drop cancelled ones.

    A large request is a batch alone. A batch of several requests has at most ``FEW`` texts, because more texts would be
    encoded with Arrow, which takes 40 MB of memory. The sum of their sizes (see `_Pending`) is at most ``BATCH_SIZE``.
    """
    batch: list[_Pending] = []
    size = count = 0
    while waiting and (not batch or (size + waiting[0].size <= BATCH_SIZE and count + len(waiting[0].texts) <= FEW)):
        pending = waiting.popleft()
        if not pending.answered.done():
            batch.append(pending)
            size, count = size + pending.size, count + len(pending.texts)
    return batch
