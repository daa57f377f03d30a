"""What every request passes: the host it names, the token, counting, a line in the log, headers for safe browsers.

Nothing of a request but its method, the route it met, its status and its time is ever logged, since the rest may hold
tweets; and no answer tells what went wrong inside.
"""

import hmac
import logging
import time
import traceback
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Route, Router
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from sentiment.serve.connection import WHOLE, answer_whole
from sentiment.serve.direct import Direct, headers_of
from sentiment.serve.hosts import Hosts
from sentiment.serve.metrics import Metrics
from sentiment.serve.refusals import JSON, Gone, Refusal, refuse

log = logging.getLogger("sentiment.serve")
access = logging.getLogger("sentiment.serve.access")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_OWN = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_POLICY = b"content-security-policy"
_HEADERS = [*_OWN, (_POLICY, POLICY.encode())]
_JSON = JSON.encode()
_JSON_HEADERS = b"".join(b"%b: %b\r\n" % header for header in [(b"content-type", _JSON), *_HEADERS])
# The page itself and what tells whether the service is up; none of them answers a tweet or says how others were.
OPEN = ("/", "/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/docs", "/openapi.json")
_OPEN_PREFIX = "/static/"
_SENTENCES = {404: "no such address; GET /docs lists those there are", 405: "no such method at this address"}


class Gate:
    """Wraps the routes.

    Args:
        routes: the application inside.
        direct: addresses that are answered before it is asked.
        metrics: counts requests.
        hosts: that a request may name.
        token: that a request must carry as ``Authorization: Bearer ...``; empty for none.
    """

    def __init__(
        self, routes: Router, direct: Mapping[str, Direct], metrics: Metrics, hosts: Hosts, token: str = ""
    ) -> None:
        self.routes, self.direct, self.metrics, self.hosts = routes, direct, metrics, hosts
        self.token = token.encode()
        named = [route for route in reversed(routes.routes) if isinstance(route, Route)]
        self._names: dict[object, str] = {
            route.endpoint: route.path for route in named
        }  # of several, that which comes first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.routes(scope, receive, send)
            return
        started, sending = time.perf_counter(), _Sending(send)
        headers = headers_of(scope)
        direct = self.direct.get(scope["path"]) if headers.get(b"content-type") == _JSON else None
        if scope["method"] != "POST":
            direct = None
        try:
            self.hosts.check(scope["headers"], scope["http_version"])
            self._check_token(scope["path"], headers)
            if direct:
                await sending.json(await direct.answer(headers, receive), scope["extensions"][WHOLE])
            else:
                scope["app"] = self  # lets Starlette raise what it refuses, so that all refusals are said here
                await self.routes(scope, receive, sending)
        except Exception as error:
            await self._refuse(error, sending, scope, receive)
        route = direct.route if direct else self._names.get(scope.get("endpoint", self), "other")
        self._note(scope["method"], route, sending.status, time.perf_counter() - started)

    @staticmethod
    async def _refuse(error: Exception, sending: "_Sending", scope: Scope, receive: Receive) -> None:
        if isinstance(error, Gone | ClientDisconnect):
            sending.status = sending.status or 499
            return
        if isinstance(error, HTTPException):
            sentence = _SENTENCES.get(error.status_code, error.detail)
            error = Refusal(error.status_code, sentence, error.headers)
        elif not isinstance(error, Refusal):
            log.error("defect: %s", where(error))
            error = Refusal(500, "the service failed at this request; its log says where")
        if not sending.status:  # else an answer has begun, and breaking it off is all that is left
            await refuse(error.status, error.message, error.headers)(scope, receive, sending)

    def _check_token(self, path: str, headers: Mapping[bytes, bytes]) -> None:
        if not self.token or path in OPEN or path.startswith(_OPEN_PREFIX):
            return
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not hmac.compare_digest(token.strip(), self.token):
            raise Refusal(
                401, "expected Authorization: Bearer with this service's token", {"www-authenticate": "Bearer"}
            )

    def _note(self, method: str, route: str, status: int, seconds: float) -> None:
        self.metrics.request(route, status, seconds)
        if access.isEnabledFor(logging.INFO):
            access.info("%s %s %d %.1f ms", method, route, status, 1000 * seconds)


class _Sending:
    """Sends a response with this service's headers, and notes its ``status``; 0 as long as there is none."""

    __slots__ = ("send", "status")

    def __init__(self, send: Send) -> None:
        self.send, self.status = send, 0

    async def __call__(self, message: Message) -> None:
        """Send a message of the framework."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message["headers"]
            policy = _OWN if any(name == _POLICY for name, _ in headers) else _HEADERS
            message["headers"] = [*headers, *policy]
        await self.send(message)

    async def json(self, body: bytes, cycle: RequestResponseCycle) -> None:
        """Send an answer."""
        self.status = 200
        await answer_whole(cycle, _JSON_HEADERS, body)


def where(error: BaseException) -> str:
    """An error's type and the lines it went through, without its message, which may quote a tweet."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {' < '.join(f'{frame.filename}:{frame.lineno}' for frame in reversed(frames))}"
