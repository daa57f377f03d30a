"""Errors that a client sees: an HTTP status and one sentence, as ``{"error": "..."}``, in all three protocols."""

import traceback
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from sentiment.serve.limits import Refusal

JSON = "application/json"
_SENTENCES = {404: "no such address; GET /docs lists the addresses", 405: "no such method at this address"}


def json_response(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return ``content`` as a JSON response."""
    return Response(msgspec.json.encode(content), status, headers, media_type=JSON)


def error_response(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response with the error ``message``."""
    return json_response({"error": message}, status, headers)


async def refused(request: Request, error: Exception) -> Response:
    """Return the response to a :class:`Refusal`."""
    assert isinstance(error, Refusal)
    return error_response(error.status, error.message, error.headers)


async def http_error(request: Request, error: Exception) -> Response:
    """Return the response to an error raised by Starlette, for example for an unknown address."""
    assert isinstance(error, HTTPException)
    return error_response(error.status_code, _SENTENCES.get(error.status_code, error.detail), error.headers)


def place_of(error: BaseException) -> str:
    """Return the type and the traceback lines of an error. Its message is left out, because it may quote a tweet."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {' < '.join(f'{frame.filename}:{frame.lineno}' for frame in reversed(frames))}"
