"""Files of any size: a CSV or JSON lines come in, and go out with the answers added, a piece at a time.

A thread of its own reads, asks and writes. It pulls the next piece of the body out of the event loop when it needs it,
so memory stays bounded. What it writes goes into a file without a name, and from there to the client as fast as that
takes it: many clients read nothing before they have sent everything, and would wait for ever if the answers waited for
them. No name that a client gives is ever used.
"""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from sentiment.serve.admission import too_large
from sentiment.serve.bodies import check_threshold
from sentiment.serve.limits import Limits
from sentiment.serve.multipart import file_of_form
from sentiment.serve.refusals import Gone
from sentiment.serve.rows import CSV, TYPES, Scoring, score
from sentiment.serve.service import Service

_FORM = "multipart/form-data"
_HEAD_BYTES = 256 << 10  # written before the status is sent: mistakes in the first rows get a status of their own
_PIECE_BYTES = 64 << 10


def is_file(request: Request) -> bool:
    """Whether the body is a file to score, not a JSON request."""
    kind = _media_type(request)
    return kind in TYPES or kind == _FORM


async def score_request(service: Service, request: Request) -> Response:
    """The response that scores the file a request brings; ``column``, ``threshold`` and ``model`` come in its query.

    Raises:
        Refusal: 404, no such model; 422, a threshold that is none; 429, as many files as may be are being scored.
    """
    query = request.query_params
    export = service.store.get(query.get("model"))
    threshold = check_threshold(_number(query.get("threshold", "0")))
    kind = TYPES.get(_media_type(request), CSV)
    encoding = request.headers.get("content-type", "").partition("charset=")[2].strip('"; ') or "utf-8"
    scoring = Scoring(export, query.get("column", "text"), threshold, encoding, kind, service.limits.line_characters)
    form = request.headers["content-type"] if _media_type(request) == _FORM else ""
    return _Scored(service, scoring, form)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


class _Body:
    """The body as the scoring thread sees it: an iterator that waits in that thread, while the event loop receives."""

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self._receive, self._limits = receive, limits
        self.loop = asyncio.get_running_loop()
        self._size = 0

    def pieces(self) -> Iterator[bytes]:
        """Pieces as they arrive.

        Raises:
            Refusal: 413, there are more than a file may have.
            Gone: the client left.
        """
        while True:
            message = asyncio.run_coroutine_threadsafe(self._next(), self.loop).result()
            if message["type"] == "http.disconnect":
                raise Gone
            self._size += len(message.get("body", b""))
            if self._size > self._limits.file_bytes:
                raise too_large(self._limits.file_bytes)
            yield message.get("body", b"")
            if not message.get("more_body", False):
                return

    async def _next(self) -> Message:
        return await self._receive()


class _Scored(Response):
    """Scores while it is sent."""

    def __init__(self, service: Service, scoring: Scoring, form: str) -> None:
        self.service, self.scoring, self.form = service, scoring, form
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the scored file.

        Raises:
            Refusal: what is wrong with it, as long as nothing has been sent.
        """
        with self.service.admission.hold_file(), tempfile.TemporaryFile() as file:
            self._written, self._more = 0, asyncio.Event()
            body = _Body(receive, self.service.limits)
            work = asyncio.create_task(asyncio.to_thread(self._score, body, file.fileno()))
            work.add_done_callback(lambda _: self._more.set())
            try:
                await self._send(file.fileno(), work, send)
            finally:
                with contextlib.suppress(Exception):
                    await work  # where sending failed, the thread ends when it asks for the next piece

    def _score(self, body: _Body, file: int) -> None:
        """Runs in a thread of its own."""
        pieces, scoring = body.pieces(), self.scoring
        if self.form:
            pieces, kind = file_of_form(self.form, pieces)
            scoring = scoring._replace(kind=kind)
        for part in score(scoring, pieces):
            written = 0
            while written < len(part):
                written += os.write(file, part[written:])
            self._written += written
            body.loop.call_soon_threadsafe(self._more.set)

    async def _send(self, file: int, work: "asyncio.Task[None]", send: Send) -> None:
        while not work.done() and self._written < _HEAD_BYTES:
            await self._wait()
        if work.done():
            work.result()  # raises what was wrong, while a status can still say so
        headers = [(b"content-type", f"{self.scoring.kind}; charset=utf-8".encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        sent = 0
        while True:
            done = work.done()  # before reading: what is written after this is read next time
            while piece := os.pread(file, min(_PIECE_BYTES, self._written - sent), sent):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                sent += len(piece)
            if done:
                work.result()
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            await self._wait()

    async def _wait(self) -> None:
        await self._more.wait()
        self._more.clear()
