"""Answers that say no: a status and one sentence."""

from collections.abc import Mapping

import orjson
from starlette.responses import Response

JSON = "application/json"
BUSY_SECONDS = 1


class Refusal(Exception):
    """A request that is not answered as asked: the HTTP ``status`` and one sentence that says why."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers


class Gone(Exception):
    """The client has left before its request was whole: there is nobody to answer."""


def busy(what: str) -> Refusal:
    """429: the client should come back."""
    return Refusal(429, f"{what}; try again in {BUSY_SECONDS} s", {"retry-after": str(BUSY_SECONDS)})


def refuse(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """The response: ``{"error": message}``, as all the shapes have it."""
    return Response(orjson.dumps({"error": message}), status, headers, media_type=JSON)
