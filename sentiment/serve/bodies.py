"""Read JSON from request bodies, within limits of size and time, and make JSON and error responses.

In every protocol of the service, an error is an HTTP status and one sentence, as ``{"error": "..."}``.
"""

import asyncio
import contextlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from sentiment.serve.limits import Admission, Limits, Refusal

T = TypeVar("T")
_SHOWN = 300  # characters of an error's message
# In JSON, the escape of a whole character beyond U+FFFF, then that of half a character (its group 1), then any other.
_ESCAPE = re.compile(rb"\\u(?i:d[89ab][0-9a-f]{2})\\u(?i:d[c-f][0-9a-f]{2})|(\\u(?i:d[89a-f][0-9a-f]{2}))|\\.")
_DOCS = "GET /openapi.json describes the body; a file needs its Content-Type, such as text/csv"
_SENTENCES = {404: "no such address; GET /docs lists the addresses", 405: "no such method at this address"}


class GivenLabel(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``PUT /labels``: the label for the tweet with the id ``row``. An empty ``label`` removes the old one."""

    row: str
    label: str


def limited(request: Request, limits: Limits, most: int) -> Request:
    """Return ``request``, whose body has not been read yet, so that at most ``most`` bytes of its body can be read.

    Reading raises a :class:`Refusal` with status 408 for a body that takes too long, or 413 for a larger one.

    Raises:
        Refusal: status 413 if the headers declare too large a body, or 415 if they declare a compressed one.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and (len(declared) > 18 or int(declared) > most):
        raise _too_large(most)
    if request.headers.get("content-encoding", "identity") not in ("", "identity"):
        raise Refusal(415, "expected a body without Content-Encoding: send it uncompressed")
    deadline, size = asyncio.get_running_loop().time() + limits.receive_seconds, 0

    async def receive() -> Message:
        nonlocal size
        try:
            async with asyncio.timeout_at(deadline + size / limits.bytes_per_second):
                message = await request.receive()
        except TimeoutError:
            raise Refusal(408, "the request took too long to arrive", {"connection": "close"}) from None
        size += len(message.get("body", b""))
        if size > most:
            raise _too_large(most)
        return message

    return Request(request.scope, receive)


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"expected a body of at most {limit} bytes: send fewer tweets; files may be larger than JSON")


async def read_json(request: Request, decoder: "msgspec.json.Decoder[T]", admission: Admission, invalid: int) -> T:
    """Read the JSON body of a request and return it as the type that ``decoder`` expects.

    Raises:
        Refusal: status ``invalid`` for JSON of another type, 400 for other text, 408 for a slow body, 413 for a large
            one, 415 for a compressed one, or 429 if the bodies in memory are too large together.
        ClientDisconnect: the client closed the connection.
    """
    body = await _whole_body(request, admission)
    try:
        return _decoded(body, decoder)
    except msgspec.ValidationError as error:
        raise Refusal(invalid, f"{' '.join(str(error).split())[:_SHOWN]}; {_DOCS}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, f"the body is not JSON: {' '.join(str(error).split())[:_SHOWN]}; {_DOCS}") from None


def _decoded(body: bytes, decoder: "msgspec.json.Decoder[T]") -> T:
    """Decode JSON as the readers of files do: a lone surrogate (half an emoji) becomes U+FFFD."""
    try:
        return decoder.decode(body)
    except msgspec.DecodeError:
        return decoder.decode(_ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], body))


async def _whole_body(request: Request, admission: Admission) -> bytes:
    parts = []
    with contextlib.ExitStack() as held:
        async for part in limited(request, admission.limits, admission.limits.body_bytes).stream():
            held.enter_context(admission.hold("bytes", len(part)))
            parts.append(part)
        return b"".join(parts)


def check_texts(texts: Sequence[str], where: str, limits: Limits) -> None:
    """Raise a :class:`Refusal` (422) if there are too many or too long texts.

    The refusal's message begins with ``where``, the place of the texts in the request, and quotes no text.
    """
    check_count(texts, where, limits)
    for index, text in enumerate(texts):
        if len(text) > limits.characters:
            raise Refusal(
                422, f"{where}[{index}]: expected at most {limits.characters} characters, received {len(text)}"
            )


def check_count(values: Sequence[object], where: str, limits: Limits) -> None:
    """Raise a :class:`Refusal` (422) if a request contains too many values. ``where`` is their place in the request."""
    if len(values) > limits.texts:
        raise Refusal(422, f"{where}: expected at most {limits.texts} in a request, received {len(values)}")


def json_response(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return ``content`` as a JSON response."""
    return Response(msgspec.json.encode(content), status, headers, media_type="application/json")


def error_response(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response with the error ``message``."""
    return json_response({"error": message}, status, headers)


async def refused(request: Request, error: Exception) -> Response:
    """Return the response to a request that was refused by raising a :class:`Refusal`."""
    assert isinstance(error, Refusal)
    return error_response(error.status, error.message, error.headers)


async def http_error(request: Request, error: Exception) -> Response:
    """Return the response to an error raised by Starlette, for example for an unknown address."""
    assert isinstance(error, HTTPException)
    return error_response(error.status_code, _SENTENCES.get(error.status_code, error.detail), error.headers)
