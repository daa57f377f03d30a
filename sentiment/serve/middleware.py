"""Middleware for every request: host check, token check, metrics, access log and security headers.

The access log contains only the method, route, status and duration, because everything else may contain tweets.
Responses do not reveal internal errors.
"""

import functools
import hmac
import ipaddress
import logging
import time
import traceback
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sentiment.serve.bodies import error_response

log = logging.getLogger("sentiment.serve")
access = logging.getLogger("sentiment.serve.access")

_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"cache-control", b"no-cache"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", _POLICY),
]
# These addresses need no token, because they neither answer tweets nor tell anything about earlier answers.
OPEN = ("/", "/label", "/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/docs", "/openapi.json")
_OPEN_PREFIX = "/static/"
_CLIENT_LEFT = 499


class Observer:
    """Counts and logs requests, adds security headers to responses, and answers 500 after an internal error.

    Args:
        count: a function that gets the route, the HTTP status and the seconds of each request.
        routes: the name of each route, by the function that handles it.
        header_bytes: the maximum size of a request's headers.
    """

    def __init__(
        self, app: ASGIApp, count: Callable[[str, int, float], None], routes: dict[object, str], header_bytes: int
    ) -> None:
        self.app, self.count, self.routes, self.header_bytes = app, count, routes, header_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = {name for name, _ in message["headers"]}  # a report has a policy of its own
                message["headers"] = [*message["headers"], *(each for each in _HEADERS if each[0] not in own)]
            try:
                await send(message)
            except RuntimeError:  # uvloop raises it when the server has closed this connection
                raise ClientDisconnect from None

        try:
            if sum(len(name) + len(value) for name, value in scope["headers"]) > self.header_bytes:
                response = error_response(431, "the headers are too long", {"connection": "close"})
                await response(scope, receive, send_with_headers)
            else:
                await self.app(scope, receive, send_with_headers)
        except ClientDisconnect:
            status = status or _CLIENT_LEFT
        except Exception as error:
            log.error("defect: %s", _place_of(error))
            if not status:  # otherwise the response has begun, and the server aborts it
                response = error_response(500, "the service failed at this request; its log says where")
                await response(scope, receive, send_with_headers)
        seconds, route = time.perf_counter() - started, self.routes.get(scope.get("endpoint"), "other")
        self.count(route, status, seconds)
        if access.isEnabledFor(logging.INFO):
            access.info("%s %s %d %.1f ms", scope["method"], route, status, 1000 * seconds)


def _place_of(error: BaseException) -> str:
    """Return an error's type and traceback lines, without the error's message, because messages may quote a tweet."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {' < '.join(f'{frame.filename}:{frame.lineno}' for frame in reversed(frames))}"


class TrustedHosts(TrustedHostMiddleware):
    """Refuses requests whose Host header contains a host name that is not allowed. IP addresses are always accepted.

    The check stops DNS rebinding: a malicious site points its own name at this machine, so that the site's page can
    read this service's answers. Nobody can point an IP address at another machine.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer that its host is not allowed."""
        if scope["type"] == "http" and _is_address(Headers(scope=scope).get("host", "")):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


@functools.lru_cache(maxsize=1024)
def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False
    return True


class TokenCheck:
    """Refuses requests without ``Authorization: Bearer TOKEN``, except those for the page and the health checks."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.token = app, token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer with status 401 (unauthorized)."""
        if scope["type"] == "http" and not scope["path"].startswith(_OPEN_PREFIX) and scope["path"] not in OPEN:
            scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode("latin-1"), self.token):
                sentence = "expected Authorization: Bearer with this service's token"
                await error_response(401, sentence, {"www-authenticate": "Bearer"})(scope, receive, send)
                return
        await self.app(scope, receive, send)
