"""Reads the body of a request within the limits of size and time, and decodes it into a typed structure."""

import asyncio
from collections.abc import Sequence
from typing import TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from sentiment.serve.limits import Admission, Limits, Refusal

T = TypeVar("T")
_SHOWN = 300  # characters of an error's message


class LimitedReceive:
    """An ASGI ``receive`` that refuses a body which is too large, compressed or too slow.

    Args:
        request: the request, of which nothing has been read yet.
        limits: the limits of time.
        most: bytes that the body may have.

    Raises:
        Refusal: 413 or 415, the headers declare a body that is not accepted.
    """

    def __init__(self, request: Request, limits: Limits, most: int) -> None:
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and (len(declared) > 18 or int(declared) > most):
            raise _too_large(most)
        if request.headers.get("content-encoding", "identity") not in ("", "identity"):
            raise Refusal(415, "expected a body without Content-Encoding: send it uncompressed")
        self._receive, self._limits, self._most = request.receive, limits, most
        self._deadline = asyncio.get_running_loop().time() + limits.receive_seconds
        self._size = 0

    async def __call__(self) -> Message:
        """Return the next message.

        Raises:
            Refusal: 408, the body takes too long; 413, it is too large.
        """
        try:
            async with asyncio.timeout_at(self._deadline + self._size / self._limits.bytes_per_second):
                message = await self._receive()
        except TimeoutError:
            raise Refusal(408, "the request took too long to arrive", {"connection": "close"}) from None
        self._size += len(message.get("body", b""))
        if self._size > self._most:
            raise _too_large(self._most)
        return message


def _too_large(limit: int) -> Refusal:
    """Return a refusal with status 413."""
    return Refusal(413, f"expected a body of at most {limit} bytes: send fewer texts at a time, or a file to /predict")


async def read_json(request: Request, decoder: "msgspec.json.Decoder[T]", admission: Admission, invalid: int) -> T:
    """Return the decoded body.

    Args:
        request: the request.
        decoder: knows the expected type.
        admission: counts the bytes held in memory.
        invalid: status of the refusal of a body that is JSON but not of the expected type.

    Raises:
        Refusal: 400, the body is not JSON; ``invalid``; 408, 413, 415 and 429 as in :class:`LimitedReceive`.
        ClientDisconnect: the client left.
    """
    body = await _whole_body(request, admission)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Refusal(invalid, " ".join(str(error).split())[:_SHOWN]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, f"the body is not JSON: {' '.join(str(error).split())[:_SHOWN]}") from None


async def _whole_body(request: Request, admission: Admission) -> bytes:
    receive, parts, size = LimitedReceive(request, admission.limits, admission.limits.body_bytes), [], 0
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            parts.append(message.get("body", b""))
            admission.hold_bytes(len(parts[-1]))
            size += len(parts[-1])
            if not message.get("more_body", False):
                return b"".join(parts)
    finally:
        admission.bytes -= size


def check_texts(texts: Sequence[str], where: str, limits: Limits) -> None:
    """Refuse too many or too long texts; the messages never quote a text.

    Raises:
        Refusal: 422, named by ``where``, the place of the texts in the request.
    """
    check_count(texts, where, limits)
    for index, text in enumerate(texts):
        if len(text) > limits.characters:
            raise Refusal(
                422, f"{where}[{index}]: expected at most {limits.characters} characters, received {len(text)}"
            )


def check_count(values: Sequence[object], where: str, limits: Limits) -> None:
    """Refuse more values than a request may have.

    Raises:
        Refusal: 422.
    """
    if len(values) > limits.texts:
        raise Refusal(422, f"{where}: expected at most {limits.texts} in a request, received {len(values)}")
