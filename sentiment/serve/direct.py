"""Addresses that most requests go to: they are found by their path alone and answered without a router.

Routing, request and response objects of the framework take longer than a tweet takes the model. So the gate asks these
first; what they do not take (other methods, types of content and addresses) goes the way of all the rest, where the
same functions answer.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope

from sentiment.serve.refusals import JSON

# Takes a request's headers, names in lower case, and what gives its body; returns the JSON of the answer.
Answer = Callable[[Mapping[bytes, bytes], Receive], Awaitable[bytes]]


class Direct(NamedTuple):
    """An address: the ``route`` that metrics and log know it by, and what answers."""

    route: str
    answer: Answer


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """Of a request, by name; of several of one name the first."""
    return dict(reversed(scope["headers"]))


async def respond_with(answer: Answer, request: Request) -> Response:
    """The answer as the framework's response."""
    return Response(await answer(headers_of(request.scope), request.receive), media_type=JSON)
