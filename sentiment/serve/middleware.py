"""What every request passes: the host check, the token, counting, the log line, and headers that keep browsers safe.

The log contains the method, the route, the status and the time of a request only, because everything else may contain
tweets. No answer says what failed inside the service.
"""

import functools
import hmac
import ipaddress
import logging
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sentiment.serve.errors import error_response, place_of

log = logging.getLogger("sentiment.serve")
access = logging.getLogger("sentiment.serve.access")

_POLICY = b"content-security-policy"
_HEADERS = [
    (b"cache-control", b"no-cache"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# The page and the health of the service. None of these answers a tweet or reports how others were answered.
OPEN = ("/", "/label", "/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/docs", "/openapi.json")
_OPEN_PREFIX = "/static/"
_CLIENT_LEFT = 499


class Observer:
    """Counts and logs requests, adds the headers to responses, and answers 500 where the service fails.

    Args:
        app: the application inside.
        count: called with the route, the status and the seconds of each request.
        routes: names of the routes by their endpoints.
        header_bytes: size of the headers that a request may have.
    """

    def __init__(
        self, app: ASGIApp, count: Callable[[str, int, float], None], routes: dict[object, str], header_bytes: int
    ) -> None:
        self.app, self.count, self.routes, self.header_bytes = app, count, routes, header_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_own(message["headers"])
            try:
                await send(message)
            except RuntimeError:  # uvloop's, because the server has closed this connection meanwhile
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
            log.error("defect: %s", place_of(error))
            if not status:  # otherwise the server breaks off the answer that has begun
                response = error_response(500, "the service failed at this request; its log says where")
                await response(scope, receive, send_with_headers)
        self._note(scope, status, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = self.routes.get(scope.get("endpoint"), "other")
        self.count(route, status, seconds)
        if access.isEnabledFor(logging.INFO):
            access.info("%s %s %d %.1f ms", scope["method"], route, status, 1000 * seconds)


def _with_own(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers of a response with those of this service; a report brings its own policy."""
    if any(name == _POLICY for name, _ in headers):
        return [*headers, *_HEADERS]
    return [*headers, *_HEADERS, (_POLICY, _PAGE_POLICY)]


class TrustedHosts(TrustedHostMiddleware):
    """Refuses requests that name another host, but passes every IP address.

    After a page is loaded, its site may point its own name at the address of this machine (DNS rebinding), so that the
    page can read this service's answers. The requests of that page still name the other site, so they are refused. An
    IP address in the place of a name cannot be pointed elsewhere.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on or refuse it."""
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
    """Refuses requests without ``Authorization: Bearer`` and the token, except for the page and the health."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.token = app, token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on or refuse it."""
        if scope["type"] == "http" and not self._is_open(scope["path"]):
            scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode("latin-1"), self.token):
                sentence = "expected Authorization: Bearer with this service's token"
                await error_response(401, sentence, {"www-authenticate": "Bearer"})(scope, receive, send)
                return
        await self.app(scope, receive, send)

    @staticmethod
    def _is_open(path: str) -> bool:
        return path in OPEN or path.startswith(_OPEN_PREFIX)
